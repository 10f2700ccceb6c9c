"""The applications of the box: an HTTP server and a TCP server that say who they are."""

from __future__ import annotations

import asyncio
import re

import msgspec

from globaldns.demo.plan import Speech

_CALLER = re.compile(
    rb"^x-forwarded-client-cert:.*?\bURI=(spiffe://[^;,\s]+)", re.IGNORECASE | re.MULTILINE
)
_END = b"\r\n\r\n"


class Application(msgspec.Struct, frozen=True):
    """Where one listens, and who it says it is."""

    cluster: str
    workload: str
    speech: Speech
    address: str
    port: int


class Said(msgspec.Struct, frozen=True):
    """What an application says, as JSON."""

    cluster: str
    workload: str
    caller: str = ""
    """Of HTTP: who calls, as the Envoy in front of it says."""


async def start(application: Application) -> asyncio.Server:
    """Have it listen.

    Raises:
        OSError: it cannot.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        say = _say_http if application.speech is Speech.HTTP else _say_line
        try:
            while await say(application, reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # who called went away
        finally:
            writer.close()

    return await asyncio.start_server(serve, application.address, application.port, backlog=1024)


def find_caller(head: bytes) -> str:
    """Return the SPIFFE id in a request's header fields; empty: there is none."""
    found = _CALLER.search(head)
    return found[1].decode() if found else ""


async def _say_http(
    of: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    head = await reader.readuntil(_END)
    body = msgspec.json.encode(Said(of.cluster, of.workload, find_caller(head)))
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    return True


async def _say_line(
    of: Application, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    if not await reader.readline():
        return False
    writer.write(msgspec.json.encode(Said(of.cluster, of.workload)) + b"\n")
    return True
