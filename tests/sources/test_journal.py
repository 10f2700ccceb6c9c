"""What the log is told of a source: each thing once."""

from __future__ import annotations

import logging

import pytest

from globaldns.model.finding import Finding, Severity
from globaldns.model.view import Freshness, SourceState
from globaldns.sources.journal import MAX_LINES, Journal

WAITING, REMEMBERED = SourceState.WAITING, SourceState.REMEMBERED
SYNCED, SILENT = SourceState.SYNCED, SourceState.SILENT


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


@pytest.mark.parametrize(
    ("standings", "lines"),
    [
        ([(WAITING, "")], []),
        ([(REMEMBERED, "")], []),
        ([(WAITING, "refused")], ["source is silent"]),
        ([(REMEMBERED, "refused")] * 3, ["source is silent"]),
        ([(REMEMBERED, "refused"), (REMEMBERED, "")], ["source is silent"]),
        ([(SYNCED, ""), (SYNCED, "")], ["source is read"]),
        ([(SYNCED, "pods: no")], ["source is read in part"]),
        (
            [(SYNCED, ""), (SILENT, "away"), (SYNCED, "")],
            ["source is read", "source is silent", "source is read"],
        ),
        ([(SILENT, "away"), (SILENT, "no")], ["source is silent", "source is silent"]),
    ],
)
def test_how_a_source_stands_is_told_when_it_is_news(
    standings: list[tuple[SourceState, str]], lines: list[str], log: pytest.LogCaptureFixture
) -> None:
    journal = Journal("east")
    for state, reason in standings:
        journal.tell_standing(Freshness("east", state, 1, reason), source="kubeconfig")
    assert [record.message for record in log.records] == lines
    assert all(record.__dict__["cluster"] == "east" for record in log.records)
    assert all(record.__dict__["source"] == "kubeconfig" for record in log.records)


def refused(name: str, reason: str = "wrong") -> Finding:
    return Finding(Severity.ERROR, "x", reason, object=name)


def told(log: pytest.LogCaptureFixture) -> list[str]:
    found = [str(record.__dict__.get("object")) for record in log.records]
    log.clear()
    return found


def test_an_object_is_told_when_it_is_refused_and_when_the_reason_is_another(
    log: pytest.LogCaptureFixture,
) -> None:
    journal = Journal("east")
    for now, lines in (
        ([refused("a")], ["a"]),
        ([refused("a")], []),
        ([refused("a"), refused("b")], ["b"]),
        ([refused("a", "other"), refused("b")], ["a"]),
        ([], []),
        ([refused("a")], ["a"]),
    ):
        journal.tell_refusals(now, lambda now=now: now)  # type: ignore[misc]
        assert told(log) == lines


def test_places_are_looked_for_only_where_there_is_news() -> None:
    journal = Journal("east")
    asked: list[int] = []

    def findings() -> list[Finding]:
        asked.append(1)
        return [refused("a")]

    for _ in range(3):
        journal.tell_refusals([refused("a")], findings)
    assert len(asked) == 1


def test_of_very_many_objects_the_rest_is_counted(log: pytest.LogCaptureFixture) -> None:
    many = [refused(str(number)) for number in range(MAX_LINES + 5)]
    Journal("east").tell_refusals(many, lambda: many)
    assert len(log.records) == MAX_LINES + 1
    assert log.records[-1].__dict__["objects"] == 5
