"""What is special about many queries in one call; the rules of UDP are in test_udp."""

from __future__ import annotations

import errno
import os
import platform
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import pytest

from globaldns.config.schema import QueryLog
from globaldns.dns.batch import BatchEndpoint, Calls, load_calls
from globaldns.dns.binding import bind_all
from globaldns.dns.counters import Dropped
from globaldns.dns.listen import parse_listen
from globaldns.dns.querylog import QueryRing
from globaldns.dns.responder import Responder

COUNT = 5
WEB = dns.message.make_query("web.shop.global", "A", id=1).to_wire()


class Told:
    """The system calls, and how many messages each was to send."""

    def __init__(self) -> None:
        calls = load_calls()
        assert calls is not None
        self._calls = calls
        self.runs: list[int] = []

    @property
    def calls(self) -> Calls:
        return Calls(self._calls.receive, self.send)

    def send(self, descriptor: int, replies: int, count: int, flags: int) -> int:
        self.runs.append(count)
        return self._calls.send(descriptor, replies, count, flags)


class Refusing(Told):
    """The kernel refuses one message: it sends those before it, then says so."""

    def __init__(self, refused: int) -> None:
        super().__init__()
        self._left = refused

    def send(self, descriptor: int, replies: int, count: int, flags: int) -> int:
        if self._left < 0:
            return super().send(descriptor, replies, count, flags)
        if self._left:
            sent = super().send(descriptor, replies, min(count, self._left), flags)
            self._left -= sent
            return sent
        self._left = -1
        return -1


@contextmanager
def endpoint(responder: Responder, told: Told) -> Iterator[tuple[BatchEndpoint, socket.socket]]:
    (pair,) = bind_all([parse_listen("127.0.0.1:0")], skip_missing=False)
    with pair.tcp, pair.udp:
        yield BatchEndpoint(pair, responder, told.calls), pair.udp


def ask(sock: socket.socket, count: int = COUNT) -> list[socket.socket]:
    """Have so many clients ask; each has an ID of its own."""
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for number, client in enumerate(clients):
        client.settimeout(5)
        client.sendto(number.to_bytes(2) + WEB[2:], sock.getsockname())
    return clients


def ids(clients: list[socket.socket]) -> list[int]:
    """Return the IDs of the replies that clients have; -1 for none."""
    found = []
    for client in clients:
        with client:
            client.setblocking(False)
            try:
                found.append(int.from_bytes(client.recv(512)[:2]))
            except BlockingIOError:
                found.append(-1)
    return found


def test_all_that_wait_are_answered_in_one_call(responder: Responder) -> None:
    told = Told()
    with endpoint(responder, told) as (udp, sock):
        clients = ask(sock)
        udp._on_readable(lambda: 0.0)
        assert ids(clients) == [*range(COUNT)]
    assert told.runs == [COUNT]


@pytest.mark.parametrize("refused", range(COUNT))
def test_what_the_kernel_refuses_stops_no_other(responder: Responder, refused: int) -> None:
    with endpoint(responder, Refusing(refused)) as (udp, sock):
        clients = ask(sock)
        udp._on_readable(lambda: 0.0)
        assert ids(clients) == [-1 if n == refused else n for n in range(COUNT)]
    assert responder.counters.dropped[Dropped.SEND_ERROR] == 1


@pytest.mark.parametrize("silent", range(COUNT))
def test_what_gets_no_reply_leaves_no_trace_in_the_others(
    responder: Responder, silent: int
) -> None:
    told = Told()
    with endpoint(responder, told) as (udp, sock):
        clients = ask(sock, silent)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(WEB[:2] + b"\x80" + WEB[3:], sock.getsockname())
        clients += ask(sock, COUNT - silent - 1)
        udp._on_readable(lambda: 0.0)
        assert ids(clients) == [*range(silent), *range(COUNT - silent - 1)]
    assert sum(told.runs) == COUNT - 1
    assert responder.counters.dropped[Dropped.RESPONSE] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may forge a datagram")
@pytest.mark.parametrize("forged", range(COUNT))
def test_port_zero_at_any_place_of_a_batch_silences_nobody_else(
    responder: Responder, forged: int
) -> None:
    with endpoint(responder, Told()) as (udp, sock):
        clients = ask(sock, forged)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as forger:
            header = struct.pack(">4H", 0, sock.getsockname()[1], 8 + len(WEB), 0)
            forger.sendto(header + WEB, ("127.0.0.1", 0))
        clients += ask(sock, COUNT - forged - 1)
        udp._on_readable(lambda: 0.0)
        assert ids(clients) == [*range(forged), *range(COUNT - forged - 1)]
    assert responder.counters.dropped[Dropped.PORT_ZERO] == 1


def test_a_short_reply_after_a_long_one_has_nothing_of_it(responder: Responder) -> None:
    names = ("big.shop.global", "web.shop.global", "elsewhere.test")
    with (
        endpoint(responder, Told()) as (udp, sock),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(5)
        for name in names:
            query = dns.message.make_query(name, "A", use_edns=0, payload=1232)
            client.sendto(query.to_wire(), sock.getsockname())
            udp._on_readable(lambda: 0.0)
            reply = client.recv(4096)
            assert dns.message.from_wire(reply).question == query.question
            assert reply[2:] == (responder.respond(query.to_wire(), udp._channel, 0.0) or b"")[2:]


def test_while_queries_are_logged_each_is_answered_by_itself(responder: Responder) -> None:
    responder.query_log = QueryRing(QueryLog.ALL)
    with endpoint(responder, Told()) as (udp, sock):
        clients = ask(sock)
        udp._on_readable(lambda: 0.0)
        assert ids(clients) == [*range(COUNT)]
    assert len([*responder.query_log.drain()]) == COUNT


def test_an_error_of_the_socket_is_counted(responder: Responder) -> None:
    with endpoint(responder, Told()) as (udp, sock):
        udp._on_readable(lambda: 0.0)  # nothing waits: that is none
        sock.close()
        udp._on_readable(lambda: 0.0)
    assert responder.counters.dropped[Dropped.RECEIVE_ERROR] == 1


REFUSED = """
import ctypes, platform, struct
from globaldns.dns.batch import load_calls, receiving_call

number = {"x86_64": %s, "aarch64": %s}[platform.machine()]
load, jump_if_equal, give = 0x20, 0x15, 0x06
refuse, allow = 0x00050000 | %d, 0x7FFF0000
steps = (load, 0, 0, 0), (jump_if_equal, 0, 1, number), (give, 0, 0, refuse), (give, 0, 0, allow)
program = b"".join(struct.pack("HBBI", *step) for step in steps)
buffer = ctypes.create_string_buffer(program)
header = struct.pack("HP", 4, ctypes.addressof(buffer))
library = ctypes.CDLL(None, use_errno=True)
assert library.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
assert library.prctl(22, 2, ctypes.create_string_buffer(header), 0, 0) == 0  # a filter of calls
print(load_calls() is None, receiving_call())
"""
"""prctl(2), seccomp(2): from now on a system call has the result that a kernel without it gives."""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="other call numbers")
@pytest.mark.parametrize("numbers", [(299, 243), (307, 269)], ids=["recvmmsg", "sendmmsg"])
@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM], ids=errno.errorcode.get)
def test_what_the_kernel_or_a_sandbox_refuses_is_not_used(
    numbers: tuple[int, int], error: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED % (*numbers, error)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "recvmsg"]
