"""What an API server does not tell: what stands of it, and for how long."""

from __future__ import annotations

import pytest

from globaldns.errors import ApiError
from globaldns.kube.watch import (
    Absent,
    Begun,
    Contact,
    Failed,
    Opened,
)
from globaldns.model.view import (
    ClaimSet,
    Doubt,
    Remove,
    Reset,
    SetFreshness,
    SetLedger,
    SourceState,
)
from tests.sources.manifests import GRACE, at, removed
from tests.sources.served import (
    BROKEN,
    DECISIVE,
    DETAILS,
    FORBIDDEN,
    UNAUTHORIZED,
    Telling,
    entry,
    kept,
    line,
    read,
    service,
    shop,
    town,
    vip_ledger,
)

SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT
WAITING, REMEMBERED = SourceState.WAITING, SourceState.REMEMBERED


@pytest.mark.parametrize("kind", [*DECISIVE, *DETAILS])
@pytest.mark.parametrize("word", [BROKEN, FORBIDDEN, UNAUTHORIZED, Absent()])
def test_what_was_read_stands_whatever_is_answered_instead(
    kind: str, word: Failed | Absent
) -> None:
    telling = read(*town())
    telling.wait(GRACE)
    before = telling.view
    scope = telling.scope(kind, "ns")
    telling.tell(scope, word)
    telling.drain()
    telling.wait(10 * GRACE)
    assert telling.view.exports == before.exports
    assert telling.view.ledger == before.ledger
    assert telling.following.freshness.state is SILENT
    assert telling.following.freshness.reason
    assert [one.code for one in telling.following.findings()] == ["unreadable"]
    telling.tell(scope, Opened())
    telling.drain()
    assert telling.following.freshness.state is SYNCED
    assert telling.following.findings() == []


@pytest.mark.parametrize("word", [BROKEN, FORBIDDEN, Absent()])
@pytest.mark.parametrize(
    ("kind", "is_current"),
    [*((kind, False) for kind in DECISIVE), *((kind, True) for kind in DETAILS)],
)
def test_no_contact_counts_while_a_decisive_kind_is_silent(
    word: Failed | Absent,
    kind: str,
    is_current: bool,  # noqa: FBT001
) -> None:
    telling = read(*town())
    telling.tell(telling.scope(kind, "ns"), word)
    telling.seconds = 77
    telling.tell(telling.scope("Node" if kind != "Node" else "Service"), Contact())
    telling.following.note_contact(at(77))
    assert telling.following.freshness.contact == at(77 if is_current else 0).wall


@pytest.mark.parametrize("word", [BROKEN, Absent(), Begun()])
def test_no_contact_is_what_proves_nothing(word: Failed | Absent | Begun) -> None:
    telling = read(*shop())
    telling.seconds = 50
    telling.tell(telling.scope("Node"), word)
    assert telling.following.freshness.contact == at(0).wall


def test_contact_alone_is_no_change() -> None:
    telling = read(*shop())
    telling.wait(GRACE)
    telling.seconds += 50
    telling.tell(telling.scope("Service"), Contact())
    assert telling.drain() == []
    assert telling.following.freshness.contact == at(GRACE + 50).wall


def test_a_server_that_does_not_answer_is_silent_until_it_says_anything() -> None:
    telling = read(*shop())
    telling.following.note_silence(ApiError("does not answer in time"))
    assert [type(one) for one in telling.drain()] == [SetFreshness]
    assert telling.following.freshness.state is SILENT
    assert [one.reason for one in telling.following.findings()] == ["does not answer in time"]
    telling.tell(telling.scope("Node"), Opened())
    telling.drain()
    assert telling.following.freshness.state is SYNCED


def test_an_alarm_lets_nothing_count_until_it_is_over() -> None:
    telling = Telling(*shop(), remembered=kept(entry("old")))
    telling.following.raise_alarm("another cluster")
    telling.list_all()
    telling.wait(GRACE)
    assert (telling.hosts, telling.following.freshness.state) == ({"old.ns"}, REMEMBERED)
    assert [one.code for one in telling.following.findings()] == ["other-cluster"]
    telling.following.raise_alarm("")
    assert isinstance(telling.drain()[0], Reset)
    telling.following.raise_alarm("another cluster")
    telling.seconds += 10 * GRACE
    telling.tell(telling.scope("Service"), Contact())
    telling.drain()
    freshness = telling.following.freshness
    assert (freshness.state, freshness.contact) == (SILENT, at(GRACE).wall)


