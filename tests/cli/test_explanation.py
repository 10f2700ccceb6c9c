"""What an explanation looks like."""

import msgspec
import pytest

from globaldns.cli.explanation import HISTORY_LINES, format_explanation, format_history, is_unknown
from globaldns.cli.output import ABSENT
from globaldns.model.claim import format_time
from globaldns.model.explanation import (
    ClaimLine,
    Contributor,
    Dropped,
    Explanation,
    NoticeLine,
    RouteLine,
    RouteProgress,
)
from globaldns.model.export import Origin
from globaldns.model.service import Conflict, ServiceState

NOW = 1_767_323_045
HOUR = 3600


def ago(seconds):
    return format_time(NOW - seconds)


def claim(vip="240.128.0.1", *, retired="", holding=False, age=5 * HOUR):
    return ClaimLine(
        *("shop.web", vip, "east", "given", ago(age), retired),
        reason="withdrawn" if retired else "",
        is_holding=holding,
    )


EMPTY = Explanation(
    at=format_time(NOW),
    host="shop.web",
    names=(),
    state="unknown",
    rule="",
    vips=(),
    would_get=(),
    ports=(),
    changed_at="",
    contributors=(),
    dropped=(),
    conflicts=(),
    history=(),
)
FULL = msgspec.structs.replace(
    EMPTY,
    names=("shop.web.global", "shop.web.mesh"),
    state="ready",
    rule="given",
    vips=("240.128.0.1",),
    ports=("http 80/tcp HTTP",),
    changed_at=ago(600),
    contributors=(
        Contributor(
            *("east", "Service", "Service web/shop", "web.yaml", ago(4 * 86400)),
            *("silent", ago(90), 3, 2, ()),
        ),
    ),
    dropped=(Dropped("west", "Service web/shop", "fenced", "its exports do not count"),),
    conflicts=(
        Conflict(
            *("shop.web", "pins", "east", Origin("Service", "web", "shop")),
            *("flat", Origin("ServiceEntry", "web", "other"), "both pin"),
        ),
    ),
    history=(claim(holding=True), claim("240.128.0.9", retired=ago(HOUR))),
)


def test_a_full_one_reads_from_the_answer_to_the_past():
    assert (
        format_explanation(FULL, with_history=True)
        == """\
shop.web.global, shop.web.mesh
  state     ready: answered
  VIP       240.128.0.1 (given, for 5h)
  ports     http 80/tcp HTTP
  changed   10m ago

exported by
CLUSTER   OBJECT             ENDPOINTS   CREATED   DATA              FILE
east      Service web/shop   2/3         4d        silent, 90s old   web.yaml

dropped
CLUSTER   OBJECT             RULE     WHY
west      Service web/shop   fenced   its exports do not count

conflicts
RULE   WINNER                  LOSER                         WHY
pins   east Service web/shop   flat ServiceEntry web/other   both pin

claims, newest first
VIP           HOST       CLUSTER   KIND    AGE   RETIRED   WHY
240.128.0.1   shop.web   east      given   5h    <none>    holds it
240.128.0.9   shop.web   east      given   5h    60m ago   withdrawn"""
    )


def test_no_column_is_full_of_files_that_there_are_not():
    served = tuple(msgspec.structs.replace(one, file="") for one in FULL.contributors)
    text = format_explanation(
        msgspec.structs.replace(FULL, contributors=served), with_history=False
    )
    head, row = text.partition("exported by\n")[2].splitlines()[:2]
    assert head.split()[-1] == "DATA"
    assert row.endswith("silent, 90s old")


