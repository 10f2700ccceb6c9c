"""What the log is told of one source: how it stands, and what is refused; each time it is news."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from globaldns.model.finding import Finding
from globaldns.model.view import Freshness, SourceState

logger = logging.getLogger(__name__)

MAX_LINES = 100
"""Lines about refused objects that one reading may log; ``check`` has all of them."""
_UNREAD = (SourceState.WAITING, SourceState.REMEMBERED)
"""It is being read: nothing is wrong yet."""


class Journal:
    """Knows what was told last."""

    def __init__(self, cluster: str) -> None:
        self._cluster = cluster
        self._standing = (SourceState.WAITING, "")
        self._restored_at: int | None = None
        self._refused: frozenset[tuple[str, str]] = frozenset()
        """Objects that are refused, each with a reason."""

    def _tell_restored(self, restored_at: int | None) -> None:
        former, self._restored_at = self._restored_at, restored_at
        if restored_at not in {None, former}:
            logger.warning(
                "an API server went back, as when etcd is restored from a backup",
                extra={"cluster": self._cluster, "fix": "apply again what was written since"},
            )

    def tell_standing(self, freshness: Freshness, **extra: object) -> None:
        """Log how the source stands, if that is news."""
        self._tell_restored(freshness.restored_at)
        standing = (freshness.state, freshness.reason)
        former, self._standing = self._standing, standing
        if former == standing or (standing[0] in _UNREAD and not standing[1]):
            return
        extra = {"cluster": self._cluster, **extra}
        state, reason = standing
        if state is not SourceState.SYNCED:
            logger.warning("source is silent", extra={**extra, "reason": reason})
        elif reason:
            logger.warning("source is read in part", extra={**extra, "reason": reason})
        else:
            logger.info("source is read", extra=extra)

    def tell_refusals(
        self, refused: Iterable[Finding], findings: Callable[[], Iterable[Finding]]
    ) -> None:
        """Log the objects that are refused since the last time; ``findings`` have their places."""
        former = self._refused
        self._refused = frozenset((one.object, one.reason) for one in refused)
        new = self._refused - former
        if not new:
            return
        told = [one for one in findings() if (one.object, one.reason) in new]
        for finding in told[:MAX_LINES]:
            logger.warning(
                "object is refused",
                extra={
                    "cluster": self._cluster,
                    "object": finding.object,
                    "file": finding.file,
                    "line": finding.line or None,
                    "reason": finding.reason,
                    "fix": finding.hint,
                },
            )
        if len(told) > MAX_LINES:
            logger.warning(
                "more objects are refused",
                extra={"cluster": self._cluster, "objects": len(told) - MAX_LINES},
            )