def test_what_is_remembered_and_not_listed_may_be_late_for_its_grace() -> None:
    telling = read(
        entry("new"), remembered=kept(entry("old"), vip_ledger("own-001", line("x.ns", 9)))
    )
    assert telling.hosts == {"old.ns", "new.ns"}
    assert telling.following.freshness.doubt is Doubt.YOUNG
    assert telling.following.next_turn(at(0).steady) == GRACE
    assert telling.wait(GRACE - 1) == []
    changes = telling.wait(1)
    assert Remove("east", "old.ns") in changes  # type: ignore[arg-type]
    assert SetLedger("east", ClaimSet()) in changes
    assert telling.following.freshness.doubt is Doubt.NONE
    assert telling.following.next_turn(at(GRACE).steady) is None


def test_what_is_late_and_comes_is_not_withdrawn_between() -> None:
    telling = read(remembered=kept(entry("old")))
    assert removed(telling.put(entry("old", port=81))) == []
    assert removed(telling.wait(GRACE)) == []
    assert telling.hosts == {"old.ns"}


@pytest.mark.parametrize("word", [BROKEN, FORBIDDEN, Absent()])
def test_what_is_late_does_not_end_while_it_could_not_be_told(word: Failed | Absent) -> None:
    telling = read(*shop(), remembered=kept(entry("old")))
    telling.wait(GRACE / 2)
    telling.tell(telling.scope("ServiceEntry"), word)
    telling.drain()
    telling.wait(10 * GRACE)
    assert "old.ns" in telling.hosts
    assert telling.following.freshness.doubt is Doubt.YOUNG
    assert telling.following.next_turn(at(11 * GRACE).steady) is None, "time alone changes nothing"
    telling.tell(telling.scope("ServiceEntry"), Opened())
    telling.drain()
    telling.wait(GRACE - 1)
    assert "old.ns" in telling.hosts, "it has its whole grace again"
    telling.wait(1)
    assert telling.hosts == {"a.ns", "b.ns"}
    assert telling.following.freshness.is_own_word


def test_a_server_that_dies_while_objects_may_be_late_takes_none_with_it() -> None:
    telling = read(remembered=kept(entry("old")))
    telling.following.note_silence(ApiError("connection refused"))
    telling.drain()
    telling.wait(10 * GRACE)
    assert telling.hosts == {"old.ns"}
    telling.following.raise_alarm("another cluster")
    telling.wait(10 * GRACE)
    assert telling.hosts == {"old.ns"}


@pytest.mark.parametrize("kind", DETAILS)
def test_a_name_ends_though_its_details_may_never_be_read(kind: str) -> None:
    telling = Telling(*shop())
    telling.list_all()
    denied = telling.scope(kind, "ns")
    telling = Telling(*shop(), remembered=kept(service("gone"), *shop()))
    telling.list_all(but=[denied])
    telling.tell(denied, FORBIDDEN)
    telling.list_all(but=[denied])
    telling.wait(GRACE)
    assert telling.hosts == {"a.ns", "b.ns"}


@pytest.mark.parametrize(
    ("kind", "still"),
    [
        ("Service", {"s.ns"}),
        ("Namespace", {"s.ns"}),
        ("ServiceExport", {"s.ns"}),
        ("ServiceEntry", {"s.ns", "e.ns"}),
        ("GlobalService", {"s.ns"}),
    ],
)
def test_what_may_stand_in_what_may_not_be_read_stands(kind: str, still: set[str]) -> None:
    telling = Telling(remembered=kept(service("s"), entry("e")))
    denied = telling.scope(kind)
    telling.tell(denied, FORBIDDEN)
    telling.list_all(but=[denied])
    telling.wait(GRACE)
    assert telling.hosts == still
