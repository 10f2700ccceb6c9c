"""Where the documents of a host stand in a cluster."""

from __future__ import annotations

from collections.abc import Container

from globaldns.model.host import MAX_LABEL_OCTETS, Host, is_service_host, namespace_of
from globaldns.model.place import Place, hashed_label


def place_of(
    host: Host, zone: str, *, zones: tuple[str, ...], namespaces: Container[str], ours: str
) -> Place:
    """Return where a host's documents stand, in a cluster that has some namespaces.

    That is the service's own namespace, or ours if the cluster does not have it: there, where the
    name is too long, and where several zones are served it ends with a hash of the whole name.
    """
    home = namespace_of(host)
    is_home = is_service_host(host) and home in namespaces
    plain = f"{host.partition('.')[0]}-{zone.replace('.', '-')}"
    if is_home and zones == (zone,) and len(plain) <= MAX_LABEL_OCTETS:
        return Place(home, plain)
    return Place(home if is_home else ours, hashed_label(f"{host}.{zone}"))
