"""What answers say, in presentation format, and what they leave out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import dns.edns
import dns.flags
import dns.message
import pytest

Ask = Callable[[bytes], Awaitable[bytes | None]]
Describe = Callable[[bytes | None], str]


def query(name: str, rrtype: str = "A", **edns: Any) -> bytes:
    return dns.message.make_query(name, rrtype, id=7, **edns).to_wire()


@pytest.mark.parametrize(
    ("name", "rrtype", "expected"),
    [
        ("web.shop.global", "A", ["web.shop.global. 30 IN A 240.128.2.3"]),
        ("WEB.Shop.gloBAL", "A", ["WEB.Shop.gloBAL. 30 IN A 240.128.2.3"]),
        ("dual.shop.global", "AAAA", ["dual.shop.global. 30 IN AAAA fd67:6c6f:6261:6c00::5"]),
        ("dual.shop.global", "ANY", ["dual.shop.global. 30 IN A 240.128.2.5"]),
        ("six.shop.global", "ANY", ["six.shop.global. 30 IN AAAA fd67:6c6f:6261:6c00::6"]),
        ("global", "NS", ["global. 30 IN NS ns.global."]),
        (
            "global",
            "ANY",
            ["global. 30 IN SOA ns.global. hostmaster.global. 2026 3600 600 86400 10"],
        ),
        ("ns.global", "A", ["ns.global. 30 IN A 192.0.2.53"]),
        ("ns.global", "AAAA", ["ns.global. 30 IN AAAA 2001:db8::53"]),
        ("_globaldns.global", "TXT", ['_globaldns.global. 0 IN TXT "east-1"']),
        ("_globaldns.chosen.global", "TXT", ['_globaldns.chosen.global. 0 IN TXT "east-1"']),
        (
            "_http._tcp.web.shop.mesh.example",
            "SRV",
            ["_http._tcp.web.shop.mesh.example. 30 IN SRV 0 0 80 web.shop.mesh.example."],
        ),
        (
            "web.shop.global",
            "SRV",
            [
                "web.shop.global. 30 IN SRV 0 0 80 web.shop.global.",
                "web.shop.global. 30 IN SRV 0 0 9000 web.shop.global.",
            ],
        ),
        ("x.wild.global", "SRV", ["x.wild.global. 30 IN SRV 0 0 80 x.wild.global."]),
        (
            "_http._tcp.x.wild.global",
            "SRV",
            ["_http._tcp.x.wild.global. 30 IN SRV 0 0 80 x.wild.global."],
        ),
        (
            "_explain.web.shop.global",
            "TXT",
            [
                (
                    '_explain.web.shop.global. 30 IN TXT "rule=given" '
                    '"changed=2026-01-02T03:04:05Z" "answering=data" "cluster=east" "cluster=west"'
                )
            ],
        ),
        (
            "3.2.128.240.in-addr.arpa",
            "PTR",
            ["3.2.128.240.in-addr.arpa. 30 IN PTR web.shop.global."],
        ),
        (
            "5.0.130.240.in-addr.arpa",
            "PTR",
            ["5.0.130.240.in-addr.arpa. 30 IN PTR only.shop.mesh.example."],
        ),
        ("128.240.in-addr.arpa", "NS", ["128.240.in-addr.arpa. 30 IN NS ns.global."]),
    ],
)
def test_positive_answers_in_presentation_format(
    respond: Callable[[bytes], bytes | None], name: str, rrtype: str, expected: list[str]
) -> None:
    message = dns.message.from_wire(respond(query(name, rrtype)) or b"")
    assert [line for rrset in message.answer for line in rrset.to_text().splitlines()] == expected
    assert not message.authority
    assert not message.additional


@pytest.mark.parametrize(
    ("name", "apex"),
    [
        ("nope.shop.GLOBAL", "GLOBAL"),
        ("shop.global", "global"),
        ("global", "global"),
        ("x.mesh.example", "mesh.example"),
        ("1.128.240.in-addr.arpa", "128.240.in-addr.arpa"),
    ],
)
def test_a_negative_answer_has_the_soa_and_nothing_else(
    respond: Callable[[bytes], bytes | None], name: str, apex: str
) -> None:
    message = dns.message.from_wire(respond(query(name, "MX")) or b"")
    (soa,) = message.authority
    assert soa.name.to_text() == f"{apex}."
    assert soa.ttl == soa[0].minimum == 10
    assert soa[0].serial == 2026
    assert not message.answer
    assert not message.additional


def test_the_health_check_of_coredns_gets_seventeen_octets(
    respond: Callable[[bytes], bytes | None],
) -> None:
    check = bytes.fromhex("abcd 0100 0001 0000 0000 0000 00 0002 0001")
    assert respond(check) == bytes.fromhex("abcd 8105 0001 0000 0000 0000 00 0002 0001")


@pytest.mark.parametrize(
    ("payload", "room"),
    [(0, 512), (1, 512), (256, 512), (511, 512), (513, 513), (4096, 1232), (65535, 1232)],
)
async def test_what_is_too_big_over_udp_is_truncated_to_nothing(
    ask_udp: Ask, ask_tcp: Ask, payload: int, room: int
) -> None:
    message = query("big.shop.global", use_edns=0, payload=payload)
    reply = dns.message.from_wire(await ask_udp(message) or b"")
    assert reply.flags & dns.flags.TC
    assert reply.flags & dns.flags.AA
    assert reply.sections[1:] == [[], [], []]
    assert reply.payload == 1232
    assert len(reply.to_wire()) < room
    whole = dns.message.from_wire(await ask_tcp(message) or b"")
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 400


async def test_without_edns_512_octets_is_all(ask_udp: Ask, described: Describe) -> None:
    assert described(await ask_udp(query("big.shop.global"))) == "NOERROR aa tc 0/0"


@pytest.mark.parametrize("is_dnssec_ok", [True, False])
def test_do_is_copied_and_z_is_clear(
    respond: Callable[[bytes], bytes | None], *, is_dnssec_ok: bool
) -> None:
    flags = 0x7FFF | (dns.flags.DO if is_dnssec_ok else 0)
    unknown = dns.edns.GenericOption(65001, b"x")
    message = query("web.shop.global", use_edns=0, ednsflags=flags, options=[unknown])
    reply = respond(message) or b""
    assert dns.message.from_wire(reply).ednsflags == (dns.flags.DO if is_dnssec_ok else 0)
    assert dns.message.from_wire(reply).options == ()


def test_amplification_is_small_for_what_is_refused_or_malformed(
    respond: Callable[[bytes], bytes | None],
) -> None:
    refused = (
        query("example.com"),
        query("example.com", use_edns=0),
        query(".", "NS"),
        query("web.shop.global")[:20],
    )
    for message in refused:
        reply = respond(message)
        assert reply is not None
        assert len(reply) <= len(message)
