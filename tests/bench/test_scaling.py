from __future__ import annotations

import subprocess
import sys

from tests.bench import scaling

ECHO = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    data, client = server.recvfrom(512)
    server.sendto(data, client)
"""


def test_the_flows_of_a_worker_are_those_that_wait_while_it_is_halted() -> None:
    with subprocess.Popen([sys.executable, "-c", ECHO], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            with scaling.clients(port, count=8) as sockets:
                assert scaling.answered(sockets, b"question") == 8
                assert scaling.answered(sockets, b"question", halted=server.pid) == 0
                assert scaling.answered(sockets, b"question") == 8
        finally:
            server.kill()
