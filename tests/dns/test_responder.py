from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable

import dns.edns
import dns.message
import dns.rcode
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.schema import Chaos
from globaldns.dns.counters import Channel, Dropped
from globaldns.dns.responder import ErrorLimit, Responder
from globaldns.dns.rules import DnsRules
from globaldns.dns.table import Table
from globaldns.dns.zone import Zones

WEB = dns.message.make_query("web.shop.global", "A").to_wire()
MALFORMED = WEB[:20]
SEEDS = tuple(
    dns.message.make_query(name, rrtype, use_edns=edns).to_wire()
    for name, rrtype in (
        ("web.shop.global", "A"),
        ("web.shop.global", "SRV"),
        ("_http._tcp.web.shop.global", "SRV"),
        ("_explain.web.shop.global", "TXT"),
        ("a.b.wild.global", "ANY"),
        ("big.shop.global", "A"),
        ("nope.global", "AAAA"),
        ("3.2.128.240.in-addr.arpa", "PTR"),
        (".", "NS"),
    )
    for edns in (False, 0)
)


def mutate(chance: random.Random, message: bytes) -> bytes:
    """Change some octets, cut, repeat or splice: what a fuzzer does, the same in every run."""
    mutated = bytearray(message)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(mutated) + 1)
        match chance.randrange(5):
            case 0:
                mutated[at : at + 1] = chance.randbytes(1)
            case 1:
                del mutated[at : at + chance.randint(1, 8)]
            case 2:
                mutated[at:at] = chance.randbytes(chance.randint(1, 8))
            case 3:
                mutated[at:at] = chance.choice(SEEDS)[12:]
            case _:
                mutated[at : at + 2] = chance.choice((b"\xc0\x0c", b"\0\x29", b"\xff\xff", b"\0\0"))
    return bytes(mutated)


def check(message: bytes, reply: bytes | None, *, decode: bool) -> None:
    if reply is None:
        return
    assert len(message) >= 12
    assert not message[2] & 0x80
    assert reply[:2] == message[:2]
    assert reply[2] & 0x80
    assert len(reply) <= 1232
    if decode:
        dns.message.from_wire(reply)


def test_a_hundred_thousand_mutated_messages_raise_nothing_and_leave_nothing(
    responder: Responder,
) -> None:
    chance = random.Random(2308)  # deterministic: a failure is found again
    responder.reconfigure(
        msgspec.structs.replace(responder.zones.rules, error_replies_per_second=10**9)
    )

    def run(count: int, *, decode: bool = True) -> None:
        for number in range(count):
            message = mutate(chance, chance.choice(SEEDS))
            reply = responder.respond(message, Channel.UDP_IPV4, 0.0)
            check(message, reply, decode=decode and number % 20 == 0)

    def grown_by(count: int) -> int:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        run(count, decode=False)  # dnspython remembers types, the responder nothing
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before

    run(58_000)
    tracemalloc.start()
    try:
        run(2_000, decode=False)
        grown = min(grown_by(20_000), grown_by(20_000))
    finally:
        tracemalloc.stop()
    # CPython's cache of attribute look-ups keeps up to 4,096 names alive, 56 octets each; its table
    # of interned strings is written anew, megabytes at once, in one of the two halves at most.
    assert grown < 300_000
    assert {rcode for _, rcode in responder.counters.responses()} >= {
        "NOERROR",
        "FORMERR",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "BADVERS",
    }


@given(st.binary(max_size=600), st.sampled_from(Channel))
def test_any_octets_get_an_answer_an_error_or_silence(
    respond_any: Callable[[bytes, Channel], bytes | None], message: bytes, channel: Channel
) -> None:
    check(message, respond_any(message, channel), decode=True)


@pytest.fixture(scope="module")
def respond_any() -> Callable[[bytes, Channel], bytes | None]:
    responder = Responder(Zones(DnsRules(zones=("global",)), Table()))
    return lambda message, channel: responder.respond(message, channel, 0.0)


@pytest.mark.parametrize(
    ("message", "is_limited"),
    [
        (MALFORMED, True),
        (b"\0\0\x10" + WEB[3:], True),
        (dns.message.make_query("example.com", "A", use_edns=1).to_wire(), True),
        (b"\0\0\x20" + WEB[3:], False),
        (dns.message.make_query(".", "NS").to_wire(), False),
        (dns.message.make_query("failing.shop.global", "A").to_wire(), False),
        (dns.message.make_query("nope.global", "A").to_wire(), False),
        (WEB, False),
    ],
    ids=["FORMERR", "NOTIMP", "BADVERS", "NOTIFY", "health check", "SERVFAIL", "NXDOMAIN", "A"],
)
def test_error_replies_and_nothing_else_are_limited_to_a_hundred_a_second(
    responder: Responder, message: bytes, *, is_limited: bool
) -> None:
    replies = [responder.respond(message, Channel.UDP_IPV4, 5.0 + n / 1000) for n in range(500)]
    answered = sum(reply is not None for reply in replies)
    assert answered == (100 if is_limited else 500)
    assert responder.counters.dropped[Dropped.ERROR_LIMIT] == 500 - answered
    assert responder.respond(message, Channel.UDP_IPV4, 6.0) is not None


