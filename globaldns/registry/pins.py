"""Pins: addresses that a person wrote, by which object, and which of two objects counts."""

from __future__ import annotations

import msgspec

from globaldns.model.address import Address
from globaldns.model.export import Export, Origin
from globaldns.model.host import Host
from globaldns.model.view import Policy


class Pinning(msgspec.Struct, frozen=True, gc=False):
    """What pins a host in one cluster: an export's own addresses or a GlobalService's."""

    cluster: str
    host: Host
    origin: Origin
    created_at: int | None
    pins: tuple[Address, ...]
    dated_at: int | None = None
    """Since when its pins count; None: since they were seen, for a GlobalService is there before
    anybody writes into it."""
    rival: Pinning | None = None
    """The cluster's younger pinning object, which does not count."""

    @property
    def age_key(self) -> tuple[float, str, str, str]:
        """Sort key of "older": creation time (None last), cluster, namespace, name."""
        created = float("inf") if self.created_at is None else self.created_at
        return (created, self.cluster, self.origin.namespace, self.origin.name)


def choose_pinning(cluster: str, export: Export | None, policy: Policy | None) -> Pinning | None:
    """Return what pins a host in one cluster; of two objects the older."""
    found = sorted(
        (
            Pinning(
                cluster,
                written.host,
                written.origin,
                written.created_at,
                written.pins,
                written.created_at if isinstance(written, Export) else None,
            )
            for written in (export, policy)
            if written is not None and written.pins
        ),
        key=lambda pinning: pinning.age_key,
    )
    if not found:
        return None
    oldest, *rivals = found
    return msgspec.structs.replace(oldest, rival=rivals[0]) if rivals else oldest
