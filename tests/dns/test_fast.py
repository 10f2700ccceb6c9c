"""The fast way says what the specification says, octet by octet, and counts the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import dns.message
import msgspec
import pytest

from globaldns.dns import fast
from globaldns.dns.counters import Channel, Counters
from globaldns.dns.fast import FastResponder
from globaldns.dns.responder import Responder
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.dns.zone import CONFIRMED_FOR_SECONDS, Zones
from globaldns.model.snapshot import Answering, Entry, ZoneDelta
from tests.dns.conftest import ENTRIES, RULES, make_entry
from tests.dns.test_responder import SEEDS, mutate

ROUNDS = 20_000
NAMES = (
    "dual.shop.global",
    "six.shop.global",
    "none.shop.global",
    "failing.shop.global",
    "claimed.shop.global",
    "partial.shop.global",
    "only.shop.global",
    "only.shop.mesh.example",
    "absent.shop.global",
    "shop.global",
    "chosen.global",
    "absent.chosen.global",
    "_globaldns.chosen.global",
    "ns.global",
    "global",
    "_tcp.web.shop.global",
    f"{'x' * 63}.{'y' * 63}.{'z' * 63}.global",
)
USUAL = tuple(
    dns.message.make_query(
        name, rrtype, use_edns=edns, payload=payload, want_dnssec=bool(edns)
    ).to_wire()
    for name in NAMES
    for rrtype in ("A", "AAAA")
    for edns, payload in ((False, 0), (0, 1232), (0, 512), (1, 1232))
)
PADDED = tuple(
    dns.message.make_query(name, "A", use_edns=0, pad=128).to_wire() for name in NAMES[:8]
)
"""As stub resolvers ask over TLS (RFC 8467 section 4.1)."""
WEB, NOPE = (dns.message.make_query(f"{host}.global", "A").to_wire() for host in ("web.shop", "no"))


PARTIAL = make_entry("partial.shop", "240.128.2.9", answering=Answering.PARTIAL)
EVERYWHERE = make_entry("*", "240.130.0.6")


class Pair:
    """A fast responder, and a specification over zones of its own."""

    def __init__(
        self,
        rules: DnsRules = RULES,
        entries: tuple[Entry, ...] = (*ENTRIES, PARTIAL),
        channel: Channel = Channel.UDP_IPV4,
    ) -> None:
        self.scribes = [Scribe(Table()) for _ in range(2)]
        self.slow, self.behind = (Responder(Zones(rules, scribe.table)) for scribe in self.scribes)
        self.channel = channel
        self.fast = FastResponder(self.behind, channel)
        self.apply(ZoneDelta(2026, complete=True, puts=entries))
        self.confirm(float("inf"))

    def apply(self, delta: ZoneDelta) -> None:
        for scribe in self.scribes:
            scribe.apply(delta)

    def confirm(self, now: float) -> None:
        for scribe in self.scribes:
            scribe.confirm(now)

    def ask(self, message: bytes, now: float = 0.0) -> bytes | None:
        """Return the fast reply, which is the specification's."""
        reply = self.fast.respond(message[2:], now)
        said = None if reply is None else message[:2] + reply
        assert said == self.slow.respond(message, self.channel, now)
        return said

    def has_kept(self, message: bytes) -> bool:
        return message[2:] in self.fast.begin(0.0)


def counted(counters: Counters) -> tuple[object, ...]:
    """Return all that is counted."""
    sizes = (counters.request_sizes, counters.response_sizes)
    return (
        counters.requests(),
        counters.responses(),
        dict(counters.dropped),
        *((histogram.buckets, histogram.octets) for histogram in sizes),
    )


def scramble(chance: random.Random, message: bytes) -> bytes:
    """Return a query in random case, with random flags that are to be ignored."""
    flags = bytes((message[2] & 0xFE | chance.getrandbits(1), chance.choice((0, 16, 32))))
    letters = bytes(
        octet ^ 0x20 * chance.getrandbits(1) if chr(octet).isalpha() else octet
        for octet in message[12:-16]
    )
    return message[:2] + flags + message[4:12] + letters + message[-16:]


def queries(chance: random.Random) -> Iterator[bytes]:
    """Yield usual ones, the same in another case, mutated ones, and some again."""
    lately = [WEB]
    for _ in range(ROUNDS):
        message = chance.choice(chance.choice((SEEDS, USUAL, USUAL, PADDED)))
        match chance.randrange(5):
            case 0:
                message = mutate(chance, message)
            case 1 | 2:
                message = scramble(chance, message)
            case 3:
                message = chance.choice(lately[-100:])
        if len(message) > 1:
            lately.append(message)
            yield message


@pytest.mark.parametrize("channel", [Channel.UDP_IPV4, Channel.TCP_IPV4, Channel.DOT_IPV4])
@pytest.mark.parametrize(
    ("nsid", "entries"),
    [
        ("", tuple(one for one in (*ENTRIES, PARTIAL) if "*" not in one.host)),
        ("east-1", (*ENTRIES, PARTIAL)),
        ("east-1", (*ENTRIES, PARTIAL, EVERYWHERE)),
    ],
    ids=["plain", "wildcards", "everywhere"],
)
def test_whatever_is_asked_the_reply_and_the_counters_are_those_of_the_specification(
    nsid: str, entries: tuple[Entry, ...], channel: Channel
) -> None:
    chance = random.Random(4343)  # deterministic: a failure is found again
    rules = msgspec.structs.replace(RULES, nsid=nsid, error_replies_per_second=10**9)
    pair = Pair(rules, entries, channel)
    for message in queries(chance):
        if not chance.randrange(500):
            puts = (chance.choice(entries),)
            pair.apply(ZoneDelta(chance.randrange(9), complete=chance.random() < 0.8, puts=puts))
        pair.ask(message)
    assert counted(pair.behind.counters) == counted(pair.slow.counters)


