"""Services in rows, and the rows of what changes."""

import json

import msgspec
import pytest

from globaldns.admin.reports import PortReport, ServicePage, ServiceReport
from globaldns.cli.listing import (
    choose,
    format_port,
    select_changes,
    to_change_row,
    to_row,
)
from globaldns.cli.reader import PAGE, Change
from globaldns.model.claim import format_time

NOW = 1_767_323_045
SHOP = ServiceReport(
    host="shop.web",
    names=("shop.web.global", "shop.web.mesh"),
    state="ready",
    rule="given",
    vips=("240.128.0.1",),
    would_get=(),
    clusters=("east", "west"),
    endpoints=3,
    ready=3,
    ports=(PortReport(number=80, name="http", protocol="HTTP", transport="tcp"),),
    allocated_at=format_time(NOW - 7200),
    changed_at=format_time(NOW),
    contributions=(),
    conflicts=(),
)
CART = msgspec.structs.replace(SHOP, host="cart.web", names=("cart.web.global",))


def test_a_service_is_one_row():
    row = ("shop.web.global", "240.128.0.1", "east,west", "3", "80/http", "120m")
    assert to_row(SHOP, NOW) == row


@pytest.mark.parametrize(
    ("changes", "column", "cell"),
    [
        ({"names": ()}, 0, "shop.web"),
        ({"vips": (), "would_get": ("240.0.0.1", "fd::1")}, 1, "would get 240.0.0.1,fd::1"),
        ({"would_get": ("240.0.0.9",)}, 1, "240.128.0.1 would get 240.0.0.9"),
        ({"vips": (), "state": "exhausted"}, 1, "<exhausted>"),
        ({"clusters": ()}, 2, "<none>"),
        ({"clusters": ("a", "b", "c", "d")}, 2, "a,b,c,+1"),
        ({"ready": 1}, 3, "1/3"),
        ({"ports": ()}, 4, "<none>"),
        ({"allocated_at": None}, 5, "<none>"),
    ],
)
def test_a_cell_says_what_is_special(changes, column, cell):
    assert to_row(msgspec.structs.replace(SHOP, **changes), NOW)[column] == cell


@pytest.mark.parametrize(
    ("protocol", "transport", "text"),
    [("HTTP", "tcp", "53/http"), ("", "tcp", "53/tcp"), ("UDP", "udp", "53/udp")],
)
def test_a_port_has_its_protocol(protocol, transport, text):
    port = PortReport(number=53, name="x", protocol=protocol, transport=transport)
    assert format_port(port) == text


def test_nothing_found_is_said_beside_an_empty_result(command):
    printed = command("list", "none.such")
    assert (printed.exit_code, printed.stdout) == (0, "")
    assert printed.stderr.splitlines()[-1] == "no services found"


def test_where_nothing_could_be_read_nothing_is_known(command, mesh):
    for name in ("east", "west", "flat"):
        (mesh.folder / "example" / name).rename(mesh.folder / name)
    printed = command("list")
    assert (printed.exit_code, printed.stdout) == (0, "")
    last = printed.stderr.splitlines()[-1]
    assert last == (
        "no services known; not read as a whole: east, flat, west; globaldns check says why"
    )
    assert "no services found" not in printed.stderr


def test_a_glob_and_a_cluster_narrow_it(command):
    lines = command("list", "r*.bookinfo.global", "--cluster", "flat").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["HOST", "reviews.bookinfo.global"]


def test_programs_get_all_services(command):
    services = json.loads(command("list", "-o", "json").stdout)["services"]
    assert len(services) == 8
    assert services[0]["names"] == ["*.tenants.global"]


def test_watching_needs_a_server(command):
    printed = command("list", "--watch")
    assert printed.exit_code == 1
    assert "error: --watch needs a running server" in printed.stderr


@pytest.mark.parametrize(
    ("glob", "cluster", "is_meant"),
    [("*", "", True), ("*.mesh", "", True), ("shop.web", "west", True), ("cart*", "", False),
     ("*", "flat", False)],
)  # fmt: skip
def test_a_change_is_shown_if_the_listing_would_show_it(glob, cluster, is_meant):
    assert choose(glob, cluster)(SHOP) is is_meant


def test_what_was_shown_and_is_no_longer_meant_is_removed():
    moved = msgspec.structs.replace(SHOP, clusters=("flat",))
    changes = [
        Change("service", CART),
        Change("service", moved),
        Change("service", moved),
        Change("service-removed", host="cart.web"),
        Change("service-removed", host="unseen.web"),
    ]
    assert list(select_changes(changes, {"shop.web": SHOP}, choose("*", "east"))) == [
        Change("service", CART),
        Change("service-removed", host="shop.web.global"),
        Change("service-removed", host="cart.web.global"),
    ]


def test_a_removed_service_is_a_row_that_says_so():
    row = to_change_row(Change("service-removed", host="shop.web.global"), NOW)
    assert row[:2] == ("shop.web.global", "<removed>")
    assert len(row) == len(to_row(SHOP, NOW))


@pytest.fixture
def watched(api):
    """A server that lists one service, tells of two changes, and ends; then it is too busy."""
    api.put(f"/api/v1/services?host=%2A&cluster=&limit={PAGE}", ServicePage(items=(SHOP,)))
    changed = msgspec.structs.replace(SHOP, vips=("240.128.0.2",))
    stream = [
        {"event": "service", "service": msgspec.to_builtins(changed)},
        {"event": "service-removed", "host": "shop.web"},
    ]
    body = b"".join(b"data: %s\n\n" % msgspec.json.encode(event) for event in stream)
    api.put_once("/api/v1/events", body)
    api.put("/api/v1/events", {"detail": "64 clients listen already"}, 503)
    return api


def test_watching_lists_and_goes_on_with_a_line_per_change(run, watched):
    printed = run("list", "--watch", "--server", watched.url)
    lines = printed.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["HOST", "VIP"],
        ["shop.web.global", "240.128.0.1"],
        ["shop.web.global", "240.128.0.2"],
        ["shop.web.global", "<removed>"],
    ]
    assert lines[2].index("240.128") == lines[0].index("VIP")


def test_a_stream_that_ends_is_opened_again_until_that_fails(run, watched):
    printed = run("list", "--watch", "--server", watched.url)
    assert watched.asked.count("/api/v1/events") == 2
    assert watched.asked[0] == "/api/v1/events"
    assert printed.exit_code == 1
    assert "error: 64 clients listen already" in printed.stderr


def test_watching_for_programs_is_an_event_per_line(run, watched):
    printed = run("list", "--watch", "--server", watched.url, "-o", "json")
    events = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [event["event"] for event in events] == ["service", "service", "service-removed"]
    assert events[1]["service"]["vips"] == ["240.128.0.2"]
