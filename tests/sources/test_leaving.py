"""What an API server loses: taken away by its owner, or gone with its whole kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from globaldns.kube.watch import Absent, Begun, Contact, Failed, Listed, Opened, Removed
from globaldns.model.finding import Severity
from globaldns.model.view import SourceState
from tests.sources.manifests import GRACE, at
from tests.sources.served import BROKEN, Object, Telling, comparable, entry, kept, made, raw, read
from tests.sources.served import service as plain_service

FENCE = made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"})
PIN = made("GlobalService", "a", spec={"pins": ["240.0.0.7"]})
ENTRY = entry("a")
EXPORT = made("ServiceExport", "s")
WORKLOAD = made(
    "WorkloadEntry", "w", spec={"address": "10.0.0.9"}, metadata={"labels": {"app": "w"}}
)
OTHERS: dict[str, Sequence[Object]] = {
    "ServiceExport": [plain_service("s", exported=False)],
    "WorkloadEntry": [
        made(
            "ServiceEntry",
            "b",
            spec={
                "hosts": ["b.ns.global"],
                "location": "MESH_INTERNAL",
                "resolution": "STATIC",
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "workloadSelector": {"labels": {"app": "w"}},
            },
        )
    ],
}
"""What a word is about, by its kind."""
OURS = entry("ours")
OURS["metadata"]["labels"] = {"globaldns.io/owned-by": "east"}
WORDS = pytest.mark.parametrize(
    "word", [FENCE, PIN, ENTRY, EXPORT, WORKLOAD], ids=lambda word: word["kind"]
)
SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT


def said(telling: Telling) -> Any:
    """Return all that is known by now of exports, pins and fences."""
    view = comparable(telling.view)
    return view.exports, view.policies, view.fences


def heard(word: Object, *objects: Object) -> Telling:
    telling = read(word, *OTHERS.get(word["kind"], ()), *objects)
    telling.list_all()
    return telling


def without(word: Object) -> Any:
    """Return what is known where nobody ever said a word."""
    telling = read(*OTHERS.get(word["kind"], ()))
    telling.list_all()
    return said(telling)


def lose(telling: Telling, word: Object) -> None:
    telling.tell(telling.scope(word["kind"]), Removed(raw(word)))
    telling.drain()


def asked(telling: Telling, word: Object) -> bool:
    """Whether it is to be asked by now whether a kind stays."""
    return telling.scope(word["kind"]) in telling.following.leaving.missing(
        at(telling.seconds).steady
    )


def believe(telling: Telling, word: Object) -> None:
    telling.following.leaving.believe(telling.scope(word["kind"]), at(telling.seconds).steady)
    telling.drain()


def removed_for_good(*kinds: str) -> Object:
    annotations = {"globaldns.io/removed-kinds": ", ".join(kinds)}
    return made("Namespace", "kube-system", metadata={"annotations": annotations})


@WORDS
def test_a_word_is_gone_once_the_server_is_seen_to_keep_its_kind(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    assert before != without(word)
    assert telling.following.leaving.missing_until is None
    lose(telling, word)
    assert (said(telling), asked(telling, word)) == (before, True)
    believe(telling, word)
    assert (said(telling), asked(telling, word)) == (without(word), False)
    assert telling.following.leaving.missing_until is None


@WORDS
def test_a_word_that_goes_with_its_kind_stands_and_that_is_reported(word: Object) -> None:
    telling = heard(word)
    before, scope = said(telling), telling.scope(word["kind"])
    lose(telling, word)
    telling.following.leaving.end(scope)
    telling.drain()
    for notice in (Contact(), Opened(), Absent()):
        assert (said(telling), asked(telling, word)) == (before, False)
        assert telling.following.freshness.state is SILENT
        assert str(scope.resource) in telling.following.freshness.reason
        (finding,) = telling.following.findings()
        assert finding.object == str(scope.resource)
        assert "CustomResourceDefinition" in finding.hint
        assert f"globaldns.io/removed-kinds={scope.resource}" in finding.hint
        telling.tell(scope, notice)
        telling.drain()
    telling.wait(10 * GRACE)
    assert said(telling) == before


@WORDS
def test_what_a_kind_loses_while_it_goes_is_asked_for_no_more(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    telling.following.leaving.end(telling.scope(word["kind"]))
    lose(telling, word)
    telling.wait(10 * GRACE)
    assert (said(telling), asked(telling, word)) == (before, False)


@WORDS
def test_a_kind_that_is_not_served_any_more_takes_nothing_along(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    lose(telling, word)
    telling.tell(telling.scope(word["kind"]), Absent())
    telling.wait(10 * GRACE)
    assert (said(telling), asked(telling, word)) == (before, False)


@WORDS
def test_a_kind_that_is_back_may_lack_words_for_a_while(word: Object) -> None:
    telling = heard(word)
    before, scope = said(telling), telling.scope(word["kind"])
    telling.tell(scope, Absent(), Begun(), Listed())
    telling.drain()
    assert telling.following.freshness.state is SYNCED
    telling.wait(GRACE - 0.1)
    assert (said(telling), asked(telling, word)) == (before, False)
    telling.wait(0.1)
    assert asked(telling, word)
    believe(telling, word)
    assert said(telling) == without(word)


@WORDS
def test_a_list_that_lacks_a_word_is_as_good_as_its_removal(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    telling.tell(telling.scope(word["kind"]), Begun(), Listed())
    telling.drain()
    assert (said(telling), asked(telling, word)) == (before, True)


@WORDS
def test_a_word_that_is_said_again_is_not_gone(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    lose(telling, word)
    telling.put(word)
    assert not asked(telling, word)
    believe(telling, word)
    assert said(telling) == before


@WORDS
def test_what_is_told_after_the_question_is_not_answered_by_it(word: Object) -> None:
    telling = heard(word)
    before = said(telling)
    telling.seconds = 2.0
    lose(telling, word)
    telling.following.leaving.believe(telling.scope(word["kind"]), at(1.0).steady)
    telling.drain()
    assert said(telling) == before


@pytest.mark.parametrize("word", [FENCE, PIN, EXPORT], ids=lambda word: word["kind"])
def test_a_kind_that_went_between_two_runs_took_nothing_along(word: Object) -> None:
    others = (*OTHERS.get(word["kind"], ()), entry("c"))
    remembered = kept(word, *others)
    telling = Telling(*others, remembered=remembered)
    scope = telling.scope(word["kind"])
    telling.tell(scope, Absent())
    telling.list_all(but=[scope])
    telling.wait(10 * GRACE)
    view = comparable(telling.view)
    assert {one.host for one in view.exports} == {one.host for one in remembered.exports}
    assert (len(view.fences), len(view.policies)) == (
        len(remembered.fences),
        len(remembered.policies),
    )
    assert telling.following.freshness.state is SILENT
    assert str(scope.resource) in telling.following.freshness.reason


def test_entries_whose_kind_went_between_two_runs_stand() -> None:
    telling = Telling(remembered=kept(entry("a")))
    scope = telling.scope("ServiceEntry")
    telling.tell(scope, Absent())
    telling.list_all(but=[scope])
    telling.wait(10 * GRACE)
    assert telling.hosts == {"a.ns"}


@pytest.mark.parametrize("objects", [(), (OURS,)], ids=["nothing", "what we wrote"])
def test_a_kind_of_which_nothing_counts_goes_and_is_not_missed(objects: tuple[Object, ...]) -> None:
    telling = read(plain_service("s"), *objects)
    scope = telling.scope("ServiceEntry")
    for one in objects:
        lose(telling, one)
    telling.following.leaving.end(scope)
    assert telling.following.leaving.missing_until is None
    telling.tell(scope, Absent())
    telling.drain()
    assert telling.following.freshness.state is SYNCED
    assert telling.following.findings() == []


def test_a_kind_that_was_emptied_before_it_went_is_not_missed_after_a_restart_either() -> None:
    telling = read(entry("a"), plain_service("s"), remembered=kept(entry("a"), plain_service("s")))
    telling.remove(entry("a"))
    telling.tell(telling.scope("ServiceEntry"), Absent())
    telling.wait(GRACE)
    assert telling.following.freshness.state is SYNCED
    assert telling.hosts == {"s.ns"}


@WORDS
def test_what_a_kind_said_ends_once_it_is_said_to_be_removed_for_good(word: Object) -> None:
    telling = heard(word)
    scope = telling.scope(word["kind"])
    lose(telling, word)
    telling.following.leaving.end(scope)
    telling.tell(scope, Absent())
    telling.put(removed_for_good("x.example.test", str(scope.resource)))
    assert said(telling) == without(word)
    assert telling.following.freshness.state is SYNCED
    (finding,) = telling.following.findings()
    assert "x.example.test" in finding.reason
    for notice in (Absent(), BROKEN, Absent()):
        telling.tell(scope, notice)
        telling.drain()
        assert telling.following.freshness.state is SYNCED


@WORDS
def test_what_is_to_be_removed_for_good_goes_at_once_and_is_warned_of_until_then(
    word: Object,
) -> None:
    telling = heard(word)
    scope = telling.scope(word["kind"])
    before = said(telling)
    telling.put(removed_for_good(str(scope.resource)))
    assert said(telling) == before
    (finding,) = telling.following.findings()
    assert (finding.severity, finding.object) == (Severity.WARNING, "Namespace kube-system")
    assert "it is served" in finding.reason
    lose(telling, word)
    telling.following.leaving.end(scope)
    telling.drain()
    assert said(telling) == without(word)


def test_a_kind_that_was_removed_for_good_between_two_runs_is_not_waited_for() -> None:
    telling = Telling(
        removed_for_good("serviceentries.networking.istio.io"), remembered=kept(entry("a"))
    )
    scope = telling.scope("ServiceEntry")
    telling.tell(scope, Absent())
    telling.list_all(but=[scope])
    telling.wait(GRACE)
    assert telling.hosts == set()
    assert telling.following.freshness.state is SYNCED


def test_a_kind_that_may_not_be_read_any_more_is_not_removed_for_good() -> None:
    telling = read(entry("a"), removed_for_good("serviceentries.networking.istio.io"))
    telling.tell(telling.scope("ServiceEntry"), Failed(BROKEN.error))
    telling.drain()
    assert telling.hosts == {"a.ns"}
