"""Copies of other clusters' ledgers in ours, written as soon as anything in them changes.

They are for a restart during which such a cluster cannot be read: what the views remember is
seconds old, and what was answered in those seconds must not be forgotten.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import msgspec

from globaldns.app.writing import WritableLedger
from globaldns.model.view import ClaimSet

_NOTHING = ClaimSet()


class CopySeams(msgspec.Struct, frozen=True):
    """Where ledgers to be copied come from, and who is told of it."""

    said: Callable[[], Mapping[str, ClaimSet]]
    """What the other clusters say now in ledgers of their own."""
    begin: Callable[[], Mapping[str, ClaimSet]]
    """The same, told that it is being copied."""
    acknowledge: Callable[[], None]
    """Told that what was begun last is copied."""


class LedgerCopier:
    """Knows what is copied, and copies what is different."""

    def __init__(
        self, ledger: WritableLedger, seams: CopySeams, copied: Mapping[str, ClaimSet]
    ) -> None:
        self._ledger = ledger
        self._seams = seams
        self._copied = dict(copied)

    def know(self, copied: Mapping[str, ClaimSet]) -> None:
        """Learn what is copied already, where that was not known at the start."""
        self._copied = dict(copied)

    @property
    def is_behind(self) -> bool:
        """Whether anything is to be copied; cheap."""
        said = self._seams.said()
        if any(ledger is not self._copied.get(name) for name, ledger in said.items()):
            return True
        return any(name in said or name in self._copied for name in self._ledger.torn)

    async def forget(self, cluster: str) -> None:
        """Have no copy of what a cluster said.

        Raises:
            LedgerError: the copy stands.
        """
        old = self._copied.get(cluster)
        if old is not None:
            await self._ledger.copy(cluster, old, _NOTHING)
            del self._copied[cluster]

    def begin(self) -> Callable[[], Awaitable[None]]:
        """Return what copies all that is different now, as it is now."""
        return partial(self._copy, self._seams.begin())

    async def _copy(self, said: Mapping[str, ClaimSet]) -> None:
        """Copy what is said; of who has said nothing yet, what was copied last stands.

        Raises:
            LedgerError: it is not copied.
        """
        for cluster, ledger in {**self._copied, **said}.items():
            old = self._copied.get(cluster, _NOTHING)
            if ledger is not old or cluster in self._ledger.torn:
                await self._ledger.copy(cluster, old, ledger)
                self._copied[cluster] = ledger
        self._seams.acknowledge()
