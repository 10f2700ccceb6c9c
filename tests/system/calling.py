"""Calls a service over HTTP and TCP until one who is waited for has answered both; says when.

``calling.py NAME HTTP_PORT TCP_PORT WANTED FILE``: by the machine's steady clock. The file is made
once anybody has answered both. Goes on for a while then, and says who answered; empty: nobody.
"""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

_PATIENCE = 90.0
"""Seconds for all, far more than is asked for; and for one call, after which another is made."""
_CALL = 1.0
_SETTLING = 2.0
_LASTING = 20.0
"""Seconds after both have answered of which nothing is said, and then of which all is."""


def over_http(name: str, port: int) -> str:
    """Return who answers a request."""
    with urllib.request.urlopen(f"http://{name}:{port}/", timeout=_CALL) as reply:
        pod: str = json.load(reply)["pod"]
    return pod


def over_tcp(name: str, port: int) -> str:
    """Return who answers a line; empty: nobody."""
    with socket.create_connection((name, port), _CALL) as connection:
        connection.sendall(b"hello\n")
        return connection.makefile().readline().partition(" ")[0]


def call(name: str, ports: dict[str, int], wanted: str, answered: Path) -> dict[str, float]:
    """Return when the wanted one answered first, by protocol."""
    heard: set[str] = set()
    found: dict[str, float] = {}
    calls = {"http": over_http, "tcp": over_tcp}
    deadline = time.monotonic() + _PATIENCE
    while found.keys() != ports.keys() and time.monotonic() < deadline:
        for protocol in ports.keys() - found.keys():
            with suppress(OSError, ValueError):
                pod = calls[protocol](name, ports[protocol])
                heard.update([protocol] if pod else [])
                if pod == wanted:
                    found[protocol] = time.monotonic()
        if heard == ports.keys():
            answered.touch()
        time.sleep(0.02)
    return found


def go_on(name: str, ports: dict[str, int]) -> dict[str, list[str]]:
    """Return who answers from now on, call by call."""
    answers: dict[str, list[str]] = {protocol: [] for protocol in ports}
    time.sleep(_SETTLING)
    deadline = time.monotonic() + _LASTING
    while time.monotonic() < deadline:
        for protocol, ask in (("http", over_http), ("tcp", over_tcp)):
            answers[protocol].append("")
            with suppress(OSError, ValueError):
                answers[protocol][-1] = ask(name, ports[protocol])
        time.sleep(0.02)
    return answers


if __name__ == "__main__":
    who, http, tcp, expected, file = sys.argv[1:]
    of = {"http": int(http), "tcp": int(tcp)}
    print(json.dumps({"at": call(who, of, expected, Path(file)), "then": go_on(who, of)}))
