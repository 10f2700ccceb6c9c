"""What a GlobalService says of lost clusters."""

from __future__ import annotations

import pytest

from globaldns.errors import InvalidObject
from globaldns.model.lost import LostEndpoints, LostNames, LostPolicy
from tests.exports.builders import cluster, findings
from tests.exports.declarations import policy


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"names": "keep"}, LostPolicy(names=LostNames())),
        ({"names": "drop"}, LostPolicy(names=LostNames(0))),
        ({"names": {"expire": "1h"}}, LostPolicy(names=LostNames(3600))),
        ({"endpoints": "keep"}, LostPolicy(endpoints=LostEndpoints())),
        ({"endpoints": "demote"}, LostPolicy(endpoints=LostEndpoints(demote=0))),
        ({"endpoints": "drop"}, LostPolicy(endpoints=LostEndpoints(expire=0))),
        (
            {"names": "drop", "endpoints": {"demote": "1m", "expire": "1h"}},
            LostPolicy(LostNames(0), LostEndpoints(60, 3600)),
        ),
    ],
)
def test_a_global_service_says_what_becomes_of_lost_clusters_without_pinning(written, expected):
    (said,) = cluster([policy(lost=written)]).view().policies
    assert (said.lost, said.pins) == (expected, ())


@pytest.mark.parametrize("spec", [{}, {"lost": {}}, {"renumber": "2026-01-02T03:04:05Z"}])
def test_a_global_service_that_says_nothing_of_it_is_no_policy(spec):
    assert cluster([policy(**spec)]).view().policies == ()


@pytest.mark.parametrize(
    ("written", "path", "reason"),
    [
        ({"names": {"expire": "1"}}, "names.expire", "1 has no unit"),
        ({"names": {"expire": "0s"}}, "names.expire", "'0s' is no time"),
        ({"names": {"expire": "365000d"}}, "names.expire", "'365000d' is longer than a year"),
        ({"names": {"expire": "-1h"}}, "names.expire", "'-1h' is no duration"),
        ({"endpoints": {"demote": "0.5s"}}, "endpoints.demote", "no whole number of seconds"),
        (
            {"endpoints": {"demote": "1h", "expire": "60m"}},
            "endpoints.expire",
            "60m is not after demote",
        ),
    ],
)
def test_a_time_that_cannot_be_is_refused_with_its_place_and_a_remedy(written, path, reason):
    assert findings(policy(lost=written)) == [("lost-policy", f"$.spec.lost.{path}")]
    (finding,) = cluster([policy(lost=written)]).findings()
    assert reason in finding.reason
    assert finding.hint


@pytest.mark.parametrize(
    ("written", "path", "hint"),
    [
        ({"names": "demote"}, "$.spec.lost.names", "write one of keep, drop"),
        ({"endpoints": "last"}, "$.spec.lost.endpoints", "write one of keep, demote, drop"),
        ({"names": {"demote": "1m"}}, "$.spec.lost.names", "remove it, or mend its name"),
    ],
)
def test_a_word_that_is_none_is_refused_with_those_that_are(written, path, hint):
    with pytest.raises(InvalidObject) as refusal:
        policy(lost=written)
    assert (refusal.value.path, refusal.value.hint) == (path, hint)