def test_a_name_that_changes_is_never_answered_from_what_is_known() -> None:
    pair = Pair()
    first = pair.ask(WEB)
    assert pair.has_kept(WEB)
    pair.apply(ZoneDelta(2027, complete=True, puts=(make_entry("web.shop", "240.128.9.9"),)))
    assert pair.ask(WEB) != first
    pair.apply(ZoneDelta(2027, complete=True, deletes=(ENTRIES[0].host,)))
    assert pair.ask(WEB) != first


def test_a_denial_is_known_only_as_long_as_it_may_be_said() -> None:
    pair = Pair(entries=(make_entry("web.shop", "240.128.2.3"),))
    pair.confirm(100.0)
    denial = pair.ask(NOPE, 100.0)
    assert pair.ask(NOPE, 100.0 + CONFIRMED_FOR_SECONDS) == denial
    assert pair.ask(NOPE, 101.0 + CONFIRMED_FOR_SECONDS) != denial
    pair.confirm(200.0)
    assert pair.ask(NOPE, 200.0) == denial


def test_other_rules_are_obeyed_at_once() -> None:
    pair = Pair()
    first = pair.ask(WEB)
    for responder in (pair.slow, pair.behind):
        responder.reconfigure(msgspec.structs.replace(RULES, ttl=7))
    assert pair.ask(WEB) != first


@pytest.mark.parametrize(
    "message",
    [WEB[:20], WEB[:2] + b"\x10" + WEB[3:], USUAL[3]],
    ids=["malformed", "opcode", "badvers"],
)
def test_what_is_limited_is_not_kept(message: bytes) -> None:
    pair = Pair(msgspec.structs.replace(RULES, error_replies_per_second=2))
    replies = [pair.ask(message) for _ in range(3)]
    assert [reply is None for reply in replies] == [False, False, True]
    assert not pair.has_kept(message)


def test_what_is_asked_again_stays_while_others_come_and_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fast, "MOST_REPLIES", 10)
    pair = Pair()
    for number in range(100):
        if not number % 5:
            pair.ask(WEB)
        pair.ask(dns.message.make_query(f"x{number}.global", "A").to_wire())
        assert len(pair.fast.begin(0.0)) <= 10
    assert WEB[2:] in {**pair.fast._replies._former, **pair.fast.begin(0.0)}


def test_what_is_large_is_answered_and_not_kept() -> None:
    pair = Pair()
    padded = dns.message.make_query("web.shop.global", "A", use_edns=0, pad=468).to_wire()
    assert pair.ask(padded) is not None
    assert not pair.has_kept(padded)


def test_opt_records_that_differ_each_time_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "MOST_OPTS", 5)
    pair = Pair()
    for payload in range(600, 620):
        pair.ask(
            dns.message.make_query("web.shop.global", "A", use_edns=0, payload=payload).to_wire()
        )
        assert len(pair.fast._opts) <= 5


def test_before_anything_was_loaded_every_name_fails() -> None:
    responder = Responder(Zones(RULES, Table()))
    reply = FastResponder(responder, Channel.UDP_IPV4).find(WEB[2:], 0.0)
    assert reply is not None
    assert dns.message.from_wire(WEB[:2] + reply).rcode() == dns.rcode.SERVFAIL


def test_a_host_that_is_known_from_claims_alone_denies_no_type(
    described: Callable[[bytes | None], str],
) -> None:
    pair = Pair(entries=(make_entry("web.shop", "240.128.2.3", answering=Answering.ADDRESSES),))
    assert described(pair.ask(WEB)) == "NOERROR aa 1/0"
    six = dns.message.make_query("web.shop.global", "AAAA").to_wire()
    assert pair.ask(six) == pair.ask(six)


def test_classes_that_count_no_more_are_forgotten_by_who_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("globaldns.dns.counters.MOST_CLASSES", 8)
    table = Table()
    scribe = Scribe(table)
    scribe.apply(ZoneDelta(serial=1, complete=True, puts=ENTRIES))
    scribe.confirm(0.0)
    responder = Responder(Zones(RULES, table))
    one = FastResponder(responder, Channel.UDP_IPV4)
    asked = 0
    for length in range(1, 60):
        known = one.begin(0.0)  # for a batch, in the middle of which there are too many
        for name in ("web.shop.global", *(f"{'x' * length}{n}.shop.global" for n in range(8))):
            query = dns.message.make_query(name, "A", use_edns=False).to_wire()[2:]
            for _ in range(2):
                found = known.get(query)
                if found is None:
                    assert one.find(query, 0.0) is not None
                else:
                    found[1][0] += 1
                asked += 1
    assert sum(responder.counters.responses().values()) == asked
