"""What one turn of the registry changed, and no more."""

from __future__ import annotations

import msgspec

from globaldns.model.address import Address
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.service import Conflict, Service


class Move(msgspec.Struct, frozen=True, gc=False):
    """A host that is answered with other VIPs than before; never silent."""

    host: Host
    old: tuple[Address, ...]
    new: tuple[Address, ...]
    reason: str
    """``pinned``, ``renumbered``, ``added`` or ``removed`` (some VIPs more or less),
    ``istio-local`` (to or from Istio's allocation), else why its old claim was retired:
    ``collision``, ``unpinned``, ``replaced``, ``withdrawn``."""


class Delta(msgspec.Struct, frozen=True, gc=False):
    """What changed in one turn."""

    complete: bool
    """Whether a name that is not a service is known to be absent."""
    services: tuple[Service, ...] = ()
    """New or changed."""
    removed: tuple[Host, ...] = ()
    claims: tuple[Claim, ...] = ()
    """To be written to our ledger; their hosts are published when it has them."""
    conflicts: tuple[Conflict, ...] = ()
    """That were not there before."""
    moves: tuple[Move, ...] = ()
