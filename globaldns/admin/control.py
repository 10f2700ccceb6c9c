"""The control socket: what a person may change in a running server.

``control.sock`` in the state directory, mode 0600: whoever may open it owns the ledger already. One
request and one reply per connection, each a JSON object on one line::

    {"do":"renumber","hosts":["reviews.bookinfo"]}     {"moves":[{"host":…}],"claims":0}
    {"do":"import","claims":"reviews.bookinfo 240.…"}  {"moves":[],"claims":1}
    {"do":"fence","cluster":"west","fenced":true}      {"fence":{"cluster":"west",…}}
    {"do":"foresee","cluster":"west"}                  {"forgotten":{"cluster":"west",…}}
    {"do":"forget","cluster":"west"}                   {"forgotten":{"cluster":"west",…}}
                                                       {"error":"…","hint":"…"}
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from globaldns.admin.reports import FenceReport, ForgetReport, MoveReport
from globaldns.errors import GlobalDnsError, ListenError, RequestRefused
from globaldns.model.claim import Claim, parse_claims
from globaldns.model.host import Host

SOCKET_NAME = "control.sock"
MAX_OCTETS = 64 << 20
"""A line: an import of 500,000 claims of about 100 octets fits."""
READ_SECONDS = 10.0
"""How long a client may take to write its request."""
REPLY_SECONDS = 120.0
"""How long the client half waits: also a slow disk takes 100,000 claims in seconds."""


class Renumber(msgspec.Struct, frozen=True, tag_field="do", tag="renumber"):
    """Give hosts new VIPs."""

    hosts: tuple[str, ...]


class Import(msgspec.Struct, frozen=True, tag_field="do", tag="import"):
    """Take claims into the ledger."""

    claims: str
    """Lines as ``vip export`` prints them."""


class SetFence(msgspec.Struct, frozen=True, tag_field="do", tag="fence"):
    """Have a cluster's exports count no more, or again."""

    cluster: str
    fenced: bool = True


class Foresee(msgspec.Struct, frozen=True, tag_field="do", tag="foresee"):
    """Say what to forget a cluster would do, and do nothing."""

    cluster: str


class Forget(msgspec.Struct, frozen=True, tag_field="do", tag="forget"):
    """Release what a cluster claims that is not configured any more, or accept a rebuilt one."""

    cluster: str
    rebuilt: str = ""
    """The UID of the one that is accepted, as it was foreseen; empty: none is."""


Request = Renumber | Import | SetFence | Foresee | Forget


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a request did, or why it did nothing."""

    moves: tuple[MoveReport, ...] = ()
    claims: int = 0
    """How many claims were new or changed."""
    fence: FenceReport | None = None
    forgotten: ForgetReport | None = None
    error: str = ""
    hint: str = ""


class Changes(msgspec.Struct, frozen=True):
    """What the server does for each request; all return when it is on the disk.

    They refuse with a GlobalDnsError, and have then changed nothing; but for a LedgerError in the
    middle of more claims than one write takes: those that were written before stand.
    """

    renumber: Callable[[Sequence[Host]], Awaitable[Sequence[MoveReport]]]
    import_claims: Callable[[Sequence[Claim]], Awaitable[int]]
    set_fence: Callable[[str, bool], Awaitable[FenceReport]]
    foresee: Callable[[str], Awaitable[ForgetReport]]
    forget: Callable[[str, str], Awaitable[ForgetReport]]


class ControlServer:
    """The server half."""

    def __init__(self, state: Path, changes: Changes) -> None:
        self._path = state / SOCKET_NAME
        self._changes = changes
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; a socket that an earlier run left is replaced: the caller holds ``state/lock``.

        Raises:
            ListenError: the socket cannot be made.
        """
        listener = socket.socket(socket.AF_UNIX)
        try:
            self._path.unlink(missing_ok=True)
            listener.bind(str(self._path))
            # Before anybody can connect: that needs listen(), which comes last.
            self._path.chmod(0o600)
        except OSError as error:
            listener.close()
            raise ListenError(
                f"{self._path}: {error.strerror or error}",
                hint="a socket's path has at most 107 octets: choose a shorter state directory",
            ) from error
        self._server = await asyncio.start_unix_server(
            self._accept, sock=listener, limit=MAX_OCTETS
        )

    async def stop(self) -> None:
        """Close and remove the socket; who waits for a reply gets none."""
        if self._server is None:
            return
        self._server.close()
        serving = tuple(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await self._answer(reader)
            writer.write(msgspec.json.encode(reply) + b"\n")
            await writer.drain()
        except ConnectionError:
            return  # the client did not wait for its reply
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> Reply:
        try:
            return await self._perform(await _read_request(reader))
        except GlobalDnsError as error:
            return Reply(error=str(error), hint=error.hint)

    async def _perform(self, request: Request) -> Reply:
        match request:
            case Renumber(hosts):
                moves = await self._changes.renumber([Host(host) for host in hosts])
                return Reply(moves=tuple(moves))
            case Import(claims):
                # In a thread: 500,000 lines take seconds, and DNS is answered meanwhile.
                parsed = await asyncio.to_thread(parse_claims, claims)
                return Reply(claims=await self._changes.import_claims(parsed))
            case SetFence(cluster, fenced):
                return Reply(fence=await self._changes.set_fence(cluster, fenced))
            case Foresee(cluster):
                return Reply(forgotten=await self._changes.foresee(cluster))
            case Forget(cluster, rebuilt):
                return Reply(forgotten=await self._changes.forget(cluster, rebuilt))


async def _read_request(reader: asyncio.StreamReader) -> Request:
    try:
        async with asyncio.timeout(READ_SECONDS):
            line = await reader.readline()
        request: Request = msgspec.json.decode(line, type=Request)
    except TimeoutError:
        raise RequestRefused(f"no request within {READ_SECONDS:.0f} s") from None
    except ValueError as error:  # over the limit, no JSON, or not a request of ours
        raise RequestRefused(f"not a request: {error}") from None
    return request


def ask(state: Path, request: Request) -> Reply | None:
    """Have a running server do something; None where no server listens.

    Raises:
        RequestRefused: the server refused, or went away before it replied.
    """
    path = state / SOCKET_NAME
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(REPLY_SECONDS)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise RequestRefused(f"{path}: {error.strerror or error}") from error
        reply = _exchange(connection, request, path)
    if reply.error:
        raise RequestRefused(reply.error, hint=reply.hint)
    return reply


def _exchange(connection: socket.socket, request: Request, path: Path) -> Reply:
    try:
        connection.sendall(msgspec.json.encode(request) + b"\n")
        with connection.makefile("rb") as stream:
            return msgspec.json.decode(stream.readline(MAX_OCTETS), type=Reply)
    except (OSError, msgspec.DecodeError) as error:
        raise RequestRefused(
            f"{path}: the server gave no reply: {error}",
            hint="globaldns vip history HOST, or cluster list, shows whether it was done",
        ) from error
