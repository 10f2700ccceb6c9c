"""Whether what a person wrote into a GlobalService is obeyed."""

from __future__ import annotations

from typing import Any

import pytest

from globaldns.apply.facts import FINE, Refusal
from globaldns.apply.refusing import judge_spec
from globaldns.exports.rules import ExportRules
from tests.apply.showing import NOW, seen
from tests.registry.mesh import both, export
from tests.sources.manifests import RULES


def judge(rules: ExportRules = RULES, **found: Any) -> Refusal | None:
    return judge_spec(seen("a", **found), both(export("a.ns")), rules, now=NOW)


@pytest.mark.parametrize(
    "spec",
    [
        {"pins": ["240.0.0.5"]},
        {"lost": {"names": {"expire": "366d"}}},
        {"renumber": "2026-01-02T03:04:05Z"},
    ],
)
def test_what_can_be_obeyed_is(spec: dict[str, Any]) -> None:
    assert judge(spec=spec) == FINE


@pytest.mark.parametrize(
    "found", [{}, {"spec": {}}, {"spec": {"pins": ["x"]}, "mark": "east", "host": "b.ns"}]
)
def test_where_nobody_wrote_what_counts_there_is_nothing_to_judge(found: dict[str, Any]) -> None:
    assert judge(**found) is None


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"pins": ["240.0.0.0/24"]}, "pin-address", ("$.spec.pins: ", "without a prefix length")),
        ({"pins": ["10.0.0.5"]}, "pin-outside", ("$.spec.pins: ", "vips: {pins: [")),
        ({"pns": ["240.0.0.5"]}, "invalid-object", ("pns", "")),
        (
            {"lost": {"names": {"expire": "365000d"}}},
            "lost-policy",
            ("$.spec.lost.names.expire: '365000d' is longer than a year", "at most 366d"),
        ),
        ({"renumber": "0001-01-01T00:00:00Z"}, "renumber-time", ("$.spec.renumber: ", "present")),
        ({"renumber": "3026-01-01T00:00:00Z"}, "renumber-time", ("lies in the future", "present")),
    ],
)
def test_what_cannot_be_is_told_with_its_place_and_a_remedy(
    spec: dict[str, Any], code: str, words: tuple[str, ...]
) -> None:
    refusal = judge(spec=spec)
    assert refusal is not None
    assert refusal.code == code
    assert all(word in refusal.message for word in words)
