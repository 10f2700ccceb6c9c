"""What others have written in our ledger, and forgotten in it, told with what comes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from globaldns.ledger.shelf import News
from globaldns.model.claim import Claim, ClaimKey

GATHER_SECONDS = 0.02
"""What others write within it is told at once: a mesh's first numbers are a thousand objects."""


class Gathering:
    """Tells it soon; of one claim what was seen last."""

    def __init__(self, tell: Callable[[Sequence[Claim], Sequence[Claim]], None]) -> None:
        self._tell = tell
        self._new: dict[ClaimKey, Claim] = {}
        self._gone: dict[ClaimKey, Claim] = {}
        self._telling: asyncio.TimerHandle | None = None

    def take(self, news: News) -> None:
        """Take what is to be told."""
        for claim in news.gone:
            self._new.pop(claim.key, None)
            self._gone[claim.key] = claim
        for claim in news.new:
            self._gone.pop(claim.key, None)
            self._new[claim.key] = claim
        if (self._new or self._gone) and self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(GATHER_SECONDS, self.tell_now)

    def tell_now(self) -> None:
        """Tell all that was taken."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        new, self._new = self._new, {}
        gone, self._gone = self._gone, {}
        if new or gone:
            self._tell(tuple(new.values()), tuple(gone.values()))
