"""The ledger as text, once a day: what ``vip import`` reads when the file is lost."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from globaldns.model.claim import Claim, Marker, format_claim, format_head
from globaldns.state import StateDirectory

FOLDER = "backups"
KEPT = 14
"""Two weeks: longer than a quarantine of seven days, within which a number must not be reused."""

_PART = 1000
"""Lines that are sorted at once."""
_PREFIX = f"{FOLDER}/ledger-"
_SUFFIX = ".claims"


def is_backup_due(state: StateDirectory, marker: Marker, now: int) -> bool:
    """Whether today has no backup of this ledger yet.

    Raises:
        StateError: the folder, or today's backup, cannot be read.
    """
    return _name(state, marker, now) not in _backups(state)


def write_backup(
    state: StateDirectory,
    claims: Collection[Claim],
    *,
    cluster: str,
    marker: Marker,
    now: int,
    again: bool = False,
    pace: Callable[[Iterable[Claim]], Iterable[Claim]] = iter,
) -> str | None:
    """Write today's backup and remove what is too old; return its name, None if it is not due.

    ``pace`` yields the claims as fast as they are to be written.

    It is not due when today has one of this ledger, unless it is to be written ``again``; one of
    another ledger stays beside it. A ledger without claims never is: a new ledger must not push out
    what the lost one left.

    Raises:
        StateError: it cannot be written.
    """
    name, names = _name(state, marker, now), _backups(state)
    if not claims or (name in names and not again):
        return None
    head = format_head(marker, cluster=cluster, count=len(claims), now=now)
    state.write(name, head.encode(), *_lines(pace(claims)))
    for old in sorted((*names, name))[:-KEPT]:
        state.remove(old)
    return name


def newest_backup(state: StateDirectory) -> Path | None:
    """Return where the newest backup is."""
    names = _backups(state)
    return state.path / names[-1] if names else None


def _is_of(state: StateDirectory, name: str, marker: Marker) -> bool:
    head = f"# ledger {marker.id} ".encode()
    return state.read(name, len(head)) == head


def _name(state: StateDirectory, marker: Marker, now: int) -> str:
    """Return today's name; where another ledger has it, one that comes after it in order."""
    day = f"{_PREFIX}{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"
    name = f"{day}{_SUFFIX}"
    if name in _backups(state) and not _is_of(state, name, marker):
        return f"{day}_{marker.id[:8]}{_SUFFIX}"
    return name


def _lines(claims: Iterable[Claim]) -> Iterator[bytes]:
    """Yield sorted lines; sorted in parts, because sorting all keeps the interpreter too long."""
    remaining = iter(claims)
    parts = iter(lambda: [format_claim(claim) for claim in islice(remaining, _PART)], [])
    for line in heapq.merge(*map(sorted, parts)):
        yield f"{line}\n".encode()


def _backups(state: StateDirectory) -> tuple[str, ...]:
    return tuple(
        name for name in state.names(FOLDER) if name.startswith(_PREFIX) and name.endswith(_SUFFIX)
    )
