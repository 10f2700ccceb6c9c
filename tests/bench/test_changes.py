from __future__ import annotations

from tests.bench import changes

METRICS = """\
# TYPE globaldns_source_events_total counter
globaldns_source_events_total{cluster="east",kind="Freshness",type="set"} 3.0
globaldns_source_events_total{cluster="east",kind="View",type="reset"} 1.0
globaldns_source_events_total{cluster="flat",kind="ServiceEntry",type="put"} 50.0
globaldns_source_events_total{cluster="west",kind="ServiceEntry",type="put"} 100.0
"""


def test_changed_services_are_counted_over_clusters() -> None:
    assert changes.CHANGED.findall(METRICS) == ["50.0", "100.0"]
