from __future__ import annotations

import pytest

from tests.bench import dnsperf

VERBOSE = """\
[Status] Sending queries (to 127.0.0.1:21397)
> NOERROR a.b.global A 0.000300
> NXDOMAIN binary input 0.000100
> T a.b.global A
> NOERROR a.b.global A 0.000200
[Status] Testing complete (time limit)

Statistics:

  Queries sent:         4
  Queries completed:    3 (75.00%)
  Queries lost:         1 (25.00%)

  Response codes:       NOERROR 2 (66.67%), NXDOMAIN 1 (33.33%)
  Average packet size:  request 42, response 91
  Run time (s):         1.000172
  Queries per second:   49991.401479
"""


def test_what_dnsperf_says_is_read_as_figures() -> None:
    assert dnsperf.parse(VERBOSE) == dnsperf.Outcome(
        completed=3,
        lost=1,
        per_second=49991.401479,
        rcodes=frozenset({"NOERROR", "NXDOMAIN"}),
        octets=91,
        p50=0.2,
        p99=0.3,
        slowest=0.3,
    )


def test_what_said_nothing_answered_nothing() -> None:
    assert dnsperf.parse("dnsperf: cannot connect").rcodes == frozenset()


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 51.0), (99, 100.0), (100, 100.0)])
def test_a_percentile_is_one_of_the_values(percent: float, expected: float) -> None:
    assert dnsperf.percentile([float(value) for value in range(1, 101)], percent) == expected
