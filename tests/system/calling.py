"""Calls a service over HTTP and TCP until somebody answers both; says how long that took.

``calling.py NAME HTTP_PORT TCP_PORT WANTED SINCE``: since then, by the machine's steady clock.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.request
from contextlib import suppress

_PATIENCE = 30.0
"""Seconds for all, far more than is asked for; and for one call, after which another is made."""
_CALL = 1.0


def over_http(name: str, port: int) -> str:
    """Return who answers a request."""
    with urllib.request.urlopen(f"http://{name}:{port}/", timeout=_CALL) as reply:
        pod: str = json.load(reply)["pod"]
    return pod


def over_tcp(name: str, port: int) -> str:
    """Return who answers a line."""
    with socket.create_connection((name, port), _CALL) as connection:
        connection.sendall(b"hello\n")
        return connection.makefile().readline().partition(" ")[0]


def call(name: str, ports: dict[str, int], wanted: str, since: float) -> dict[str, float]:
    """Return after how many seconds somebody answered first, by protocol."""
    found: dict[str, float] = {}
    calls = {"http": over_http, "tcp": over_tcp}
    while found.keys() != ports.keys() and time.monotonic() < since + _PATIENCE:
        for protocol in ports.keys() - found.keys():
            with suppress(OSError, ValueError):
                if calls[protocol](name, ports[protocol]) == wanted:
                    found[protocol] = round(time.monotonic() - since, 3)
        time.sleep(0.02)
    return found


if __name__ == "__main__":
    who, http, tcp, expected, began = sys.argv[1:]
    print(json.dumps(call(who, {"http": int(http), "tcp": int(tcp)}, expected, float(began))))
