r"""Queries over UDP, many at a time: one system call receives them, one sends the replies.

Everything that the kernel is told is wired once, in ``batch`` places of one block of memory::

    place i   received[i].msg_hdr  ──┬─► names[i]      the client's socket address
              replies[i].msg_hdr   ──┼─► controls[i]   where it was sent to (wildcard sockets)
                                     └─► texts[i]      | ID 2 | the query, then the reply |

So a reply needs its octets copied behind the ID and their number set: its ID and its way back are
in place. A query that gets no reply leaves a gap, around which the replies are sent in runs.

``sendmmsg`` stops at the first message that the kernel refuses: it is counted and passed over, and
the rest is sent (recvmmsg(2), sendmmsg(2)).

By ctypes and mmap: a slice of an mmap is made of octets and copied into faster than any other, and
two calls for a batch cost nothing that counts; cffi would parse its declarations at every start.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import socket
from collections.abc import Callable
from ctypes import c_int, c_size_t, c_uint, c_void_p
from functools import cache
from itertools import accumulate
from typing import Literal, NamedTuple

from globaldns.dns.binding import BoundPair
from globaldns.dns.counters import Dropped
from globaldns.dns.fast import FastResponder
from globaldns.dns.responder import Responder
from globaldns.dns.udp import BATCH, MAX_QUERY_OCTETS, UdpEndpoint
from globaldns.dns.wire import ID_OCTETS

_SOCKADDR_OCTETS = {socket.AF_INET: 16, socket.AF_INET6: 28}
"""sockaddr_in and sockaddr_in6; in both the port is behind the family, two octets."""
_INTERFACE = {socket.AF_INET: slice(16, 20), socket.AF_INET6: slice(32, 36)}
"""Where packet info has it: behind the header, and in IPv6 behind the address (udp.py)."""
_ANY_INTERFACE = bytes(4)
_SIZE: Literal["L"] = "L"
"""``size_t``, which is a ``long`` in all of Linux' data models."""
_NOTHING = frozenset((errno.EAGAIN, errno.EINTR))


class _Piece(ctypes.Structure):
    """``struct iovec`` (readv(2))."""

    _fields_ = (("base", c_void_p), ("octets", c_size_t))


class _Header(ctypes.Structure):
    """``struct msghdr`` (recvmsg(2))."""

    _fields_ = (
        ("name", c_void_p),
        ("name_octets", c_uint),
        ("pieces", c_void_p),
        ("piece_count", c_size_t),
        ("control", c_void_p),
        ("control_octets", c_size_t),
        ("flags", c_int),
    )


class _Message(ctypes.Structure):
    """``struct mmsghdr`` (recvmmsg(2))."""

    _fields_ = (("header", _Header), ("octets", c_uint))


class _Starts(NamedTuple):
    """Where the parts of the memory begin, each with as many as there are places."""

    received: int
    replies: int
    into: int
    out: int
    names: int
    controls: int
    texts: int


MESSAGE, PIECE = ctypes.sizeof(_Message), ctypes.sizeof(_Piece)
NAME, CONTROL, TEXT = 32, 64, 4096
"""Octets of a place's parts; a reply has no more than ``udp_payload`` may be."""


class Calls(NamedTuple):
    """The two system calls: socket, address of the first message, how many, flags.

    Their arguments have no declared types, which would cost as much as half of a call: numbers are
    passed as C's ``int``, so addresses are made ``c_void_p`` beforehand.
    """

    receive: Callable[[int, c_void_p, int, int, None], int]
    """Returns how many came; -1: none, and why is in ``errno``."""
    send: Callable[[int, c_void_p, int, int], int]
    """Returns how many were sent before the kernel refused one; -1: it refused the first."""


def receiving_call() -> str:
    """Return the name of the system call by which datagrams are received."""
    return "recvmsg" if load_calls() is None else "recvmmsg"


@cache
def load_calls() -> Calls | None:
    """Return the system calls; None: the C library has none, or the kernel or a sandbox refuses."""
    library = ctypes.CDLL(None, use_errno=True)
    try:
        receive, send = library.recvmmsg, library.sendmmsg
    except AttributeError:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        of_nothing = (trial.fileno(), None, 0, socket.MSG_DONTWAIT)
        is_refused = [
            call(*of_nothing, *more) < 0 and ctypes.get_errno() not in _NOTHING
            for call, more in ((receive, (None,)), (send, ()))
        ]
    return None if any(is_refused) else Calls(receive, send)


