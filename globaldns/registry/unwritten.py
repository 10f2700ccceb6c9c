"""Claims on their way to our ledger: nothing is answered by them before it has them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.registry.claims import find

_NO_CLAIMS: tuple[Claim, ...] = ()


class Unwritten:
    """What our ledger does not have yet, by host, in its newest version."""

    def __init__(self) -> None:
        self._pending: dict[Host, tuple[Claim, ...]] = {}
        self._new: set[Host] = set()
        self._farewells: list[Claim] = []
        """Retirements of claims that count no longer, of which our ledger alone has to know."""
        self._new_farewells: list[Claim] = []

    def __contains__(self, host: Host) -> bool:
        """Whether any claim of a host is on its way."""
        return host in self._pending

    def __bool__(self) -> bool:
        return bool(self._pending or self._farewells)

    def among(self, hosts: AbstractSet[Host]) -> set[Host]:
        """Return those of some hosts that have claims on their way."""
        return {*(self._pending.keys() & hosts)}

    def of_host(self, host: Host) -> tuple[Claim, ...]:
        """Return the claims of a host that are on their way."""
        return self._pending.get(host, _NO_CLAIMS)

    def everything(self) -> tuple[Claim, ...]:
        """Return all that is on its way, by host."""
        pending = (claim for host in sorted(self._pending) for claim in self._pending[host])
        return (*pending, *self._farewells)

    def take_new(self) -> tuple[Claim, ...]:
        """Return the claims of the hosts that got any since this was asked last."""
        hosts, self._new = sorted(self._new), set()
        farewells, self._new_farewells = self._new_farewells, []
        return (*(claim for host in hosts for claim in self.of_host(host)), *farewells)

    def bid_farewell(self, claim: Claim) -> None:
        """Have our ledger retire a claim of which nobody else is to hear any more."""
        self._farewells.append(claim)
        self._new_farewells.append(claim)

    def add(self, claim: Claim) -> None:
        """Put a claim on its way, in place of an older version of it."""
        self._new.add(claim.host)
        pending = self._pending.get(claim.host)
        if pending is None:
            self._pending[claim.host] = (claim,)
            return
        older = find(pending, claim)
        left = tuple(other for other in pending if other is not older)
        self._pending[claim.host] = (*left, older.merge(claim) if older else claim)

    def discard(self, claim: Claim) -> bool:
        """Note that a claim has arrived, or is to be forgotten; return whether it was pending."""
        pending = self._pending.get(claim.host, _NO_CLAIMS)
        left = tuple(other for other in pending if other != claim)
        if len(left) == len(pending):
            return False
        if left:
            self._pending[claim.host] = left
        else:
            del self._pending[claim.host]
        return True

    def acknowledge(self, claims: Iterable[Claim]) -> set[Host]:
        """Note that our ledger has claims; return the hosts that waited for it."""
        claims = tuple(claims)
        if self._farewells:
            self._farewells = [claim for claim in self._farewells if claim not in claims]
        return {claim.host for claim in claims if self.discard(claim)}
