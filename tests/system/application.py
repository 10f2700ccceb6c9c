"""An application in a pod, which knows nothing of a mesh.

A program: ``python application.py NAME HTTP_PORT TCP_PORT HTTP_PORT`` says over HTTP who it is and
with which headers it was asked, at ``/slow`` after a while, and over TCP who it is and what it was
sent.
"""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLOW = 0.1
"""Seconds that a slow answer takes: many are under way at once."""


class Headers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/slow":
            time.sleep(SLOW)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"pod": sys.argv[1], "headers": headers}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(f"{sys.argv[1]} ".encode() + line)


def main() -> None:
    http_port, tcp_port, other_port = map(int, sys.argv[2:])
    servers = [
        ThreadingHTTPServer(("", http_port), Headers),
        socketserver.ThreadingTCPServer(("", tcp_port), Echo),
        ThreadingHTTPServer(("", other_port), Headers),
    ]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
