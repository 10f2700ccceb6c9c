"""A small zone with one host of each kind, a server on loopback for it, and ways to ask it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import pytest

from globaldns.dns.counters import Channel
from globaldns.dns.listen import parse_listen
from globaldns.dns.responder import Responder
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.seats import ServerSettings, TlsListening, bind_seats
from globaldns.dns.server import DnsServer
from globaldns.dns.table import Table
from globaldns.dns.zone import Zones
from globaldns.model.address import parse_address, parse_prefix
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, EntryPort, ZoneDelta
from tests.certificates import HAS_OPENSSL, NAME, Pair, make_pair
from tests.dns.streams import CEILING_SECONDS, frame, read_message

SENTINEL = dns.message.make_query("sentinel.test", "A", id=0xBEEF).to_wire()
"""Asked behind a query that is to get no reply: its own reply is the next one then."""

Ask = Callable[[bytes], Awaitable[bytes | None]]


def make_entry(
    host: str,
    *vips: str,
    ports: tuple[EntryPort, ...] = (),
    answering: Answering = Answering.DATA,
    zones: tuple[str, ...] = ("global", "mesh.example"),
) -> Entry:
    return Entry(
        host=Host(host),
        zones=zones,
        vips=tuple(map(parse_address, vips)),
        ports=ports,
        answering=answering,
        clusters=("east", "west"),
        changed_at=1_767_323_045,
        rule="given",
    )


HTTP = EntryPort(80, "http", "tcp")
GRPC = EntryPort(9000, "gRPC-web", "tcp")
NAMED_UDP = EntryPort(53, "dns", "udp")
NAMED_TCP = EntryPort(53, "dns-tcp", "tcp")

ENTRIES = (
    make_entry("web.shop", "240.128.2.3", ports=(HTTP, GRPC)),
    make_entry("names.shop", "240.128.2.4", ports=(NAMED_UDP, NAMED_TCP)),
    make_entry("dual.shop", "240.128.2.5", "fd67:6c6f:6261:6c00::5"),
    make_entry("six.shop", "fd67:6c6f:6261:6c00::6"),
    make_entry("none.shop", ports=(HTTP,)),
    make_entry("failing.shop", answering=Answering.FAILURE, ports=(HTTP,)),
    make_entry("claimed.shop", "240.128.2.7", answering=Answering.ADDRESSES),
    make_entry("big.shop", *(f"240.129.{n // 250}.{n % 250}" for n in range(400))),
    make_entry("deep.one.two", "240.130.0.1"),
    make_entry("*.wild", "240.130.0.2", ports=(HTTP,)),
    make_entry("host.wild", "240.130.0.3"),
    make_entry("leaf.ent.wild", "240.130.0.4"),
    make_entry("only.shop", "240.130.0.5", zones=("mesh.example",)),
)

RULES = DnsRules(
    zones=("global", "mesh.example"),
    namespaces={"global": ("shop", "chosen")},
    pools=(
        parse_prefix("240.128.0.0/10"),
        parse_prefix("198.18.4.0/22"),
        parse_prefix("fd67:6c6f:6261:6c00::/64"),
    ),
    nameserver_addresses=(parse_address("192.0.2.53"), parse_address("2001:db8::53")),
    instance="east-1",
)


def describe(reply: bytes | None) -> str:
    """A reply in one line: rcode, flags, counts, OPT; ``—`` is silence, ``12`` a header alone."""
    if reply is None:
        return "—"
    message = dns.message.from_wire(reply)
    rcode = dns.rcode.to_text(message.rcode())
    if len(reply) == 12:
        return f"{rcode} 12"
    flags = dns.flags.to_text(message.flags).removeprefix("QR").replace(" RD", "").strip().lower()
    counts = f"{reply[7]}/{reply[9]}" if reply[6] == 0 else "many"
    opt = " opt" if message.edns >= 0 else ""
    return " ".join(f"{rcode} {flags} {counts}{opt}".split())


@pytest.fixture(scope="session", autouse=True)
def no_loop_outside_tests() -> None:
    """Keep pytest-asyncio from making a loop of the thread, which nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def described() -> Callable[[bytes | None], str]:
    return describe


