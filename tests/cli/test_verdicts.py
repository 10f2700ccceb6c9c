"""What each way of pods' questions answers, in words."""

from __future__ import annotations

from globaldns.cli.verdicts import format_verdicts
from globaldns.stubs.verification import Outcome, QueryPath, Verdict

NAME = "_globaldns.global"


def test_what_is_wrong_stands_below_the_table_with_its_remedy():
    own = Verdict(QueryPath("globaldns", "10.0.0.53"), NAME, Outcome.OK, instance="east/pod")
    way = Verdict(
        QueryPath("cluster-dns", "10.0.0.10"),
        NAME,
        Outcome.FAILED,
        "SERVFAIL",
        "look",
        cause="not-ready",
    )
    head, first, second, fault = format_verdicts([own, way]).splitlines()
    assert head.split() == ["PATH", "ADDRESS", "NAME", "RESULT", "INSTANCE"]
    assert first.split() == ["globaldns", "10.0.0.53#53", NAME, "ok", "east/pod"]
    assert second.split() == ["cluster-dns", "10.0.0.10#53", NAME, "failed", "<none>"]
    assert fault == f"cluster-dns 10.0.0.10#53: {NAME}: not-ready: SERVFAIL (fix: look)"


def test_a_right_answer_that_will_not_last_is_not_said_to_be_right():
    way = Verdict(
        QueryPath("cluster-dns", "10.0.0.10"), NAME, Outcome.OK, "why", "mend", "east/pod", "broken"
    )
    _, row, fault = format_verdicts([way]).splitlines()
    assert row.split()[-4:] == ["ok,", "but", "broken", "east/pod"]
    assert fault == f"cluster-dns 10.0.0.10#53: {NAME}: broken: why (fix: mend)"
