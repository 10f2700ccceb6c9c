from __future__ import annotations

import inspect

import msgspec
import pytest

from globaldns.admin import events, reports
from globaldns.admin.reports import Report, ServicePage, VipPage

REPORTS = sorted(
    {
        kind
        for module in (reports, events)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Report)
    },
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_every_report_is_json_that_any_client_can_read(report):
    schema = msgspec.json.schema(report)
    assert schema["$defs"][report.__name__]["type"] == "object"


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.__name__)
def test_a_client_ignores_fields_that_a_newer_server_adds(report):
    assert not report.__struct_config__.forbid_unknown_fields


@pytest.mark.parametrize("page", [ServicePage(items=()), VipPage(pools=(), items=())])
def test_the_last_page_has_no_next(page):
    encoded = msgspec.json.encode(page)
    assert b"next" not in encoded
    assert msgspec.json.decode(encoded, type=type(page)) == page


def test_a_page_with_a_next_says_which():
    assert msgspec.json.decode(msgspec.json.encode(ServicePage(items=(), next="a.ns"))) == {
        "items": [],
        "next": "a.ns",
    }
