"""Claims of other clusters' ledgers on their way into our copies: no answer stands on them before.

Else what was answered a moment before a crash could be forgotten while its cluster is away.
"""

from __future__ import annotations

from collections.abc import Iterable

from globaldns.model.claim import Claim
from globaldns.model.host import Host


class Uncopied:
    """What other clusters say and our ledger has no copy of yet."""

    def __init__(self) -> None:
        self.is_awaited = False
        """Whether copies are made: where they are not, or cannot be, nothing waits for one."""
        self._new: set[Claim] = set()
        self._going: set[Claim] = set()

    def __contains__(self, claim: Claim) -> bool:
        """Whether a claim waits for its copy."""
        return claim in self._new or claim in self._going

    def __bool__(self) -> bool:
        return bool(self._new or self._going)

    def add(self, claims: Iterable[Claim]) -> None:
        """Have claims wait for their copy; those that are retired answer nothing."""
        if self.is_awaited:
            self._new.update(claim for claim in claims if claim.retired_at is None)

    def send(self) -> None:
        """Note that all of it is being copied."""
        self._going |= self._new
        self._new = set()

    def acknowledge(self) -> set[Host]:
        """Note that what was sent is copied; return its hosts."""
        self.is_awaited = True
        gone, self._going = self._going, set()
        return {claim.host for claim in gone}

    def give_up(self) -> set[Host]:
        """Wait for nothing until a copy succeeds; return the hosts that waited."""
        self.send()
        hosts = self.acknowledge()
        self.is_awaited = False
        return hosts
