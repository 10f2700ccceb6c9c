"""What an explanation looks like."""

import msgspec
import pytest

from globaldns.cli.explanation import HISTORY_LINES, format_explanation, format_history, is_unknown
from globaldns.model.claim import format_time
from globaldns.model.export import Origin
from globaldns.model.service import Conflict, ServiceState
from globaldns.registry.explain import ClaimLine, Contributor, Dropped, Explanation

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


def test_a_route_is_called_so():
    route = msgspec.structs.replace(FULL.contributors[0], kind="Route")
    shown = format_explanation(
        msgspec.structs.replace(FULL, contributors=(route,)), with_history=False
    )
    assert "Service web/shop (route)" in shown
