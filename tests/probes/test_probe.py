"""One probe of a real socket."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globaldns.probes.board import Target
from globaldns.probes.credentials import TlsFiles, read_context
from globaldns.probes.probe import probe
from tests.certificates import Pair, make_pair
from tests.probes.gateways import free_port, gateway, opened

SNI = "outbound_.80_._.reviews.bookinfo.svc.cluster.local"


def target(port: int, server_name: str = "") -> Target:
    return Target(gateway(port=port), "127.0.0.1", server_name)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


@pytest.fixture
def tls(pair: Pair) -> ssl.SSLContext:
    return read_context(TlsFiles(pair.certificate, pair.key, pair.certificate))


@asynccontextmanager
async def passthrough(pair: Pair, seen: list[str | None]) -> AsyncIterator[int]:
    """Listen as a workload behind a gateway does that knows one service."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pair.certificate)
    context.set_alpn_protocols(["istio"])

    def look(_session: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        seen.append(name)
        return None if name == SNI else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = look  # type: ignore[assignment]  # typeshed wants more of a session
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_connection_is_enough_without_a_certificate() -> None:
    async with opened() as door:
        assert await probe(target(door.port), None, 2.0) == ""
        assert await probe(target(door.port, SNI), None, 2.0) == ""


async def test_a_connection_is_enough_where_no_service_can_be_named(tls: ssl.SSLContext) -> None:
    async with opened() as door:
        assert await probe(target(door.port), tls, 2.0) == ""


async def test_a_closed_port_is_refused() -> None:
    assert await probe(target(free_port()), None, 2.0) == "connection refused"


async def test_who_is_silent_is_waited_for_as_long_as_is_configured() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as first:
        first.connect(full.getsockname())
        others = [socket.socket() for _ in range(3)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        reason = await probe(target(full.getsockname()[1]), None, 0.2)
        for other in others:
            other.close()
    assert reason == "no answer within 200ms"


async def test_who_was_busy_meanwhile_cannot_say(tls: ssl.SSLContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        asyncio.get_running_loop().call_later(0.05, time.sleep, 0.5)
        assert await probe(target(mute.getsockname()[1], SNI), tls, 0.2) is None


async def test_who_has_run_out_of_descriptors_cannot_say() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with opened() as door:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            assert await probe(target(door.port), None, 2.0) is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert await probe(target(door.port), None, 2.0) == ""


async def test_a_handshake_with_the_service_that_is_named(pair: Pair, tls: ssl.SSLContext) -> None:
    seen: list[str | None] = []
    async with passthrough(pair, seen) as port:
        assert await probe(target(port, SNI), tls, 2.0) == ""
    assert seen == [SNI]


async def test_an_unknown_service_is_refused_and_named(pair: Pair, tls: ssl.SSLContext) -> None:
    seen: list[str | None] = []
    async with passthrough(pair, seen) as port:
        reason = await probe(target(port, "outbound_.80_._.x"), tls, 2.0)
    assert reason
    assert reason.endswith(", for SNI outbound_.80_._.x")
    assert seen == ["outbound_.80_._.x"]


async def test_who_hangs_up_at_the_handshake_is_no_gateway(tls: ssl.SSLContext) -> None:
    async with opened() as door:
        reason = await probe(target(door.port, SNI), tls, 2.0)
    assert reason
    assert reason.endswith(f", for SNI {SNI}")


async def test_a_workload_of_another_mesh_is_not_believed(pair: Pair, tmp_path: Path) -> None:
    other = make_pair(tmp_path / "other")
    strict = read_context(TlsFiles(pair.certificate, pair.key, other.certificate))
    async with passthrough(pair, []) as port:
        reason = await probe(target(port, SNI), strict, 2.0)
    assert reason == f"TLS: self-signed certificate, for SNI {SNI}"