def test_the_limit_counts_each_second_anew() -> None:
    limit = ErrorLimit(2)
    allowed = [limit.allows(now) for now in (1.0, 1.5, 1.9, 2.0, 2.1, 2.2, 9.0)]
    assert allowed == [True, True, False, True, True, False, True]


def test_limited_errors_do_not_keep_good_queries_from_their_answers(responder: Responder) -> None:
    for _ in range(1000):
        responder.respond(MALFORMED, Channel.UDP_IPV4, 5.0)
    assert responder.respond(WEB, Channel.UDP_IPV4, 5.0) is not None


def test_silence_is_counted_by_its_reason(responder: Responder) -> None:
    responder.respond(WEB[:11], Channel.UDP_IPV4, 0.0)
    responder.respond(b"\0\0\x80" + WEB[3:], Channel.UDP_IPV4, 0.0)
    counters = responder.counters
    assert (counters.dropped[Dropped.SHORT], counters.dropped[Dropped.RESPONSE]) == (1, 1)
    assert counters.requests() == counters.responses() == {}


def test_queries_and_replies_are_counted_with_their_sizes(responder: Responder) -> None:
    reply = responder.respond(WEB, Channel.TCP_IPV6, 0.0)
    responder.respond(MALFORMED, Channel.UDP_IPV4, 0.0)
    counters = responder.counters
    assert counters.requests() == {("tcp", "ipv6", "A"): 1, ("udp", "ipv4", "other"): 1}
    assert counters.responses() == {("tcp", "NOERROR"): 1, ("udp", "FORMERR"): 1}
    assert counters.request_sizes.octets == len(WEB) + len(MALFORMED)
    assert counters.response_sizes.octets == len(reply or b"") + 12


def test_nsid_is_sent_to_who_asks_where_it_is_set(responder: Responder) -> None:
    wants = dns.message.make_query("web.shop.global", "A", use_edns=0)
    wants.use_edns(0, options=[dns.edns.NSIDOption(b"")])
    plain = dns.message.make_query("web.shop.global", "A", use_edns=0)

    def options(query: dns.message.Message) -> list[str]:
        reply = responder.respond(query.to_wire(), Channel.UDP_IPV4, 0.0)
        return [option.to_text() for option in dns.message.from_wire(reply or b"").options]

    assert options(wants) == []
    responder.reconfigure(msgspec.structs.replace(responder.zones.rules, nsid="east-1"))
    assert options(wants) == ["NSID east-1"]
    assert options(plain) == []


def test_chaos_is_answered_where_it_is_switched_on(responder: Responder) -> None:
    query = dns.message.make_query("id.server", "TXT", "CH")
    responder.reconfigure(msgspec.structs.replace(responder.zones.rules, chaos=Chaos.VERSION))
    reply = dns.message.from_wire(responder.respond(query.to_wire(), Channel.UDP_IPV4, 0.0) or b"")
    assert [rrset.to_text() for rrset in reply.answer] == ['id.server. 0 CH TXT "east-1"']


def test_who_asks_with_or_without_edns_gets_each_time_what_was_asked(responder: Responder) -> None:
    plain = dns.message.make_query("web.shop.global", "A").to_wire()
    extended = dns.message.make_query("web.shop.global", "A", want_dnssec=True).to_wire()
    for message, edns in ((plain, -1), (extended, 0)) * 2:
        reply = responder.respond(message, Channel.UDP_IPV4, 0.0)
        assert dns.message.from_wire(reply or b"").edns == edns


def test_random_names_and_cases_leave_nothing_behind(responder: Responder) -> None:
    """Water torture: memory does not depend on what clients ask."""

    def ask(count: int) -> None:
        for number in range(count):
            name = b"\x0a%010d\x06gLobal\0\0\1\0\1" % number
            responder.respond(WEB[:12] + name, Channel.UDP_IPV4, 0.0)

    ask(100)
    tracemalloc.start()
    try:
        ask(100)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        ask(5_000)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 5_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("channel", "octets"),
    [
        (Channel.UDP_IPV4, 60),
        (Channel.TCP_IPV6, 60),
        (Channel.DOT_IPV4, 468),
        (Channel.DOT_IPV6, 468),
    ],
)
@pytest.mark.parametrize("version", [0, 1])
def test_what_answers_a_padded_query_is_padded_where_nobody_else_reads_it(
    responder: Responder, channel: Channel, octets: int, version: int
) -> None:
    message = dns.message.make_query("web.shop.global", "A")
    message.use_edns(version, options=[dns.edns.GenericOption(12, bytes(9))])
    reply = responder.respond(message.to_wire(), channel, 0.0)
    assert reply is not None
    assert len(reply) == octets - (16 if octets < 468 and version else 0)
