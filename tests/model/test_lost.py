"""What becomes of a cluster's exports once it is lost."""

from __future__ import annotations

import pytest

from globaldns.model.lost import (
    UNTOUCHED,
    Fate,
    LostEndpoints,
    LostNames,
    LostPolicy,
    LostRules,
    Standing,
)

DROP, KEEP = LostNames(expire=0), LostNames()
EXPIRE = LostEndpoints(demote=100, expire=200)


@pytest.mark.parametrize(
    ("rules", "passed", "fate"),
    [
        (LostRules(), 0, UNTOUCHED),
        (LostRules(), 60, Fate(endpoints=Standing.DEMOTED)),
        (LostRules(60, DROP, LostEndpoints()), 59, UNTOUCHED),
        (LostRules(60, DROP, LostEndpoints()), 60, Fate(is_dropped=True)),
        (LostRules(60, KEEP, EXPIRE), 60, UNTOUCHED),
        (LostRules(60, KEEP, EXPIRE), 100, Fate(endpoints=Standing.DEMOTED)),
        (LostRules(60, KEEP, EXPIRE), 200, Fate(endpoints=Standing.DROPPED)),
        (LostRules(60, LostNames(5), LostEndpoints(5)), 59, UNTOUCHED),
        (LostRules(60, LostNames(5), LostEndpoints(5)), 60, Fate(True, Standing.DEMOTED)),
    ],
)
def test_nothing_comes_to_pass_before_a_cluster_is_lost_or_before_its_time(rules, passed, fate):
    assert rules.fate(passed) == fate


def test_what_is_written_for_a_service_overrules_the_rest_key_by_key():
    rules = LostRules(70, DROP, EXPIRE)
    assert rules.overruled(LostPolicy()) == rules
    assert rules.overruled(LostPolicy(names=KEEP)) == LostRules(70, KEEP, EXPIRE)
    assert rules.overruled(LostPolicy(endpoints=LostEndpoints())) == LostRules(
        70, DROP, LostEndpoints()
    )


@pytest.mark.parametrize("rules", [LostRules(), LostRules(60, LostNames(5), EXPIRE)])
def test_between_two_of_its_ages_nothing_changes(rules):
    ages = sorted({0, *rules.ages()})
    for passed in range(300):
        behind = max(age for age in ages if age <= passed)
        assert rules.fate(passed) == rules.fate(behind)