def test_where_clients_are_sent_is_a_table_with_what_is_out_of_reach():
    routes = (
        RouteLine("east", "10.0.0.1", "n1", "east", "own", 1.0),
        RouteLine("east", "192.0.2.1:15443", "n2", "", "other", 0.3333),
        RouteLine("west", "", "n1", "east", "", 0.0, lack="1 endpoint out of reach: no gateway"),
    )
    text = format_explanation(msgspec.structs.replace(FULL, routes=routes), with_history=False)
    lines = text.partition("\nroutes\n")[2].splitlines()
    lack = "1 endpoint out of reach: no gateway"
    assert [line.split() for line in lines[:4]] == [
        ["FROM", "TO", "OF", "NETWORK", "RANK", "SHARE"],
        ["east", "10.0.0.1", "east", "n1", "own", "100", "%"],
        ["east", "192.0.2.1:15443", "several", "n2", "other", "33.3", "%"],
        ["west", *lack.split(), "east", "n1", ABSENT, ABSENT],
    ]


def test_the_past_can_be_left_out():
    assert "claims" not in format_explanation(FULL, with_history=False)


def test_what_there_is_nothing_of_takes_no_room():
    text = format_explanation(EMPTY, with_history=True)
    assert text == "shop.web\n  state   unknown: NXDOMAIN; no cluster exports it"


def test_a_long_past_is_cut_and_says_where_the_rest_is():
    past = tuple(claim(age=index) for index in range(HISTORY_LINES + 3))
    busy = msgspec.structs.replace(FULL, history=past)
    lines = format_explanation(busy, with_history=True).splitlines()
    assert lines[-1] == "3 more: globaldns vip history shop.web"
    assert sum(line.startswith("240.128.0.1 ") for line in lines) == HISTORY_LINES


def test_a_host_without_number_shows_the_one_it_would_get():
    waiting = msgspec.structs.replace(
        EMPTY, state="unnumbered", would_get=("240.128.0.7", "fd67::7")
    )
    text = format_explanation(waiting, with_history=True)
    assert "none; would get 240.128.0.7, fd67::7" in text


@pytest.mark.parametrize("state", ServiceState)
def test_every_state_says_what_is_answered(state):
    line = format_explanation(
        msgspec.structs.replace(EMPTY, state=state.value), with_history=False
    ).splitlines()[1]
    is_served = state in {ServiceState.READY, ServiceState.CLAIMED, ServiceState.NONE}
    assert ("SERVFAIL" in line) is not is_served


@pytest.mark.parametrize("known", ["contributors", "dropped", "history"])
def test_a_host_that_is_no_service_is_known_by_anything_that_is_told_of_it(known):
    assert is_unknown(EMPTY)
    told = msgspec.structs.replace(EMPTY, **{known: getattr(FULL, known)})
    assert not is_unknown(told)


def test_a_history_alone_is_a_table():
    assert format_history([claim()], NOW).splitlines()[1].endswith("<none>    does not hold it")


def test_a_claim_that_another_holds_by_says_the_same():
    rows = format_history([claim(holding=True), claim(), claim("240.128.0.2")], NOW).splitlines()
    assert [row.split("<none>")[1].strip() for row in rows[1:]] == [
        "holds it",
        "says the same",
        "does not hold it",
    ]


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({}, "  state   unknown: NXDOMAIN; no cluster exports it"),
        ({"unheard": ("a", "b")}, "  state   unknown: SERVFAIL; not read as a whole: a, b"),
        (
            {"unheard": ("a",), "contributors": FULL.contributors},
            "  state   not numbered yet: as remembered, else SERVFAIL; waiting for a or its grace",
        ),
        (
            {
                "unheard": ("a",),
                "contributors": FULL.contributors,
                "paused": "the ledger cannot be read: no",
            },
            (
                "  state   not numbered yet: as remembered, else SERVFAIL; "
                "waiting for a or its grace; the ledger cannot be read: no"
            ),
        ),
        ({"below": 3}, "  state   no host: NODATA; hosts lie below it: 3"),
        (
            {"state": "handover", "waits_until": format_time(NOW + 100)},
            "  state   handover: SERVFAIL; its VIP was another's: answers may be kept for 100s",
        ),
        (
            {"state": "unnumbered", "paused": "the clock jumped"},
            "  state   unnumbered: SERVFAIL; not numbered: the clock jumped",
        ),
    ],
)
def test_what_is_waited_for_is_said(known, line):
    shown = format_explanation(msgspec.structs.replace(EMPTY, **known), with_history=False)
    assert line in shown.splitlines()


