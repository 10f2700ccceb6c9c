"""An upgrade in place: another supervisor gets the sockets, and no query is lost.

Over ``takeover.sock`` in the state directory, mode 0600::

    successor                             holder
      │ ── connect ─────────────────────────► │
      │ ◄─── Offer, the sockets of all seats ─ │  SCM_RIGHTS (unix(7))
      │ ── YIELD ───────────────────────────► │  ends its control process, which saves all
      │ ◄────────────────────────── YIELDED ── │  has given up the lock; its workers go on
      │  takes the lock, starts a control      │
      │  process and, when that has read all   │
      │  and numbered it, workers              │
      │ ── DONE ────────────────────────────► │  ends its workers, and itself

Sockets are never closed, so what no worker has read waits for the next. A successor that goes away
before it is done was none: the holder takes the lock and starts a control process again. Tables are
not handed over: a successor may be of a release that draws them otherwise.
"""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from enum import Enum
from pathlib import Path

import msgspec

from globaldns.dns.binding import BoundPair, BoundStream
from globaldns.dns.listen import DEFAULT_LISTEN, Listen
from globaldns.dns.seats import Seat, ServerSettings
from globaldns.errors import TakeoverError

SOCKET_NAME = "takeover.sock"
VERSION = 1
"""Of the protocol; another one is refused."""
MAX_SOCKETS = 253
"""Of one message (unix(7))."""
ANSWER_SECONDS = 5.0
"""How long a holder may take to answer at all."""
PATIENCE_SECONDS = 60.0
"""How long a holder may take to save what it knows: 15 s at a million names."""

_MAX_OCTETS = 1 << 16
_MORE = b"more"


class Word(Enum):
    """What the two say after the offer."""

    YIELD = b"yield"
    YIELDED = b"yielded"
    DONE = b"done"


class Offer(msgspec.Struct, frozen=True):
    """What comes with the sockets: UDP seat by seat, then TCP, then TLS.

    What one message cannot carry comes with others, which say nothing.
    """

    version: int
    pid: int
    seats: int
    listen: tuple[Listen, ...]
    tls: tuple[Listen, ...]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Offer)


class Desk:
    """Where the holder waits for a successor."""

    def __init__(self, state: Path, seats: tuple[Seat, ...]) -> None:
        """Listen; a socket that an earlier run left is replaced: the caller holds the lock.

        Raises:
            OSError: the socket cannot be made.
        """
        self._path = state / SOCKET_NAME
        self._seats = seats
        self._path.unlink(missing_ok=True)
        kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        self.listener = socket.socket(socket.AF_UNIX, kind)
        try:
            self.listener.bind(str(self._path))
            self._path.chmod(0o600)
            self.listener.listen(1)
        except OSError:
            self.listener.close()
            raise
        self.successor: socket.socket | None = None

    def receive(self) -> socket.socket | None:
        """Give the sockets to whoever has connected; None: there is a successor already."""
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return None  # it has gone already, or there is no descriptor for it
        if self.successor is not None:
            connection.close()
            return None
        first = self._seats[0]
        offer = Offer(VERSION, os.getpid(), len(self._seats), first.addresses, first.tls_addresses)
        data = _encoder.encode(offer)
        with suppress(OSError):  # it has gone already
            for some in _batches([bound.fileno() for bound in _sockets(self._seats)]):
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", some))
                connection.sendmsg([data], [rights])
                data = _MORE
        connection.setblocking(False)
        self.successor = connection
        return connection

    def hear(self) -> Word | None:
        """Return what the successor says; None: nothing, or it is gone and no successor more."""
        if self.successor is None:
            return None
        try:
            return Word(self.successor.recv(_MAX_OCTETS))
        except BlockingIOError:
            return None
        except (OSError, ValueError):
            self.successor.close()
            self.successor = None
            return None

    def say_yielded(self) -> bool:
        """Tell the successor that the lock is free; return whether there is one."""
        if self.successor is None:
            return False
        with suppress(OSError):
            self.successor.send(Word.YIELDED.value)
        return True

    def close(self, *, remove: bool) -> None:
        """Listen no more; where there was a successor, the path is its own by now."""
        self.listener.close()
        if remove:
            self._path.unlink(missing_ok=True)
        if self.successor is not None:
            self.successor.close()


def _sockets(seats: tuple[Seat, ...]) -> list[socket.socket]:
    """Return the sockets of all seats; those that seats share come once."""
    found = [pair.udp for seat in seats for pair in seat.pairs]
    found += [pair.tcp for pair in seats[0].pairs]
    return found + [stream.tcp for stream in seats[0].streams]


def _batches(descriptors: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(descriptors), MAX_SOCKETS):
        yield descriptors[start : start + MAX_SOCKETS]


