"""What would be written for a host that a person's entry has in a cluster."""

from __future__ import annotations

import msgspec

from globaldns.istio.routes import Route, Site, make_route
from globaldns.model.export import Export, ExportKind
from globaldns.model.service import Service
from globaldns.registry.merge import merge_ports


class Replaced(msgspec.Struct, frozen=True):
    """A person's entry, and what would be written for a host of it."""

    own: Export
    route: Route


def replace_entry(service: Service, own: Export, site: Site) -> Replaced:
    """Return what would be written for a service if a person's entry did not have its host.

    A route that they wrote would be gone; an export of theirs would still be one.
    """
    exports = service.contributions
    if own.kind is ExportKind.ROUTE:
        exports = tuple(one for one in exports if one.cluster != own.cluster)
    bare = msgspec.structs.replace(
        service, contributions=exports, ports=merge_ports(exports), former=()
    )
    alone = msgspec.structs.replace(site, services=None)
    return Replaced(own, make_route(bare, None, alone))
