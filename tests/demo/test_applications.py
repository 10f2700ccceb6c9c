"""Applications say who they are, and who calls."""

from __future__ import annotations

import asyncio
import json

import pytest

from globaldns.demo.applications import Application, Said, find_caller, start
from globaldns.demo.plan import Speech


@pytest.mark.parametrize(
    ("head", "caller"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", ""),
        (
            b"GET / HTTP/1.1\r\nX-Forwarded-Client-Cert: By=spiffe://m/a;URI=spiffe://m/ns/b/sa/c\r\n\r\n",
            "spiffe://m/ns/b/sa/c",
        ),
        (b"GET /?URI=spiffe://m/x HTTP/1.1\r\n\r\n", ""),
        (
            b"GET / HTTP/1.1\r\nx-forwarded-client-cert: URI=spiffe://m/a,URI=x\r\n\r\n",
            "spiffe://m/a",
        ),
    ],
)
def test_a_caller_is_who_the_envoy_in_front_says(head: bytes, caller: str) -> None:
    assert find_caller(head) == caller


@pytest.mark.parametrize(
    ("speech", "question"),
    [(Speech.HTTP, b"GET / HTTP/1.1\r\n\r\n"), (Speech.TCP, b"who are you\n")],
)
async def test_a_connection_is_kept_for_many_questions(speech: Speech, question: bytes) -> None:
    server = await start(Application("west", "pod", speech, "127.0.0.1", 0))
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(3):
            writer.write(question)
            said = await reader.readuntil(b"}")
            assert json.loads(said[said.index(b"{") :]) == {
                "cluster": "west",
                "workload": "pod",
                "caller": "",
            }
        writer.close()
        await writer.wait_closed()


def test_what_is_said_is_one_json_object() -> None:
    assert Said("a", "b") == Said("a", "b", "")