@pytest.fixture(scope="session")
def entry() -> Callable[..., Entry]:
    return make_entry


@pytest.fixture
def rules() -> DnsRules:
    return RULES


@pytest.fixture
def scribe() -> Scribe:
    scribe = Scribe(Table())
    scribe.apply(ZoneDelta(serial=2026, complete=True, puts=ENTRIES))
    scribe.confirm(float("inf"))  # of all times: time-outs of a zone have their own tests
    return scribe


@pytest.fixture
def zones(rules: DnsRules, scribe: Scribe) -> Zones:
    return Zones(rules, scribe.table)


@pytest.fixture
def responder(zones: Zones) -> Responder:
    return Responder(zones)


@pytest.fixture
def respond(responder: Responder) -> Callable[[bytes], bytes | None]:
    """Ask without a socket, over UDP, at time 0."""
    return lambda message: responder.respond(message, Channel.UDP_IPV4, 0.0)


@pytest.fixture(params=["127.0.0.1:0", "[::1]:0"], ids=["ipv4", "ipv6"])
def listen(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A certificate that no test changes."""
    return make_pair(tmp_path_factory.mktemp("certificate"))


def make_server(responder: Responder, settings: ServerSettings) -> DnsServer:
    """A server whose addresses are taken, and which answers from its start on."""
    (seat,) = bind_seats(settings)
    return DnsServer(responder, settings, seat)


@pytest.fixture
def tls(pair: Pair, listen: str) -> TlsListening:
    return TlsListening(
        listen=(parse_listen(listen),), certificate=str(pair.certificate), key=str(pair.key)
    )


@pytest.fixture
async def server(
    request: pytest.FixtureRequest, responder: Responder, listen: str
) -> AsyncIterator[DnsServer]:
    tls = request.getfixturevalue("tls") if HAS_OPENSSL else None
    server = make_server(responder, ServerSettings(listen=(parse_listen(listen),), tls=tls))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextmanager
def udp_client(server: DnsServer) -> Iterator[socket.socket]:
    address = server.addresses[0]
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as client:
        client.connect((address.host, address.port))
        yield client


async def receive(client: socket.socket) -> bytes:
    async with asyncio.timeout(CEILING_SECONDS):
        return await asyncio.get_running_loop().sock_recv(client, 65535)


@pytest.fixture
def ask_udp(server: DnsServer) -> Ask:
    async def ask(query: bytes) -> bytes | None:
        loop = asyncio.get_running_loop()
        with udp_client(server) as client:
            await loop.sock_sendall(client, query)
            await loop.sock_sendall(client, SENTINEL)
            reply = await receive(client)
            if reply[:2] == SENTINEL[:2]:
                return None
            assert (await receive(client))[:2] == SENTINEL[:2]
            return reply

    return ask


@pytest.fixture
def connect(
    server: DnsServer,
) -> Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        address = server.addresses[0]
        return await asyncio.open_connection(address.host, address.port)

    return connect


async def ask_stream(
    query: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bytes | None:
    try:
        writer.write(frame(query) + frame(SENTINEL))
        try:
            reply = await read_message(reader)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None
        if reply[:2] == SENTINEL[:2]:
            return None
        assert (await read_message(reader))[:2] == SENTINEL[:2]
        return reply
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def ask_tcp(
    connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]],
) -> Ask:
    async def ask(query: bytes) -> bytes | None:
        return await ask_stream(query, *await connect())

    return ask


@pytest.fixture
def ask_dot(server: DnsServer, pair: Pair) -> Ask:
    context = pair.client()

    async def ask(query: bytes) -> bytes | None:
        (address,) = server.tls_addresses
        streams = await asyncio.open_connection(
            address.host, address.port, ssl=context, server_hostname=NAME
        )
        return await ask_stream(query, *streams)

    return ask


@pytest.fixture(params=["udp", "tcp", "dot"])
def ask(request: pytest.FixtureRequest, ask_udp: Ask, ask_tcp: Ask) -> Ask:
    """Ask through a real socket; None is silence, or a connection that was closed without reply."""
    if request.param == "dot":
        found: Ask = request.getfixturevalue("ask_dot")
        return found
    return ask_udp if request.param == "udp" else ask_tcp
