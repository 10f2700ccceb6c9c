"""A DNS server on loopback that says what a test wants."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

Reply = Callable[[bytes], Sequence[bytes]]


class NameServer:
    """A UDP and a TCP socket on one port; each query gets what the test replies, in order."""

    def __init__(self) -> None:
        while True:
            self._tcp = socket.create_server(("127.0.0.1", 0))
            self.port: int = self._tcp.getsockname()[1]
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self._udp.bind(("127.0.0.1", self.port))
            except OSError:
                self._udp.close()
                self._tcp.close()
            else:
                break
        self.over_udp: Reply = lambda _: ()
        self.over_tcp: Reply = lambda _: ()
        self.asked: list[tuple[str, bytes]] = []
        self._threads = [threading.Thread(target=self._udp_loop)]
        self._threads += [threading.Thread(target=self._tcp_loop)]
        for thread in self._threads:
            thread.start()

    @property
    def at(self) -> str:
        """Where it is, as ``--at`` wants it."""
        return f"127.0.0.1:{self.port}"

    def _udp_loop(self) -> None:
        while True:
            query, client = self._udp.recvfrom(65_535)
            if not query:
                return
            self.asked.append(("UDP", query))
            for reply in self.over_udp(query):
                self._udp.sendto(reply, client)

    def _tcp_loop(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, connection.makefile("rb") as stream:
                length = int.from_bytes(stream.read(2))
                if not length:
                    return
                query = stream.read(length)
                self.asked.append(("TCP", query))
                for reply in self.over_tcp(query):
                    connection.sendall(reply)

    def close(self) -> None:
        """End both loops: an empty message means the end."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as farewell:
            farewell.sendto(b"", ("127.0.0.1", self.port))
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(b"\0\0")
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()