def test_a_vip_that_is_to_change_shows_both():
    moving = msgspec.structs.replace(FULL, would_get=("240.128.0.9",))
    shown = format_explanation(moving, with_history=False).splitlines()
    assert shown[2].split() == ["VIP", "240.128.0.1", "(given,", "for", "5h)"]
    assert shown[3].split() == ["VIP", "would", "get", "240.128.0.9"]


def test_a_vip_of_before_is_told_from_those_that_are_answered():
    moved = msgspec.structs.replace(FULL, former=("240.128.0.9",))
    shown = format_explanation(moved, with_history=False)
    (line,) = (line for line in shown.splitlines() if "240.128.0.9" in line)
    assert line.split() == [*("former", "240.128.0.9"), *line.split()[2:]]
    assert "routed for vips.overlap" in line


def test_a_route_is_called_so():
    route = msgspec.structs.replace(FULL.contributors[0], kind="Route")
    shown = format_explanation(
        msgspec.structs.replace(FULL, contributors=(route,)), with_history=False
    )
    assert "Service web/shop (route)" in shown


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        ({"source": "synced", "contact": ago(5)}, "synced, 5s old"),
        (
            {"source": "synced", "contact": ago(5), "propagation_seconds": 0.034},
            "synced, 5s old, answered in 34 ms",
        ),
        (
            {"source": "silent", "contact": ago(5), "propagation_seconds": 2.34},
            "silent, 5s old, answered in 2.3 s",
        ),
        ({"source": "waiting", "contact": ""}, "waiting"),
        ({"lost": True}, "silent, 90s old, lost: endpoints kept"),
        ({"lost": True, "standing": "demoted"}, "silent, 90s old, lost: endpoints demoted"),
        ({"lost": True, "standing": "dropped"}, "silent, 90s old, lost: endpoints dropped"),
    ],
)
def test_what_a_contributor_says_is_never_shown_without_its_age(fields, data):
    told = msgspec.structs.replace(FULL.contributors[0], **fields)
    full = msgspec.structs.replace(FULL, contributors=(told,))
    assert f"   {data}   " in format_explanation(full, with_history=False)


def test_what_is_not_served_stands_below_the_routes_with_its_remedy():
    notices = (
        NoticeLine("no-gateway", "1 endpoint cannot be reached", "write gateways"),
        NoticeLine("no-tcp-port", "it has no TCP port", ""),
    )
    text = format_explanation(msgspec.structs.replace(FULL, notices=notices), with_history=False)
    lines = text.partition("\nnot served in our own cluster\n")[2].splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["CODE", "no-gateway", "no-tcp-port"]
    assert lines[1].endswith("1 endpoint cannot be reached   write gateways")
    assert lines[2].split()[-1] == ABSENT
    assert "not served" not in format_explanation(FULL, with_history=False)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (RouteProgress("written"), "written into our own cluster"),
        (RouteProgress("pending", ago(HOUR)), "not written yet for 60m"),
        (
            RouteProgress("refused", ago(HOUR), "ServiceEntry is not created"),
            "refused by the API server of our own cluster for 60m: ServiceEntry is not created",
        ),
        (RouteProgress("none"), "none in our own cluster"),
        (
            RouteProgress("elsewhere", reason="another replica writes: globaldns-1"),
            "not known here: another replica writes: globaldns-1",
        ),
    ],
)
def test_whether_routes_stand_is_said_in_one_line(written, line):
    text = format_explanation(msgspec.structs.replace(FULL, written=written), with_history=False)
    assert f"\n  routes    {line}\n" in text
