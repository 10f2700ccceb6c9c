"""The GlobalServices of a running server: which are to be looked at, and what they are told.

Only a server whose own cluster is read from an API server has any.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from globaldns.admin.reports import MoveReport
from globaldns.app.membership import listed_access
from globaldns.app.mesh import Mesh
from globaldns.app.rules import export_rules
from globaldns.app.writing import WritableLedger
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry

if TYPE_CHECKING:
    from globaldns.apply.facts import PartState
    from globaldns.apply.globalservices import GlobalServices

Renumber = Callable[[Sequence[Host]], Awaitable[Sequence[MoveReport]]]
"""Gives hosts other numbers.

Raises:
    RequestRefused, LedgerError: no host has another.
"""


class Wiring(msgspec.Struct, frozen=True):
    """What of a server GlobalServices are made from."""

    mesh: Mesh
    ledger: WritableLedger
    config: Callable[[], Config]
    renumber: Renumber
    count: Callable[[str], None]


class GlobalServicesNews:
    """Tells them what a turn has changed."""

    def __init__(self, registry: Registry, services: GlobalServices) -> None:
        self.services = services
        self._registry = registry
        self._standing: dict[str, tuple[PartState, PartState]] = {}
        """How every cluster stood when this was looked at last."""

    def tell(self, delta: Delta) -> None:
        """Tell of a turn; where a cluster stands otherwise, that is about all its hosts."""
        hosts: dict[Host, None] = {}
        for cluster in self._changed_clusters():
            hosts.update(dict.fromkeys(self._registry.views.cluster(cluster).exports))
        hosts.update((service.host, None) for service in delta.services)
        hosts.update(dict.fromkeys(delta.removed))
        self.services.note(hosts, delta.moves)

    def _changed_clusters(self) -> list[str]:
        from globaldns.apply.facts import part_state, source_state  # noqa: PLC0415  # as below

        former = self._standing
        self._standing = {
            cluster: (part_state(self._registry, cluster), source_state(self._registry, cluster))
            for cluster in self._registry.settings.clusters
        }
        clusters = former.keys() | self._standing.keys()
        return [one for one in clusters if former.get(one) != self._standing.get(one)]


def make_global_services(wiring: Wiring) -> GlobalServicesNews | None:
    """Return what tells GlobalServices of turns; None: there are none to write."""
    config, mesh, ledger = wiring.config(), wiring.mesh, wiring.ledger
    registry = mesh.registry
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        return None
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.apply.facts import collect  # noqa: PLC0415
    from globaldns.apply.globalservices import GlobalServices  # noqa: PLC0415
    from globaldns.apply.refusing import judge_spec  # noqa: PLC0415
    from globaldns.apply.term import TermSeams, TermSettings  # noqa: PLC0415
    from globaldns.kube.client import Client  # noqa: PLC0415

    seams = TermSeams(
        facts=lambda host: collect(registry, host, is_complete=mesh.publication.snapshot.complete),
        hosts=lambda: hosts_by_change(registry),
        is_settled=lambda: registry.is_settled,
        is_complete=lambda: mesh.publication.snapshot.complete,
        may_write=lambda: not ledger.rest_reason,
        rate=lambda: wiring.config().routing.status_writes_per_second,
        renumber=lambda host, at: obey_wish(registry, host, at, wiring.renumber),
        judge_spec=lambda seen: judge_spec(
            seen,
            registry,
            export_rules(wiring.config(), config.cluster),
            now=mesh.clock.now(),
        ),
        count=wiring.count,
        wall=mesh.clock.now,
    )
    settings = TermSettings(config.cluster, config.namespace)
    services = GlobalServices(Client(access), settings, seams, ledger.until_writable)
    return GlobalServicesNews(registry, services)


def hosts_by_change(registry: Registry) -> list[Host]:
    """Return the hosts of all services, those that changed last at the end."""
    services = sorted(registry.services.values(), key=lambda service: service.changed_at)
    return [service.host for service in services]


async def obey_wish(registry: Registry, host: Host, wished_at: int, renumber: Renumber) -> None:
    """Give a host another number, unless it was chosen one since that was wished.

    That it was is what a server did which ended before it could say so.

    Raises:
        RequestRefused: our cluster does not export it, or it has no number that could move.
        LedgerError: it cannot be written.
    """
    own = registry.settings.cluster
    for claim in registry.claims.of_host(host):
        is_chosen = claim.kind is ClaimKind.CHOSEN and not claim.is_retired
        if is_chosen and claim.cluster == own and claim.allocated_at >= wished_at:
            return
    if all(export.cluster != own for export in registry.views.exports(host)):
        raise RequestRefused(
            f"{host} is not renumbered: {own} does not export it",
            hint="set spec.renumber in a cluster that does",
        )
    await renumber([host])
