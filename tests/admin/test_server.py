from __future__ import annotations

import asyncio
import logging

import pytest

from globaldns.admin.server import HEADERS, AdminServer
from globaldns.errors import ListenError
from tests.admin.client import CEILING_SECONDS, connect, fetch, hang_up


async def test_the_address_is_the_one_that_was_bound(server):
    host, _, port = server.address.rpartition(":")
    assert host == "127.0.0.1"
    assert 0 < int(port) < 65536


async def test_an_ipv6_address_stands_in_brackets(mesh):
    server = AdminServer(mesh, listen="[::1]:0")
    await server.start()
    try:
        assert server.address.startswith("[::1]:")
        assert (await fetch(server.address, "/livez")).status == 200
    finally:
        await server.stop()


async def test_an_address_that_is_taken_is_named_with_its_key(server, mesh):
    with pytest.raises(ListenError, match=f"admin.listen {server.address}: ") as caught:
        await AdminServer(mesh, listen=server.address).start()
    port = server.address.rpartition(":")[2]
    assert caught.value.hint == (
        f"ss -lptn 'sport = :{port}' shows who has it; "
        "choose another address or port with admin.listen"
    )


async def test_a_stopped_server_frees_its_address(mesh):
    first = AdminServer(mesh, listen="127.0.0.1:0")
    await first.start()
    address = first.address
    await first.stop()
    second = AdminServer(mesh, listen=address)
    await second.start()
    await second.stop()


@pytest.mark.parametrize("target", ["/livez", "/api/v1/digest", "/nothing", "/api/v1/services?x=1"])
async def test_every_response_has_the_headers(get, target):
    answer = await get(target)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_nothing_can_be_changed(server, method):
    answer = await fetch(server.address, "/api/v1/services", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert method in answer.detail


async def test_a_head_has_no_body(server):
    answer = await fetch(server.address, "/api/v1/services", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    "target", ["/", "//", "/api", "/livez/", "/%00", "/%", "/api/v1//services"]
)
async def test_what_is_not_there_is_told_as_a_problem(get, target):
    answer = await get(target)
    assert answer.status == 404
    assert answer.detail.startswith("there is nothing at ")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LocalHost:8053", "127.0.0.1", "127.0.0.1:1", "192.0.2.7", "[::1]:8053", "[::1]"],
)
async def test_an_address_and_localhost_are_names_of_this_machine(server, host):
    assert (await fetch(server.address, "/livez", host=host)).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:80", "[evil", "[", ":80", "::1", "127.1", "%"]
)
async def test_a_loopback_server_refuses_names_that_a_web_page_may_have(server, host):
    answer = await fetch(server.address, "/livez", host=host)
    assert (answer.status, "not this server's name" in answer.detail) == (421, True)


async def test_a_server_for_others_has_whatever_name_they_use(mesh):
    server = AdminServer(mesh, listen="0.0.0.0:0")
    await server.start()
    try:
        address = server.address.replace("0.0.0.0", "127.0.0.1")
        assert (await fetch(address, "/livez", host="admin.example")).status == 200
    finally:
        await server.stop()


async def test_an_unforeseen_failure_is_a_500_logged_once_and_the_server_lives(
    server, mesh, caplog
):
    def fail():
        return 1 / 0

    mesh.config_report = fail
    answer = await fetch(server.address, "/api/v1/config")
    assert (answer.status, answer.headers["Server"]) == (500, "globaldns")
    assert b"ZeroDivisionError" not in answer.body
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("globaldns.admin.server", logging.ERROR)
    assert record.exc_info[0] is ZeroDivisionError
    assert (await fetch(server.address, "/livez")).status == 200


async def test_a_connection_serves_one_request_after_the_other(server):
    reader, writer = await connect(server.address)
    for _ in range(3):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(CEILING_SECONDS):
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
    await hang_up(writer)


async def test_a_stopping_server_closes_idle_connections(mesh):
    server = AdminServer(mesh, listen="127.0.0.1:0")
    await server.start()
    reader, writer = await connect(server.address)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(CEILING_SECONDS):
        await reader.readuntil(b"ok\n")
        await server.stop()
        assert await reader.read() == b""
    await hang_up(writer)
