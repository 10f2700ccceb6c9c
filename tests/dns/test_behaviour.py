"""What the server answers, case by case, through real sockets: UDP and TCP, IPv4 and IPv6.

Each row is a query and its reply in one line: rcode, flags besides QR and RD, number of records in
answer and authority, ``opt``. ``—`` is silence; ``12`` is a header alone.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable

import dns.message
import pytest

Ask = Callable[[bytes], Awaitable[bytes | None]]
Describe = Callable[[bytes | None], str]

OPT = struct.Struct(">BHHBBHH")
RECORD = struct.Struct(">HHIH")


def query(name: str, rrtype: str | int = "A", rrclass: str | int = "IN", **edns: object) -> bytes:
    if isinstance(rrtype, int):
        rrtype = f"TYPE{rrtype}"
    if isinstance(rrclass, int):
        rrclass = f"CLASS{rrclass}"
    return dns.message.make_query(name, rrtype, rrclass, id=7, **edns).to_wire()


def changed(message: bytes, offset: int, *octets: int) -> bytes:
    return message[:offset] + bytes(octets) + message[offset + len(octets) :]


def header(opcode: int = 0, flags: int = 0, counts: tuple[int, ...] = (1, 0, 0, 0)) -> bytes:
    return struct.pack(">HH4H", 7, opcode << 11 | flags, *counts)


def opt(
    rdata: bytes = b"", *, owner: int = 0, payload: int = 1232, version: int = 0, flags: int = 0
) -> bytes:
    return OPT.pack(owner, 41, payload, 0, version, flags, len(rdata)) + rdata


def extended(
    message: bytes, *, an: bytes = b"", ns: bytes = b"", ar: tuple[bytes, ...] = ()
) -> bytes:
    counts = struct.pack(">3H", 1 if an else 0, 1 if ns else 0, len(ar))
    return message[:6] + counts + message[12:] + an + ns + b"".join(ar)


def record(rrtype: int, rrclass: int = 1, ttl: int = 0, rdata: bytes = b"") -> bytes:
    return b"\x00" + RECORD.pack(rrtype, rrclass, ttl, len(rdata)) + rdata


def tsig(rdata: bytes | None = None) -> bytes:
    if rdata is None:
        rdata = b"\x0bhmac-sha256\x00" + bytes(8) + b"\x00\x04ABCD" + bytes(4) + b"\x00\x00"
    return record(250, 255, 0, rdata)


def question_end(message: bytes) -> int:
    offset = 12
    while message[offset]:
        offset += message[offset] + 1
    return offset + 5


WEB = query("web.shop.global")
QUESTION = WEB[12:]


def raw(question: bytes) -> bytes:
    return header() + question


LONG_NAME = b"\x3f" + b"a" * 63
NAME_255 = LONG_NAME * 3 + b"\x36" + b"b" * 54 + b"\x06global\x00" + b"\x00\x01\x00\x01"
NAME_256 = LONG_NAME * 3 + b"\x37" + b"b" * 55 + b"\x06global\x00" + b"\x00\x01\x00\x01"
LABELS_124 = b"\x01a" * 123 + b"\x06global\x00" + b"\x00\x01\x00\x01"

ROWS = {
    # what is never answered
    "less than 12 octets": (WEB[:11], "—"),
    "a response": (changed(WEB, 2, 0x81), "—"),
    "a response of another opcode": (changed(WEB, 2, 0xA8), "—"),
    "a response that is garbage": (changed(b"\xff" * 40, 2, 0x80), "—"),
    # what is not read as a query
    "no question": (header(counts=(0, 0, 0, 0)), "FORMERR 12"),
    "no question, OPT": (header(counts=(0, 0, 0, 1)) + opt(), "FORMERR 12"),
    "two questions": (header(counts=(2, 0, 0, 0)) + QUESTION * 2, "FORMERR 12"),
    "counts beyond the content": (changed(WEB, 11, 3), "FORMERR 12"),
    "question cut off": (WEB[:-3], "FORMERR 12"),
    "name cut off": (WEB[:20], "FORMERR 12"),
    "name over 255 octets": (raw(NAME_256), "FORMERR 12"),
    "label of 64": (raw(b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01"), "FORMERR 12"),
    "label type 0x80": (raw(b"\x80a\x00\x00\x01\x00\x01"), "FORMERR 12"),
    "pointer to itself": (raw(b"\xc0\x0c\x00\x01\x00\x01"), "FORMERR 12"),
    "pointer forward": (raw(b"\xc0\x12\x00\x01\x00\x01\x00\x00"), "FORMERR 12"),
    "pointer into the header": (raw(b"\x01a\xc0\x00\x00\x01\x00\x01"), "FORMERR 12"),
    "pointer loop": (raw(b"\x01a\xc0\x0c\x00\x01\x00\x01"), "FORMERR 12"),
    "RDLENGTH past the end": (
        extended(WEB, ar=(b"\x00" + RECORD.pack(1, 1, 0, 9) + b"abcd",)),
        "FORMERR 12",
    ),
    "two OPT records": (extended(WEB, ar=(opt(), opt())), "FORMERR 12"),
    "OPT with a name": (extended(WEB, ar=(b"\x01x" + opt(),)), "FORMERR 12"),
    "OPT in the answer section": (extended(WEB, an=opt()), "FORMERR 12"),
    "OPT in the authority section": (extended(WEB, ns=opt()), "FORMERR 12"),
    "option cut off": (extended(WEB, ar=(opt(b"\x00\x03\x00"),)), "FORMERR 12"),
    "option longer than RDATA": (extended(WEB, ar=(opt(b"\x00\x03\x00\x09ab"),)), "FORMERR 12"),
    "TSIG malformed": (extended(WEB, ar=(tsig(b"\x00abc"),)), "FORMERR 12"),
    "TSIG not last": (extended(WEB, ar=(tsig(), opt())), "FORMERR 12"),
    "TSIG in the answer section": (extended(WEB, an=tsig()), "FORMERR 12"),
    # what is odd and answered all the same
    "record in the answer section": (extended(WEB, an=record(1, rdata=b"abcd")), "NOERROR aa 1/0"),
    "record in authority": (extended(WEB, ns=record(6, rdata=b"x" * 22)), "NOERROR aa 1/0"),
    "compressed owner in additional": (
        extended(WEB, ar=(b"\xc0\x0c" + RECORD.pack(1, 1, 0, 4) + b"abcd",)),
        "NOERROR aa 1/0",
    ),
    "trailing garbage": (WEB + b"garbage", "NOERROR aa 1/0"),
    "RCODE in the query": (changed(WEB, 3, 0x0F), "NOERROR aa 1/0"),
    "all flags set": (changed(WEB, 2, 0x07, 0xF0), "NOERROR aa 1/0"),
    "TSIG of an unknown key": (extended(WEB, ar=(tsig(),)), "NOERROR aa 1/0"),
    "OPT and TSIG": (extended(WEB, ar=(opt(), tsig())), "NOERROR aa 1/0 opt"),
    # opcodes
    **{f"opcode {n}": (header(n) + QUESTION, "NOTIMP 12") for n in (1, 2, 3, *range(6, 16))},
    "opcode 15, all flags": (header(15, 0x07FF) + QUESTION, "NOTIMP 12"),
    "NOTIFY": (header(4, 0x0400) + QUESTION, "REFUSED 12"),
    "UPDATE": (header(5) + QUESTION, "REFUSED 12"),
    # classes
    "class CH": (query("version.bind", "TXT", "CH"), "REFUSED 0/0"),
    "class HS": (query("web.shop.global", "A", "HS"), "REFUSED 0/0"),
    **{
        f"class {n}": (query("web.shop.global", "A", n), "REFUSED 0/0")
        for n in (0, 254, 255, 65535)
    },
    "CH id.server": (query("id.server", "TXT", "CH"), "REFUSED 0/0"),
    "CH hostname.bind": (query("hostname.bind", "TXT", "CH"), "REFUSED 0/0"),
    # zones
    **{
        f"outside: {name}": (query(name), "REFUSED 0/0")
        for name in ("xglobal", "globa", "global.example.com", "example.com", "mesh", ".")
    },
    "outside, EDNS": (query("example.com", use_edns=0), "REFUSED 0/0 opt"),
    "health check": (query(".", "NS"), "REFUSED 0/0"),
    "apex SOA": (query("global", "SOA"), "NOERROR aa 1/0"),
    "apex NS": (query("global", "NS"), "NOERROR aa 1/0"),
    "second zone's apex": (query("mesh.example", "SOA"), "NOERROR aa 1/0"),
    "apex A": (query("global"), "NOERROR aa 0/1"),
    "apex DS": (query("global", "DS"), "NOERROR aa 0/1"),
    "apex DNSKEY": (query("global", "DNSKEY"), "NOERROR aa 0/1"),
    "name server A": (query("ns.global"), "NOERROR aa 1/0"),
    "name server AAAA": (query("ns.mesh.example", "AAAA"), "NOERROR aa 1/0"),
    "name server TXT": (query("ns.global", "TXT"), "NOERROR aa 0/1"),
    "below the name server": (query("x.ns.global"), "NXDOMAIN aa 0/1"),
    "instance": (query("_globaldns.global", "TXT"), "NOERROR aa 1/0"),
    "instance in a chosen namespace": (query("_globaldns.chosen.global", "TXT"), "NOERROR aa 1/0"),
    "instance beside hosts": (query("_globaldns.shop.global", "TXT"), "NOERROR aa 1/0"),
    "instance A": (query("_globaldns.chosen.global"), "NOERROR aa 0/1"),
    "instance in one that is not chosen": (
        query("_globaldns.one.global", "TXT"),
        "NXDOMAIN aa 0/1",
    ),
    "instance in another zone": (query("_globaldns.chosen.mesh.example"), "NXDOMAIN aa 0/1"),
    "chosen namespace without a host": (query("chosen.global"), "NOERROR aa 0/1"),
    "below one": (query("a.chosen.global"), "NXDOMAIN aa 0/1"),
    # positive, NODATA, NXDOMAIN
    "A": (WEB, "NOERROR aa 1/0"),
    "A in the second zone": (query("web.shop.mesh.example"), "NOERROR aa 1/0"),
    "AAAA of IPv4 only": (query("web.shop.global", "AAAA"), "NOERROR aa 0/1"),
    "A of IPv6 only": (query("six.shop.global"), "NOERROR aa 0/1"),
    "AAAA": (query("dual.shop.global", "AAAA"), "NOERROR aa 1/0"),
    "absent": (query("nope.shop.global"), "NXDOMAIN aa 0/1"),
    "absent namespace": (query("a.nope.global"), "NXDOMAIN aa 0/1"),
    "host of another zone": (query("only.shop.global"), "NXDOMAIN aa 0/1"),
    "host of that zone": (query("only.shop.mesh.example"), "NOERROR aa 1/0"),
    "below a leaf": (query("x.web.shop.global"), "NXDOMAIN aa 0/1"),
    **{
        f"NODATA of type {n}": (query("web.shop.global", n), "NOERROR aa 0/1")
        for n in (2, 5, 6, 15, 64, 65, 666, 65280, 65535)
    },
    **{
        f"meta type {n}": (query("web.shop.global", n), "NOERROR aa 0/1")
        for n in (0, 41, 249, 250, 253, 254)
    },
    "RRSIG": (query("web.shop.global", "RRSIG"), "NOERROR aa 0/1"),
    "ENT namespace": (query("shop.global"), "NOERROR aa 0/1"),
    "ENT _tcp": (query("_tcp.web.shop.global", "SRV"), "NOERROR aa 0/1"),
    "no _udp without such a port": (query("_udp.web.shop.global"), "NXDOMAIN aa 0/1"),
    "ENT two deep": (query("two.global"), "NOERROR aa 0/1"),
    "wildcard's parent": (query("wild.global"), "NOERROR aa 0/1"),
    # what is not known
    "failing A": (query("failing.shop.global"), "SERVFAIL 0/0"),
    "failing ANY": (query("failing.shop.global", "ANY"), "SERVFAIL 0/0"),
    "failing MX": (query("failing.shop.global", "MX"), "SERVFAIL 0/0"),
    "failing, a port": (query("_http._tcp.failing.shop.global", "SRV"), "SERVFAIL 0/0"),
    "failing, _tcp": (query("_tcp.failing.shop.global", "SRV"), "SERVFAIL 0/0"),
    "failing, explained": (query("_explain.failing.shop.global", "TXT"), "NOERROR aa 1/0"),
    "claimed A": (query("claimed.shop.global"), "NOERROR aa 1/0"),
    "claimed AAAA": (query("claimed.shop.global", "AAAA"), "NOERROR aa 0/1"),
    "claimed SRV": (query("claimed.shop.global", "SRV"), "SERVFAIL 0/0"),
    "claimed TXT": (query("claimed.shop.global", "TXT"), "SERVFAIL 0/0"),
    "claimed PTR": (query("7.2.128.240.in-addr.arpa", "PTR"), "NOERROR aa 1/0"),
    "NONE A": (query("none.shop.global"), "NOERROR aa 0/1"),
    "NONE SRV": (query("none.shop.global", "SRV"), "NOERROR aa 0/1"),
    # ANY, transfers
    "ANY": (query("dual.shop.global", "ANY"), "NOERROR aa 1/0"),
    "ANY outside": (query("example.com", "ANY"), "REFUSED 0/0"),
    "AXFR": (query("global", "AXFR"), "REFUSED 0/0"),
    "IXFR": (query("global", "IXFR"), "REFUSED 0/0"),
    # EDNS
    "OPT": (query("web.shop.global", use_edns=0), "NOERROR aa 1/0 opt"),
    "OPT, NXDOMAIN": (query("nope.shop.global", use_edns=0), "NXDOMAIN aa 0/1 opt"),
    "OPT, SERVFAIL": (query("failing.shop.global", use_edns=0), "SERVFAIL 0/0 opt"),
    "version 1": (extended(WEB, ar=(opt(version=1),)), "BADVERS 0/0 opt"),
    "version 255, DO, option": (
        extended(WEB, ar=(opt(b"\x00\x64\x00\x01x", version=255, flags=0x8000),)),
        "BADVERS 0/0 opt",
    ),
    "version 1 outside": (query("example.com", use_edns=1), "BADVERS 0/0 opt"),
    "unknown option": (extended(WEB, ar=(opt(b"\xfd\xe9\x00\x02hi"),)), "NOERROR aa 1/0 opt"),
    "Z flags": (extended(WEB, ar=(opt(flags=0x7FFF),)), "NOERROR aa 1/0 opt"),
    "NSID": (extended(WEB, ar=(opt(b"\x00\x03\x00\x00"),)), "NOERROR aa 1/0 opt"),
    "COOKIE": (extended(WEB, ar=(opt(b"\x00\x0a\x00\x08abcdefgh"),)), "NOERROR aa 1/0 opt"),
    "COOKIE of 3": (extended(WEB, ar=(opt(b"\x00\x0a\x00\x03abc"),)), "NOERROR aa 1/0 opt"),
    "ECS": (extended(WEB, ar=(opt(b"\x00\x08\x00\x07\x00\x01\x18\x00abc"),)), "NOERROR aa 1/0 opt"),
    "ECS malformed": (extended(WEB, ar=(opt(b"\x00\x08\x00\x01x"),)), "NOERROR aa 1/0 opt"),
    "keepalive": (extended(WEB, ar=(opt(b"\x00\x0b\x00\x00"),)), "NOERROR aa 1/0 opt"),
    "padding": (extended(WEB, ar=(opt(b"\x00\x0c\x00\x04\0\0\0\0"),)), "NOERROR aa 1/0 opt"),
    "EXPIRE on SOA": (
        extended(query("global", "SOA"), ar=(opt(b"\x00\x09\x00\x00"),)),
        "NOERROR aa 1/0 opt",
    ),
    # names as bytes
    "0x20": (raw(QUESTION[:-4].swapcase() + QUESTION[-4:]), "NOERROR aa 1/0"),
    "a dot inside a label": (raw(b"\x08web.shop\x06global\0\0\x01\0\x01"), "NXDOMAIN aa 0/1"),
    "NUL, 0xFF, space": (
        raw(b"\x05a\x00\xffb \x04shop\x06global\0\0\x01\0\x01"),
        "NXDOMAIN aa 0/1",
    ),
    "only A-Z fold": (raw(b"\x04\xc4web\x04shop\x06global\0\0\x01\0\x01"), "NXDOMAIN aa 0/1"),
    "name of 255 octets": (raw(NAME_255), "NXDOMAIN aa 0/1"),
    "124 labels": (raw(LABELS_124), "NXDOMAIN aa 0/1"),
    "127 labels": (raw(b"\x01a" * 127 + b"\x00\x00\x01\x00\x01"), "REFUSED 0/0"),
    # wildcards
    "wildcard": (query("any.wild.global"), "NOERROR aa 1/0"),
    "wildcard, deep": (query("a.b.c.wild.global"), "NOERROR aa 1/0"),
    "wildcard, literally": (query("*.wild.global"), "NOERROR aa 1/0"),
    "wildcard, NODATA": (query("any.wild.global", "MX"), "NOERROR aa 0/1"),
    "wildcard, SRV": (query("any.wild.global", "SRV"), "NOERROR aa 1/0"),
    "wildcard, port": (query("_http._tcp.any.wild.global", "SRV"), "NOERROR aa 1/0"),
    "wildcard, no such port": (query("_x._tcp.any.wild.global", "SRV"), "NOERROR aa 0/1"),
    "wildcard, explained": (query("_explain.any.wild.global", "TXT"), "NOERROR aa 1/0"),
    "wildcard, its parent explained": (query("_explain.wild.global", "TXT"), "NOERROR aa 0/1"),
    "existing name beats wildcard": (query("host.wild.global", "AAAA"), "NOERROR aa 0/1"),
    "existing name blocks below": (query("x.host.wild.global"), "NXDOMAIN aa 0/1"),
    "ENT blocks wildcard": (query("ent.wild.global"), "NOERROR aa 0/1"),
    "ENT blocks below": (query("x.ent.wild.global"), "NXDOMAIN aa 0/1"),
    "x.* is no match": (query("x.*.wild.global"), "NXDOMAIN aa 0/1"),
    # SRV, TXT, PTR
    "SRV": (query("_http._tcp.web.shop.global", "SRV"), "NOERROR aa 1/0"),
    "SRV folds": (query("_GRPC-Web._TCP.web.shop.global", "SRV"), "NOERROR aa 1/0"),
    "SRV at the host": (query("web.shop.global", "SRV"), "NOERROR aa 2/0"),
    "SRV, one number once": (query("names.shop.global", "SRV"), "NOERROR aa 1/0"),
    "SRV of UDP": (query("_dns._udp.names.shop.global", "SRV"), "NOERROR aa 1/0"),
    "SRV, wrong protocol": (query("_http._udp.web.shop.global", "SRV"), "NXDOMAIN aa 0/1"),
    "SRV, no such port": (query("_ftp._tcp.web.shop.global", "SRV"), "NXDOMAIN aa 0/1"),
    "SRV name, A": (query("_http._tcp.web.shop.global"), "NOERROR aa 0/1"),
    "SRV without ports": (query("dual.shop.global", "SRV"), "NOERROR aa 0/1"),
    "_explain": (query("_explain.web.shop.global", "TXT"), "NOERROR aa 1/0"),
    "_explain A": (query("_explain.web.shop.global"), "NOERROR aa 0/1"),
    "_explain of nothing": (query("_explain.nope.shop.global", "TXT"), "NXDOMAIN aa 0/1"),
    "PTR": (query("3.2.128.240.in-addr.arpa", "PTR"), "NOERROR aa 1/0"),
    "PTR, A": (query("3.2.128.240.in-addr.arpa", "A"), "NOERROR aa 0/1"),
    "PTR absent": (query("4.3.128.240.in-addr.arpa", "PTR"), "NXDOMAIN aa 0/1"),
    "PTR ENT": (query("2.128.240.in-addr.arpa", "PTR"), "NOERROR aa 0/1"),
    "PTR ENT without VIPs": (query("9.128.240.in-addr.arpa", "PTR"), "NOERROR aa 0/1"),
    "PTR with a zero in front": (query("03.2.128.240.in-addr.arpa", "PTR"), "NXDOMAIN aa 0/1"),
    "PTR of no octet": (query("256.2.128.240.in-addr.arpa", "PTR"), "NXDOMAIN aa 0/1"),
    "below a PTR": (query("x.3.2.128.240.in-addr.arpa", "PTR"), "NXDOMAIN aa 0/1"),
    "reverse apex": (query("191.240.in-addr.arpa", "SOA"), "NOERROR aa 1/0"),
    "reverse apex NS": (query("7.18.198.in-addr.arpa", "NS"), "NOERROR aa 1/0"),
    "beside the pool": (query("192.240.in-addr.arpa", "SOA"), "REFUSED 0/0"),
    "PTR of IPv6": (
        query("5" + ".0" * 15 + ".0.0.c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa", "PTR"),
        "NOERROR aa 1/0",
    ),
    "ENT of IPv6": (
        query("0.0.0.0.c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa", "PTR"),
        "NOERROR aa 0/1",
    ),
    "ENT of IPv6 without VIPs": (
        query("f.0.0.c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa"),
        "NOERROR aa 0/1",
    ),
    "no nibble": (query("g.0.0.c.6.1.6.2.6.f.6.c.6.7.6.d.f.ip6.arpa"), "NXDOMAIN aa 0/1"),
    "apex explained": (query("_explain.global", "TXT"), "NXDOMAIN aa 0/1"),
    "_tcp at the apex": (query("_http._tcp.global", "SRV"), "NXDOMAIN aa 0/1"),
}


@pytest.mark.parametrize(("message", "expected"), ROWS.values(), ids=ROWS)
async def test_case_by_case(ask: Ask, described: Describe, message: bytes, expected: str) -> None:
    reply = await ask(message)
    assert described(reply) == expected


@pytest.mark.parametrize(("message", "expected"), ROWS.values(), ids=ROWS)
def test_a_reply_belongs_to_its_query(
    respond: Callable[[bytes], bytes | None], message: bytes, expected: str
) -> None:
    """ID, opcode and question are echoed, RD alone is copied, and no reply is ever answered."""
    reply = respond(message)
    if reply is None:
        assert expected == "—"
        return
    assert reply[:2] == message[:2]
    assert reply[2] & 0x80
    assert reply[2] & 0x78 == message[2] & 0x78
    assert reply[3] & 0xF0 == 0  # RA, Z, AD, CD
    is_query = not message[2] & 0x78
    assert reply[2] & 0x01 == (message[2] & 0x01 if is_query else 0)
    if len(reply) > 12:
        end = question_end(message)
        assert reply[12:end] == message[12:end]
    assert respond(reply) is None
