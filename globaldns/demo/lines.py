"""A unix socket on which each connection is one line of JSON, and one back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from globaldns.demo.words import MAX_OCTETS
from globaldns.errors import RequestRefused

T = TypeVar("T")

REPLY_SECONDS = 300.0
"""100,000 requests take so long on a slow machine."""


async def serve_lines(path: Path, answer: Callable[[bytes], Awaitable[bytes]]) -> asyncio.Server:
    """Listen; a socket that an earlier run left is replaced. Its folder is its owner's alone.

    Raises:
        OSError: the socket cannot be made.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(await answer(await reader.readline()) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            return  # the client went away, or its line does not end
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, path=path, limit=MAX_OCTETS)


async def exchange(path: Path, request: msgspec.Struct, kind: type[T]) -> T:
    """Return the reply of whoever listens.

    Raises:
        OSError: nobody does, or goes away.
        msgspec.DecodeError: it is no reply.
    """
    reader, writer = await asyncio.open_unix_connection(path, limit=MAX_OCTETS)
    try:
        writer.write(msgspec.json.encode(request) + b"\n")
        return msgspec.json.decode(await reader.readline(), type=kind)
    finally:
        writer.close()


def ask(path: Path, request: msgspec.Struct, kind: type[T]) -> T | None:
    """Return the reply of whoever listens; None: nobody does.

    Raises:
        RequestRefused: it may not be asked, or gives no reply.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(REPLY_SECONDS)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise RequestRefused(f"{path}: {(error.strerror or str(error)).lower()}") from error
        try:
            connection.sendall(msgspec.json.encode(request) + b"\n")
            with connection.makefile("rb") as stream:
                return msgspec.json.decode(stream.readline(MAX_OCTETS), type=kind)
        except (OSError, msgspec.DecodeError) as error:
            raise RequestRefused(
                f"{path}: the box gave no reply: {error}", hint="globaldns demo status"
            ) from error
