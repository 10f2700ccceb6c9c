"""Turns of a directory in which each file says what a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from globaldns.model.finding import Finding, Severity
from globaldns.model.view import Change, Freshness, SourceState, View
from globaldns.sources.manifest import Manifest, Reading, Unread
from globaldns.sources.scan import Scan, Stamp
from globaldns.sources.turns import Turns
from tests.sources.manifests import GRACE, RULES, at

SMALL = Stamp(1, 10, 1)


def scanned(
    *paths: str,
    octets: int = 10,
    unreadable: dict[str, str] | None = None,
    empty: Iterable[str] = (),
) -> Scan:
    stamps = {path: Stamp(1, octets, 1) for path in paths}
    return Scan(stamps, unreadable or {}, empty=frozenset(empty))


def turns(view: View | None = None) -> Turns:
    return Turns(RULES, grace=GRACE, remembered=view)


def take(one: Turns, found: Scan, seconds: float, read: Callable[[str], Reading]) -> list[Change]:
    """Take a turn in which each file says what ``read`` says."""
    turn = one.turn(found, at(seconds))
    try:
        batch = next(turn)
        while True:
            batch = turn.send([read(path) for path in batch])
    except StopIteration as end:
        changes: list[Change] = end.value
        return changes


def says_nothing(path: str) -> Reading:
    return Manifest(path, SMALL, b"digest")


def cannot_be_read(path: str) -> Reading:
    finding = Finding(Severity.ERROR, "unreadable-file", "permission denied", file=path)
    return Unread(path, None, finding)


def synced(seconds: float) -> Freshness:
    return Freshness("east", SourceState.SYNCED, at(seconds).wall, zones=RULES.zones)
