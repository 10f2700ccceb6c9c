"""Claims on their way to our ledger: nothing is answered by them before it has them.

What is decided may be taken back until then. What other ledgers have made of claims is no decision
of ours: nothing waits until ours has that too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, KeysView

import msgspec

from globaldns.model.claim import Claim, ClaimKey
from globaldns.model.host import Host
from globaldns.registry.claims import find

_NO_CLAIMS: tuple[Claim, ...] = ()


class TakenBack(msgspec.Struct, frozen=True):
    """What was decided and is not to be."""

    claims: tuple[Claim, ...]
    written: tuple[Claim, ...]
    """Those of them that our ledger has, as it has them."""


class Unwritten:
    """What our ledger does not have yet, by host, in its newest version."""

    def __init__(self) -> None:
        self._pending: dict[Host, tuple[Claim, ...]] = {}
        self._written: dict[ClaimKey, Claim] = {}
        """Of those on their way, what our ledger has of them: they are retired since."""
        self._new: set[Host] = set()
        self._notes: list[Claim] = []
        """Claims that were taken over, and retirements of claims that count no longer."""
        self._new_notes: list[Claim] = []

    def __contains__(self, host: Host) -> bool:
        """Whether any claim of a host is on its way."""
        return host in self._pending

    def __bool__(self) -> bool:
        return bool(self._pending or self._notes)

    @property
    def hosts(self) -> KeysView[Host]:
        """The hosts that have claims on their way."""
        return self._pending.keys()

    def of_host(self, host: Host) -> tuple[Claim, ...]:
        """Return the claims of a host that are on their way."""
        return self._pending.get(host, _NO_CLAIMS)

    def written(self, claim: Claim) -> Claim | None:
        """Return a claim that is known as our ledger has it; None: it does not have it."""
        pending = self._pending.get(claim.host)
        if pending is None or find(pending, claim) is None:
            return claim
        return self._written.get(claim.key) if self._written else None

    @property
    def former(self) -> Collection[Claim]:
        """What our ledger has of those on their way."""
        return self._written.values()

    def everything(self) -> tuple[Claim, ...]:
        """Return all that is on its way, by host."""
        pending = (claim for host in sorted(self._pending) for claim in self._pending[host])
        return (*pending, *self._notes)

    def take_new(self) -> tuple[Claim, ...]:
        """Return the claims of the hosts that got any since this was asked last."""
        hosts, self._new = sorted(self._new), set()
        notes, self._new_notes = self._new_notes, []
        return (*(claim for host in hosts for claim in self.of_host(host)), *notes)

    def note(self, claims: Iterable[Claim]) -> None:
        """Have our ledger get claims of which it alone has to know, or that are known anyway."""
        new = tuple(claims)
        self._notes += new
        self._new_notes += new

    def add(self, claim: Claim, known: Claim | None = None) -> None:
        """Put a claim on its way, in place of an older version of it.

        ``known`` is what was known of it before.
        """
        self._new.add(claim.host)
        pending = self._pending.get(claim.host, _NO_CLAIMS)
        older = find(pending, claim)
        if older is None and known is not None:
            self._written[claim.key] = known
        left = tuple(other for other in pending if other is not older)
        self._pending[claim.host] = (*left, older.merge(claim) if older else claim)

    def forget(self, claim: Claim) -> None:
        """Forget a claim, in whatever version: it is not to be written any more."""
        if pending := find(self.of_host(claim.host), claim):
            self._drop(pending)

    def acknowledge(self, claims: Collection[Claim]) -> set[Host]:
        """Note that our ledger has claims; return the hosts that waited for it."""
        if self._notes:
            written = frozenset(claims)
            self._notes = [claim for claim in self._notes if claim not in written]
        return {claim.host for claim in claims if self._arrive(claim)}

    def take_back(self) -> TakenBack:
        """Have nothing on its way that was decided; return it."""
        claims = tuple(claim for pending in self._pending.values() for claim in pending)
        taken = TakenBack(claims, tuple(self._written.values()))
        self._pending, self._written, self._new = {}, {}, set()
        return taken

    def _arrive(self, claim: Claim) -> bool:
        pending = find(self.of_host(claim.host), claim)
        if pending is None:
            return False
        if pending == claim:
            self._drop(pending)
        else:  # a newer version is on its way
            self._written[claim.key] = self._written.get(claim.key, claim).merge(claim)
        return True

    def _drop(self, claim: Claim) -> None:
        if self._written:
            self._written.pop(claim.key, None)
        left = tuple(other for other in self._pending[claim.host] if other is not claim)
        if left:
            self._pending[claim.host] = left
        else:
            del self._pending[claim.host]
