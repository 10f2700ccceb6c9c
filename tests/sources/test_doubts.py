"""Whether what a view lacks is gone, or may be in what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from globaldns.model.view import Doubt, SourceState, View
from globaldns.sources.manifest import Reading
from globaldns.sources.remembered import decode_view, encode_view
from globaldns.sources.scan import Scan
from globaldns.sources.turns import Turns
from tests.sources.manifests import GRACE, at, entries, entry, put, started, vip_ledger
from tests.sources.turning import cannot_be_read, says_nothing, scanned, synced, take, turns


def b_cannot_be_read(path: str) -> Reading:
    return cannot_be_read(path) if path == "b" else says_nothing(path)


@pytest.mark.parametrize(
    ("found", "read"), [(scanned("a", "b"), says_nothing), (scanned("a"), b_cannot_be_read)]
)
def test_a_file_that_could_never_be_read_leaves_doubt_for_its_grace_after_it_is_read_or_gone(
    found: Scan, read: Callable[[str], Reading]
) -> None:
    one = turns()
    take(one, scanned("a", "b"), 0, b_cannot_be_read)
    take(one, scanned("a", "b"), 1000, b_cannot_be_read)
    assert (one.freshness.doubt, one.freshness.reason) == (
        Doubt.PARTIAL,
        "b could never be read as a whole",
    )
    assert [finding.code for finding in one.findings()] == ["unreadable-file"]
    take(one, found, 1001, read)
    assert (one.freshness.doubt, one.freshness.reason) == (Doubt.YOUNG, "")
    assert one.next_turn(at(1001).steady) == GRACE
    take(one, found, 1000 + GRACE, read)
    assert one.freshness.doubt is Doubt.YOUNG
    take(one, found, 1001 + GRACE, read)
    assert one.freshness.doubt is Doubt.NONE


def test_no_doubt_stays_where_the_file_that_cannot_be_read_is_new() -> None:
    one = turns()
    take(one, scanned("a"), 0, b_cannot_be_read)
    take(one, scanned("a", "b"), GRACE, b_cannot_be_read)
    assert one.freshness.doubt is Doubt.NONE


def read_before(*files: str) -> View:
    return View("east", freshness=synced(-GRACE), files=files)


def test_a_file_that_only_the_run_before_has_read_may_have_said_more_than_is_known() -> None:
    one = turns(read_before("a", "b"))
    take(one, scanned("a", "b"), 0, b_cannot_be_read)
    take(one, scanned("a", "b"), GRACE, b_cannot_be_read)
    assert one.freshness.doubt is Doubt.YOUNG
    assert one.freshness.is_known
    assert one.next_turn(at(GRACE).steady) is None
    take(one, scanned("a", "b"), GRACE + 1, says_nothing)
    assert one.freshness.doubt is Doubt.YOUNG
    take(one, scanned("a", "b"), 2 * GRACE + 1, says_nothing)
    assert one.freshness.doubt is Doubt.NONE
    take(one, scanned("a", "b"), 2 * GRACE + 2, b_cannot_be_read)
    assert one.freshness.doubt is Doubt.NONE


def test_what_could_never_be_looked_at_leaves_doubt_until_it_is_read_or_gone() -> None:
    one = turns()
    take(one, scanned("a", unreadable={"apps": "permission denied"}), 0, says_nothing)
    take(one, scanned("a", unreadable={"apps": "permission denied"}), 1000, says_nothing)
    assert one.freshness.doubt is Doubt.PARTIAL
    assert not one.freshness.is_heard
    assert one.freshness.reason == "apps could never be read as a whole"
    take(one, scanned("a", "apps/b"), 1001, cannot_be_read)
    assert one.freshness.reason == "apps/b could never be read as a whole"
    take(one, scanned("a", "apps/b"), 1002, says_nothing)
    assert (one.freshness.doubt, one.freshness.is_heard) == (Doubt.YOUNG, True)


def restarted(one: Turns) -> Turns:
    return turns(decode_view(encode_view(one.view(), one.view().exports), "east"))


def test_a_restart_does_not_forget_what_could_never_be_read() -> None:
    one = turns()
    for seconds in (0, GRACE):
        take(one, scanned("a", "b", unreadable={"x": "no"}), seconds, b_cannot_be_read)
    anew = restarted(one)
    assert (anew.freshness.state, anew.freshness.doubt) == (SourceState.REMEMBERED, Doubt.PARTIAL)
    for seconds in (0, 2 * GRACE):
        take(anew, scanned("a", "b", unreadable={"x": "no"}), seconds, b_cannot_be_read)
    assert anew.freshness.doubt is Doubt.PARTIAL
    take(anew, scanned("a", "b"), 3 * GRACE, says_nothing)
    assert anew.freshness.doubt is Doubt.YOUNG


def test_a_file_that_came_after_the_view_was_remembered_was_never_read() -> None:
    one = turns(read_before("a"))
    for seconds in (0, GRACE):
        take(one, scanned("a", "b"), seconds, b_cannot_be_read)
    assert one.freshness.doubt is Doubt.PARTIAL


def test_however_often_it_restarts_what_an_unread_file_said_is_known() -> None:
    one = turns(read_before("a", "b", "apps/c"))
    for _ in range(3):
        found = scanned("a", "b", "new", unreadable={"apps": "permission denied"})
        take(one, found, 0, b_cannot_be_read)
        assert one.freshness.is_known
        one = restarted(one)
    assert one.view().files == ("a", "apps/c", "b", "new")


def test_an_object_that_only_claims_know_may_be_late_once_its_file_can_be_read(root: Path) -> None:
    source = started(root, f=entry("a"), b="x: [")
    source.read_once(at(1000))
    (root / "b.yaml").write_text(entry("b"))
    source.read_once(at(1001))
    assert (source.freshness.is_known, source.freshness.is_own_word) == (True, False)
    (root / "b.yaml").write_text(entries("b", "b2"))
    assert put(source.read_once(at(1000 + GRACE))) == ["b2.ns"]
    assert not source.freshness.is_own_word
    source.read_once(at(1001 + GRACE))
    assert source.freshness.is_own_word


LEDGER = vip_ledger("east", "a.ns 240.128.0.9 2026-03-01T00:00:00Z east given - -")


@pytest.mark.parametrize("fault", ["cluster: east", "240.128.0.9"])
def test_a_ledger_that_was_never_taken_leaves_doubt(root: Path, fault: str) -> None:
    one = started(root, a=entry("a"), ledger=LEDGER.replace(fault, ""))
    one.read_once(at(GRACE))
    assert one.freshness.reason == "ledger.yaml could never be read as a whole"
    (root / "ledger.yaml").write_text(LEDGER)
    one.read_once(at(GRACE + 1))
    assert (one.freshness.doubt, one.freshness.reason) == (Doubt.YOUNG, "")
