from __future__ import annotations

import logging
import time
from collections.abc import Callable

import dns.message
import pytest

from globaldns.config.schema import QueryLog
from globaldns.dns.counters import Channel
from globaldns.dns.querylog import MOST_LINES, QueryRing, write_all, write_lost, write_queries
from globaldns.dns.responder import Responder


def offer(ring: QueryRing, responder: Responder, *messages: bytes, at: float = 1.5) -> None:
    for message in messages:
        reply = responder.respond(message, Channel.UDP_IPV4, 0.0)
        assert reply is not None
        ring.offer(message, reply, client="192.0.2.1", channel=Channel.UDP_IPV4, at=at)


def query(name: str, rrtype: str = "A") -> bytes:
    return dns.message.make_query(name, rrtype).to_wire()


POSITIVE = query("web.shop.global")
TRUNCATED = query("big.shop.global")
NODATA = query("web.shop.global", "MX")
NXDOMAIN = query("nope.global")
SERVFAIL = query("failing.shop.global")
REFUSED = query("example.com")
MALFORMED = POSITIVE[:20]
ALL = (POSITIVE, TRUNCATED, NODATA, NXDOMAIN, SERVFAIL, REFUSED, MALFORMED)


@pytest.mark.parametrize(
    ("policy", "rcodes"),
    [
        (QueryLog.NONE, []),
        (QueryLog.ALL, ["NOERROR"] * 3 + ["NXDOMAIN", "SERVFAIL", "REFUSED", "FORMERR"]),
        (QueryLog.ERROR, ["SERVFAIL", "REFUSED", "FORMERR"]),
        (QueryLog.DENIAL, ["NOERROR", "NXDOMAIN"]),
    ],
)
def test_a_policy_keeps_what_it_names(
    responder: Responder, policy: QueryLog, rcodes: list[str]
) -> None:
    ring = QueryRing(policy)
    offer(ring, responder, *ALL)
    assert [record.rcode for record in ring.drain()] == rcodes
    assert ring.drain() == []


def test_a_record_says_who_asked_what_and_what_came(responder: Responder) -> None:
    ring = QueryRing(QueryLog.ALL)
    offer(ring, responder, query("WEB.shop.global"), query("web.shop.global", "TYPE666"))
    first, second = ring.drain()
    assert (first.client, first.proto, first.at) == ("192.0.2.1", "udp", 1.5)
    assert (first.qname, first.qtype, first.qclass) == ("WEB.shop.global.", "A", "IN")
    assert (first.rcode, first.answers, first.size) == ("NOERROR", 1, 49)
    assert second.qtype == "TYPE666"


def test_a_full_ring_counts_what_it_loses(responder: Responder) -> None:
    ring = QueryRing(QueryLog.ALL, capacity=2)
    offer(ring, responder, *ALL)
    assert ring.lost == len(ALL) - 2
    assert len(ring.drain()) == 2


def test_a_ring_gives_up_its_oldest_first(responder: Responder) -> None:
    ring = QueryRing(QueryLog.ALL)
    offer(ring, responder, *ALL)
    drained = []
    while not ring.is_empty:
        drained.append([record.rcode for record in ring.drain(3)])
    assert drained == [["NOERROR"] * 3, ["NXDOMAIN", "SERVFAIL", "REFUSED"], ["FORMERR"]]


def test_names_in_the_log_have_no_newlines_and_no_terminal_sequences(responder: Responder) -> None:
    ring = QueryRing(QueryLog.ALL)
    evil = b"\x06a\n\x1b[2J\x06global\0\0\1\0\1"
    offer(ring, responder, POSITIVE[:12] + evil)
    (record,) = ring.drain()
    assert record.qname == "a\\010\\027[2J.global."


def test_it_is_asked_only_while_it_is_switched_on(
    responder: Responder, respond: Callable[[bytes], bytes | None]
) -> None:
    source = ("192.0.2.1", 4000)
    assert responder.serve(POSITIVE, source, Channel.UDP_IPV4, 0.0) == respond(POSITIVE)
    ring = responder.query_log = QueryRing(QueryLog.ALL)
    responder.serve(POSITIVE, source, Channel.UDP_IPV4, 0.0)
    responder.serve(POSITIVE[:5], source, Channel.UDP_IPV4, 0.0)
    responder.query_log = None
    responder.serve(POSITIVE, source, Channel.UDP_IPV4, 0.0)
    assert len(ring.drain()) == 1


def test_a_query_is_a_line_with_what_was_asked_and_answered(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = QueryRing(QueryLog.ALL)
    offer(ring, responder, SERVFAIL)
    write_queries(ring)
    (record,) = caplog.records
    told = vars(record)
    assert (record.name, record.message) == ("globaldns.queries", "query")
    assert (told["qname"], told["qtype"]) == ("failing.shop.global.", "A")
    assert (told["rcode"], told["client"], told["proto"]) == ("SERVFAIL", "192.0.2.1", "udp")
    assert "at" not in told


def test_a_line_has_the_time_of_its_query(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = QueryRing(QueryLog.ALL)
    wall, now = time.time_ns() / 1e9, time.monotonic()
    offer(ring, responder, POSITIVE, at=now - 90.25)
    offer(ring, responder, POSITIVE, at=now)
    write_queries(ring)
    first, second = caplog.records
    assert second.created - first.created == pytest.approx(90.25, abs=1e-3)
    assert second.created == pytest.approx(wall, abs=1.0)
    assert first.msecs == pytest.approx(first.created % 1 * 1000)


def test_few_lines_are_written_at_once_and_it_is_said_whether_more_wait(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = QueryRing(QueryLog.ALL)
    offer(ring, responder, *[POSITIVE] * (2 * MOST_LINES))
    assert write_queries(ring)
    assert len(caplog.records) == MOST_LINES
    assert not write_queries(ring)
    assert len(caplog.records) == 2 * MOST_LINES
    assert not write_queries(ring)


def test_at_a_level_above_theirs_queries_are_forgotten(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ring = QueryRing(QueryLog.ALL)
    offer(ring, responder, POSITIVE)
    assert not write_queries(ring)
    assert caplog.records == []


def test_queries_that_did_not_fit_are_told_once(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    ring = QueryRing(QueryLog.ALL, capacity=2)
    offer(ring, responder, *ALL)
    write_lost(ring)
    (record,) = caplog.records
    assert (record.levelno, vars(record)["queries"]) == (logging.WARNING, len(ALL) - 2)
    write_lost(ring)
    assert len(caplog.records) == 1


def test_all_that_is_left_is_written_at_the_end(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = QueryRing(QueryLog.ALL, capacity=3 * MOST_LINES)
    offer(ring, responder, *[POSITIVE] * (3 * MOST_LINES + 2))
    write_all(ring)
    assert ring.is_empty
    assert len(caplog.records) == 3 * MOST_LINES + 1
    assert vars(caplog.records[-1])["queries"] == 2


def test_where_no_query_is_kept_none_is_logged(
    responder: Responder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ring = QueryRing(QueryLog.NONE)
    offer(ring, responder, POSITIVE)
    write_queries(ring)
    assert caplog.records == []
