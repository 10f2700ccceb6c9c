"""Where the GlobalService of a host stands. Pure.

It stands in the service's own namespace, under its own name. A host whose namespace this cluster
does not have, and one of another shape than ``name.namespace``, has its object in our namespace,
marked with the host that it is about. Its name ends with a hash of the host there: ``a-b.c`` and
``a.b-c`` are two.
"""

from __future__ import annotations

from collections.abc import Container

from globaldns.model.host import Host, is_service_host
from globaldns.model.place import Place, hashed_label


def place_of(host: Host, namespaces: Container[str], ours: str) -> Place:
    """Return where a host's object stands, in a cluster that has some namespaces."""
    name, _, namespace = host.partition(".")
    if is_service_host(host) and namespace in namespaces:
        return Place(namespace, name)
    return Place(ours, hashed_label(host))


def is_at_home(host: Host, place: Place) -> bool:
    """Whether an object stands in the namespace, and under the name, of its own host."""
    return host == f"{place.name}.{place.namespace}"
