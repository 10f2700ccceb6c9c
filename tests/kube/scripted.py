"""A server that says exactly what a test wants, octet by octet, and closes."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from globaldns.kube.kubeconfig import Access
from tests.kube.kubeconfig import kubeconfig


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def begun(*chunks: bytes) -> list[bytes]:
    """Return an answer without a length, in the pieces in which it is sent."""
    return [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", *chunks]


@asynccontextmanager
async def saying(
    *answers: bytes | Sequence[bytes], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Give the URL of a server that gives these answers in turn, the last one for ever."""
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            said = left.pop(0) if len(left) > 1 else left[0]
            for piece in [said] if isinstance(said, bytes) else said:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    async with server:
        yield f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def way_to(url: str, token: str = "token", **cluster: str) -> Access:
    """Return a way to a URL."""
    return Access(text=json.dumps(kubeconfig("scripted", url, {"token": token}, **cluster)))
