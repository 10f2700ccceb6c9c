"""A client of the admin endpoint that sends what it is told, well-formed or not."""

from __future__ import annotations

import asyncio
import io
from http.client import HTTPMessage, parse_headers
from typing import Any

import msgspec

CEILING_SECONDS = 20.0
"""For what must happen; nothing waits it out when it does."""


class Answer(msgspec.Struct):
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return msgspec.json.decode(self.body)

    @property
    def detail(self) -> str:
        """The detail of a problem document, which says the status of the response."""
        assert self.headers["Content-Type"] == "application/problem+json"
        problem = msgspec.json.decode(self.body)
        assert problem["status"] == self.status
        return str(problem["detail"])


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        return


async def fetch(
    address: str, target: str, *, method: str = "GET", host: str | None = None
) -> Answer:
    request = f"{method} {target} HTTP/1.1\r\nConnection: close\r\nHost: {host or address}\r\n\r\n"
    reader, writer = await connect(address)
    try:
        writer.write(request.encode("latin-1"))
        async with asyncio.timeout(CEILING_SECONDS):
            raw = await reader.read()
    finally:
        await hang_up(writer)
    head, _, body = raw.partition(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    return Answer(int(status.split()[1]), parse_headers(io.BytesIO(fields + b"\r\n\r\n")), body)
