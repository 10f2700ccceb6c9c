from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from globaldns.admin.problems import RequestProblem
from globaldns.admin.query import parse_selection, parse_vip_selection
from globaldns.admin.selection import DEFAULT_LIMIT, MAX_LIMIT, Selection
from globaldns.admin.vips import VipSelection
from tests.registry.mesh import vip


def services(text):
    return parse_selection(parse_qsl(text, keep_blank_values=True), clusters={"west", "east"})


def vips(text):
    return parse_vip_selection(parse_qsl(text, keep_blank_values=True), zones=("global",))


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("", Selection(limit=DEFAULT_LIMIT)),
        ("host=&cluster=&limit=&continue=", Selection()),
        ("host=*.ns", Selection(glob="*.ns")),
        ("cluster=east&limit=7", Selection(cluster="east", limit=7)),
        (f"limit={MAX_LIMIT}", Selection(limit=MAX_LIMIT)),
        ("continue=*.wild", Selection(after="*.wild")),
    ],
)
def test_a_query_is_a_selection(text, selection):
    assert services(text) == selection


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("", VipSelection(zones=("global",))),
        ("host=a.ns&limit=1", VipSelection(glob="a.ns", limit=1, zones=("global",))),
        ("continue=240.0.0.1", VipSelection(after=vip("240.0.0.1"), zones=("global",))),
        ("continue=fd00::1", VipSelection(after=vip("fd00::1"), zones=("global",))),
    ],
)
def test_a_query_of_vips_knows_the_zones(text, selection):
    assert vips(text) == selection


REFUSED = [
    (services, "hots=*", "'hots': write host=, cluster=, limit= or continue="),
    (vips, "cluster=east", "'cluster': write host=, limit= or continue="),
    (services, "host=a&host=b", "host= is repeated: write it once"),
    (services, "limit=&limit=", "limit= is repeated"),
    (services, f"host={'a' * 256}", "255 characters, not 256"),
    (services, "cluster=wset", "'wset' is not configured: write one of east, west"),
    (services, "limit=0", f"write a number from 1 to {MAX_LIMIT}"),
    (services, f"limit={MAX_LIMIT + 1}", "write a number"),
    (services, "limit=-1", "write a number"),
    (services, "limit=1e3", "write a number"),
    (services, "limit=٣", "write a number"),
    (vips, f"limit={'9' * 5000}", "…' cannot be used: write a number"),
    (services, "continue=a b", "'a b' begins no page: write what \"next\""),
    (services, f"continue={'a.' * 200}a", "begins no page"),
    (vips, "continue=a.ns", "'a.ns' begins no page"),
    (vips, "continue=fe80::1%25eth0", "begins no page"),
]


@pytest.mark.parametrize(("parse", "text", "detail"), REFUSED)
def test_what_is_not_understood_is_refused_and_told_how_to_write_it(parse, text, detail):
    with pytest.raises(RequestProblem) as caught:
        parse(text)
    assert caught.value.status == 400
    assert detail in caught.value.detail
    assert len(caught.value.detail) < 200
