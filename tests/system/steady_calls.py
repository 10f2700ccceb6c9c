"""Calls a service over HTTP and TCP, each on a new connection, until a file exists.

``steady_calls.py NAME HTTP_PORT TCP_PORT FILE`` prints, as JSON, of each protocol of every call
whether it was answered.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

PAUSE = 0.05
"""Seconds between the calls of a protocol."""
PATIENCE = 60.0


def over_http(name: str, port: int) -> None:
    """Make one request."""
    with urllib.request.urlopen(f"http://{name}:{port}/", timeout=PATIENCE) as reply:
        reply.read()


def over_tcp(name: str, port: int) -> None:
    """Have one line answered."""
    with socket.create_connection((name, port), PATIENCE) as connection:
        connection.sendall(b"hello\n")
        if not connection.makefile().readline():
            raise ConnectionError


def main(name: str, ports: dict[str, int], end: Path) -> dict[str, list[bool]]:
    """Return how all calls ended."""
    made: dict[str, list[bool]] = {protocol: [] for protocol in ports}
    calls = {"http": over_http, "tcp": over_tcp}

    def keep_on(protocol: str) -> None:
        while not end.exists():
            is_answered = True
            try:
                calls[protocol](name, ports[protocol])
            except OSError:
                is_answered = False
            made[protocol].append(is_answered)
            time.sleep(PAUSE)

    threads = [threading.Thread(target=keep_on, args=(protocol,)) for protocol in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


if __name__ == "__main__":
    who, http, tcp, file = sys.argv[1:]
    print(json.dumps(main(who, {"http": int(http), "tcp": int(tcp)}, Path(file))))