class BatchEndpoint(UdpEndpoint):
    """One UDP socket, read and answered in batches."""

    def __init__(
        self, pair: BoundPair, responder: Responder, calls: Calls, *, batch: int = BATCH
    ) -> None:
        super().__init__(pair, responder)
        self._fast = FastResponder(responder, self._channel)
        self._receive, self._send_some = calls
        self._descriptor = pair.udp.fileno()
        self._wires = Wires(batch, pair.udp.family, has_controls=pair.listen.is_wildcard)

    def _on_readable(self, clock: Callable[[], float]) -> None:
        if self._responder.query_log is not None:
            super()._on_readable(clock)
            return
        wires = self._wires
        count = self._receive(
            self._descriptor, wires.received, wires.batch, socket.MSG_DONTWAIT, None
        )
        if count < 0:
            if ctypes.get_errno() not in _NOTHING:
                self._counters.drop(Dropped.RECEIVE_ERROR)
            return
        if wires.has_controls:
            wires.turn_around(count)
        start = 0
        for gap in self._answer(count, clock()):
            self._send(start, gap)
            start = gap + 1
        self._send(start, count)

    def _answer(self, count: int, now: float) -> list[int]:
        """Put the answers to so many queries in their places; return the places without one."""
        fast, wires = self._fast, self._wires
        known = fast.begin(now).get
        memory, lengths, sizes = wires.memory, wires.lengths, wires.sizes
        gaps = []
        for place, start, length_at, size_at in wires.places[:count]:
            query = memory[start + ID_OCTETS : start + lengths[length_at]]
            found = known(query)
            if found is not None:
                answer, counted = found
                counted[0] += 1
            elif (said := fast.find(query, now)) is not None:
                answer = said
            else:
                gaps.append(place)
                continue
            sizes[size_at] = octets = len(answer) + ID_OCTETS
            memory[start + ID_OCTETS : start + octets] = answer
        return gaps

    def _send(self, start: int, end: int) -> None:
        """Send the replies of some places, each that can be."""
        replies = self._wires.replies
        while start < end:
            sent = self._send_some(
                self._descriptor, replies[start], end - start, socket.MSG_DONTWAIT
            )
            if sent < 0:
                has_port = self._wires.has_port(start)
                self._counters.drop(Dropped.SEND_ERROR if has_port else Dropped.PORT_ZERO)
                sent = 1
            start += sent


class Wires:
    """The memory of one endpoint, as drawn above, and views of what changes in it."""

    def __init__(self, batch: int, family: socket.AddressFamily, *, has_controls: bool) -> None:
        self.batch = batch
        self._family = family
        self.has_controls = has_controls
        parts = (MESSAGE, MESSAGE, PIECE, PIECE, NAME, CONTROL, TEXT)
        *starts, end = accumulate((batch * octets for octets in parts), initial=0)
        self._starts = _Starts(*starts)
        self.memory = mmap.mmap(-1, end)
        """A slice of it is octets: they are copied once on their way in or out."""
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.received = c_void_p(base + starts[0])
        """Where the kernel is to put what it receives."""
        self.replies = [c_void_p(base + starts[1] + at * MESSAGE) for at in range(batch)]
        """Where it finds each reply, and all that follow."""
        self._received = (_Message * batch).from_buffer(self.memory, self._starts.received)
        self._replies = (_Message * batch).from_buffer(self.memory, self._starts.replies)
        for place in range(batch):
            self._wire(place, base)
        words = memoryview(self.memory)
        self.lengths, self._ports, self.sizes = words.cast("I"), words.cast("H"), words.cast(_SIZE)
        self.places = [self._place(number) for number in range(batch)]
        self._controls = [self._control(number) for number in range(batch) if has_controls]

    def _wire(self, place: int, base: int) -> None:
        """Have the messages of a place point to its parts."""
        at = _Starts(*(base + start for start in self._starts))
        into, out = at.into + place * PIECE, at.out + place * PIECE
        for messages, piece, octets in (
            (self._received, into, MAX_QUERY_OCTETS),
            (self._replies, out, 0),
        ):
            wired = _Piece.from_address(piece)
            wired.base, wired.octets = at.texts + place * TEXT, octets
            header = messages[place].header
            header.name = at.names + place * NAME
            header.name_octets = _SOCKADDR_OCTETS[self._family]
            header.pieces, header.piece_count = piece, 1
            if self.has_controls:
                header.control = at.controls + place * CONTROL
                header.control_octets = CONTROL

    def has_port(self, place: int) -> bool:
        """Whether a reply can be sent to who asked: the kernel refuses port 0."""
        return bool(self._ports[(self._starts.names + place * NAME) // self._ports.itemsize + 1])

    def _place(self, number: int) -> tuple[int, int, int, int]:
        """Return a place's number, and where its parts are: in octets, or items of their view."""
        at = self._starts
        return (
            number,
            at.texts + number * TEXT,
            (at.received + number * MESSAGE + _Message.octets.offset) // self.lengths.itemsize,
            (at.out + number * PIECE + _Piece.octets.offset) // self.sizes.itemsize,
        )

    def turn_around(self, count: int) -> None:
        """Have replies leave from where their queries were sent to, by any interface."""
        for received_at, reply_at, interface in self._controls[:count]:
            self.sizes[reply_at], self.sizes[received_at] = self.sizes[received_at], CONTROL
            self.memory[interface] = _ANY_INTERFACE

    def _control(self, number: int) -> tuple[int, int, slice]:
        """Return where a place has the sizes of its packet info, and the interface in it."""
        at, offset = self._starts, _Message.header.offset + _Header.control_octets.offset
        received, reply = (
            (start + number * MESSAGE + offset) // self.sizes.itemsize
            for start in (at.received, at.replies)
        )
        control = at.controls + number * CONTROL
        interface = _INTERFACE[self._family]
        return received, reply, slice(control + interface.start, control + interface.stop)
