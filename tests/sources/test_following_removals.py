"""What people said to globaldns, and who took it away: they, or somebody with the whole kind."""

from __future__ import annotations

import pytest

from globaldns.kube.watch import Absent, Begun, Contact, Listed, Opened, Removed
from globaldns.model.view import SourceState
from globaldns.sources.following import PROVEN_SECONDS
from tests.sources.manifests import GRACE, at
from tests.sources.served import Object, Telling, entry, kept, made, raw, read

FENCE = made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"})
PIN = made("GlobalService", "a", spec={"pins": ["240.0.0.7"]})
WORDS = pytest.mark.parametrize("word", [FENCE, PIN], ids=lambda word: word["kind"])
SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT


def said(telling: Telling) -> int:
    """Return how many pins and fences are known."""
    return len(telling.view.fences) + len(telling.view.policies)


def lose(telling: Telling, word: Object) -> None:
    telling.tell(telling.scope(word["kind"]), Removed(raw(word)))
    telling.drain()


def asked(telling: Telling, word: Object) -> bool:
    """Whether it is to be asked by now whether a kind stays."""
    return telling.scope(word["kind"]) in telling.following.missing(at(telling.seconds).steady)


@WORDS
def test_a_word_is_gone_once_the_server_is_seen_to_keep_its_kind(word: Object) -> None:
    telling = read(word)
    scope = telling.scope(word["kind"])
    lose(telling, word)
    assert (said(telling), asked(telling, word)) == (1, False)
    assert telling.following.missing_until == at(PROVEN_SECONDS).steady
    telling.wait(PROVEN_SECONDS)
    assert (said(telling), asked(telling, word)) == (1, True)
    telling.following.believe(scope, at(telling.seconds).steady)
    telling.drain()
    assert (said(telling), asked(telling, word)) == (0, False)
    assert telling.following.missing_until is None


@WORDS
def test_a_word_that_goes_with_its_kind_stands_and_that_is_reported(word: Object) -> None:
    telling = read(word)
    scope = telling.scope(word["kind"])
    lose(telling, word)
    telling.wait(PROVEN_SECONDS)
    telling.following.end(scope)
    telling.drain()
    for notice in (Contact(), Opened(), Absent()):
        assert (said(telling), asked(telling, word)) == (1, False)
        assert telling.following.freshness.state is SILENT
        assert str(scope.resource) in telling.following.freshness.reason
        (finding,) = telling.following.findings()
        assert "CustomResourceDefinition" in finding.reason + finding.hint
        telling.tell(scope, notice)
        telling.drain()
    telling.wait(10 * GRACE)
    assert said(telling) == 1


@WORDS
def test_a_kind_that_is_not_served_any_more_takes_nothing_along(word: Object) -> None:
    telling = read(word)
    lose(telling, word)
    telling.tell(telling.scope(word["kind"]), Absent())
    telling.wait(10 * GRACE)
    assert (said(telling), asked(telling, word)) == (1, False)


@WORDS
def test_a_kind_that_is_back_may_lack_words_for_a_while(word: Object) -> None:
    telling = read(word)
    scope = telling.scope(word["kind"])
    telling.tell(scope, Absent(), Begun(), Listed())
    telling.drain()
    assert telling.following.freshness.state is SYNCED
    telling.wait(GRACE - 0.1)
    assert (said(telling), asked(telling, word)) == (1, False)
    telling.wait(0.1)
    assert asked(telling, word)
    telling.following.believe(scope, at(telling.seconds).steady)
    telling.drain()
    assert said(telling) == 0


@WORDS
def test_a_list_that_lacks_a_word_is_as_good_as_its_removal(word: Object) -> None:
    telling = read(word)
    scope = telling.scope(word["kind"])
    telling.tell(scope, Begun(), Listed())
    assert not asked(telling, word)
    telling.wait(PROVEN_SECONDS)
    assert (said(telling), asked(telling, word)) == (1, True)


@WORDS
def test_a_word_that_is_said_again_is_not_gone(word: Object) -> None:
    telling = read(word)
    scope = telling.scope(word["kind"])
    lose(telling, word)
    telling.put(word)
    lose(telling, word)
    telling.seconds = PROVEN_SECONDS / 2
    telling.put(word)
    telling.wait(PROVEN_SECONDS)
    assert not asked(telling, word)
    telling.following.believe(scope, at(telling.seconds).steady)
    telling.drain()
    assert said(telling) == 1


@WORDS
def test_what_is_told_after_the_question_is_not_answered_by_it(word: Object) -> None:
    telling = read(word)
    lose(telling, word)
    telling.following.believe(telling.scope(word["kind"]), at(PROVEN_SECONDS / 2).steady)
    telling.drain()
    assert said(telling) == 1


@WORDS
def test_a_kind_that_went_between_two_runs_took_nothing_along(word: Object) -> None:
    telling = Telling(entry("a"), remembered=kept(word, entry("a")))
    scope = telling.scope(word["kind"])
    telling.tell(scope, Absent())
    telling.list_all(but=[scope])
    telling.wait(10 * GRACE)
    assert said(telling) == 1
    assert telling.following.freshness.state is SILENT
    assert str(scope.resource) in telling.following.freshness.reason


def test_entries_whose_kind_went_between_two_runs_stand() -> None:
    telling = Telling(remembered=kept(entry("a")))
    scope = telling.scope("ServiceEntry")
    telling.tell(scope, Absent())
    telling.list_all(but=[scope])
    telling.wait(10 * GRACE)
    assert telling.hosts == {"a.ns"}