class Holder:
    """The server that is to be followed, as its successor sees it."""

    def __init__(self, connection: socket.socket, offer: Offer, seats: tuple[Seat, ...]) -> None:
        self.pid = offer.pid
        self.seats = seats
        self._connection = connection

    def end_control(self) -> None:
        """Have it give up the lock; its workers go on.

        Raises:
            TakeoverError: it does not.
        """
        self._connection.settimeout(PATIENCE_SECONDS)
        try:
            self._connection.send(Word.YIELD.value)
            said = self._connection.recv(_MAX_OCTETS)
        except OSError as error:
            raise _failure(f"process {self.pid} does not give up the lock: {error}") from error
        if said != Word.YIELDED.value:
            raise _failure(f"process {self.pid} has ended, or does not give up the lock")

    def fileno(self) -> int:
        """Return the descriptor that can be read when it is gone."""
        return self._connection.fileno()

    def is_gone(self) -> bool:
        """Whether it has ended by itself."""
        try:
            return not self._connection.recv(_MAX_OCTETS, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def end(self) -> None:
        """Have it end: who follows it answers."""
        with suppress(OSError):
            self._connection.send(Word.DONE.value)
        self._connection.close()

    def close(self) -> None:
        """Let it go on."""
        self._connection.close()


def check_seats(seats: tuple[Seat, ...], settings: ServerSettings, workers: int) -> None:
    """Make sure that sockets are those that a configuration wants; 0 workers are any number.

    Raises:
        TakeoverError: they are others.
    """
    first = seats[0]
    wanted = DEFAULT_LISTEN if settings.listen is None else settings.listen
    tls = settings.tls.listen if settings.tls else ()
    may_lack = settings.listen is None
    may_lack_tls = settings.tls is not None and settings.tls.skip_missing
    if not (
        _fits(first.addresses, wanted, may_lack) and _fits(first.tls_addresses, tls, may_lack_tls)
    ):
        raise _failure(
            "the server that runs listens elsewhere than dns.listen and dns.tls say", goes_on=True
        )
    if workers not in (0, len(seats)):
        raise _failure(f"the server that runs has dns.workers: {len(seats)}", goes_on=True)


def _fits(found: tuple[Listen, ...], wanted: tuple[Listen, ...], may_lack: bool) -> bool:  # noqa: FBT001
    """Whether addresses are those that are wanted, some of which the host may lack."""
    if may_lack:
        return bool(found or not wanted) and set(found) <= set(wanted)
    pairs = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(
        one.address == other.address and other.port in (0, one.port) for one, other in pairs
    )


def find_holder(state: Path) -> Holder | None:
    """Return the server that has a state directory, with its sockets; None: there is none.

    Raises:
        TakeoverError: it cannot be followed.
    """
    with ExitStack() as undo:
        connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(state / SOCKET_NAME))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise _failure(f"{state / SOCKET_NAME}: {error.strerror or error}") from error
        holder = _take_offer(connection, undo)
        undo.pop_all()
        return holder


def _take_offer(connection: socket.socket, undo: ExitStack) -> Holder:
    sockets: list[socket.socket] = []

    def receive() -> bytes:
        """Return a message, and keep the sockets that come with it."""
        data, some = _receive(connection)
        sockets.extend(map(undo.enter_context, some))
        return data

    try:
        offer = _decoder.decode(receive())
        if offer.version != VERSION:
            raise _failure(f"process {offer.pid} hands over otherwise (format {offer.version})")
        wanted = (offer.seats + 1) * len(offer.listen) + len(offer.tls)
        while len(sockets) < wanted and receive() == _MORE:
            pass
        return Holder(connection, offer, _seats(offer, sockets))
    except TimeoutError as error:
        raise _failure("the server that runs does not answer") from error
    except (OSError, msgspec.DecodeError, IndexError) as error:
        raise _failure("the server that runs is handing over already, or ends") from error


def _receive(connection: socket.socket) -> tuple[bytes, list[socket.socket]]:
    """Return a message, and the sockets that come with it."""
    space = socket.CMSG_LEN(MAX_SOCKETS * array("i").itemsize)
    data, ancillary, _, _ = connection.recvmsg(_MAX_OCTETS, space)
    descriptors = array("i")
    for level, kind, octets in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(octets[: len(octets) - len(octets) % descriptors.itemsize])
    return data, [socket.socket(fileno=descriptor) for descriptor in descriptors]


def _seats(offer: Offer, sockets: list[socket.socket]) -> tuple[Seat, ...]:
    width = len(offer.listen)
    shared = sockets[offer.seats * width :]
    if len(shared) != width + len(offer.tls):
        raise IndexError("another number of sockets than the offer says")
    streams = tuple(map(BoundStream, offer.tls, shared[width:]))
    return tuple(
        Seat(tuple(map(BoundPair, offer.listen, sockets[at : at + width], shared[:width])), streams)
        for at in range(0, offer.seats * width, width)
    )


def _failure(message: str, *, goes_on: bool = False) -> TakeoverError:
    hint = "stop the server that runs, if it does, and start without --takeover"
    if goes_on:
        hint = "the server goes on; stop it, and start without --takeover"
    return TakeoverError(message, hint=hint)
