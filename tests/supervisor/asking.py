"""A client that asks all the time, and knows what it got no reply to."""

from __future__ import annotations

import select
import socket
import threading
import time
from typing import Self

import dns.message
import dns.query
import dns.rcode

PATIENCE_SECONDS = 15.0
"""What has no reply by then is lost."""

Said = tuple[str, ...]
"""The addresses of a reply, else its response code."""


def said(message: dns.message.Message) -> Said:
    """Return what a reply says."""
    found = sorted(str(record) for rrset in message.answer for record in rrset)
    return tuple(found) or (dns.rcode.to_text(message.rcode()),)


def ask(port: int, name: str, *, tcp: bool = False) -> Said:
    """Return what is answered; nothing if nobody does."""
    exchange = dns.query.tcp if tcp else dns.query.udp
    try:
        return said(exchange(dns.message.make_query(name, "A"), "127.0.0.1", port=port, timeout=5))
    except (OSError, EOFError, dns.exception.Timeout):
        return ()


class Load:
    """Asks for one name from several ports; leaving the ``with`` waits for what is still asked."""

    def __init__(self, port: int, name: str, *, rate: float = 500.0, sources: int = 8) -> None:
        self.asked = 0
        self.replies: set[bytes] = set()
        """All that were ever given, without their ids."""
        self._server = ("127.0.0.1", port)
        self._question = dns.message.make_query(name, "A").to_wire()[2:]
        self._pause = 1 / rate
        self._sources = [_client() for _ in range(sources)]
        self._waiting: set[tuple[int, int]] = set()
        """Source and id of what has no reply yet."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.finish()
        for source in self._sources:
            source.close()

    def finish(self) -> None:
        """Ask no more, and wait for what is still asked."""
        self._over.set()
        self._thread.join()

    @property
    def lost(self) -> int:
        """How many questions have no reply; once it is over they never get one."""
        return len(self._waiting)

    @property
    def answers(self) -> set[Said]:
        """What was ever said."""
        return {said(dns.message.from_wire(b"\0\0" + reply)) for reply in self.replies}

    def go_on(self, questions: int = 200) -> None:
        """Return when so many more have been asked."""
        end = self.asked + questions
        deadline = time.monotonic() + PATIENCE_SECONDS * 4
        while self.asked < end:
            assert time.monotonic() < deadline, "the client has stopped"
            time.sleep(0.01)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            self._ask()
            due = max(due, time.monotonic() - 1) + self._pause
            while (left := due - time.monotonic()) > 0:
                self._listen(left)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._waiting and time.monotonic() < deadline:
            self._listen(0.05)

    def _ask(self) -> None:
        number, source = divmod(self.asked, len(self._sources))
        ident = number & 0xFFFF
        self._waiting.add((source, ident))
        self._sources[source].sendto(ident.to_bytes(2) + self._question, self._server)
        self.asked += 1

    def _listen(self, seconds: float) -> None:
        ready, _, _ = select.select(self._sources, (), (), seconds)
        for source in ready:
            reply = source.recv(4096)
            self._waiting.discard((self._sources.index(source), int.from_bytes(reply[:2])))
            self.replies.add(reply[2:])


def _client() -> socket.socket:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    return client
