"""An agent has its applications listen, and does what it is asked."""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

from globaldns.demo.agent import Orders, answer, run
from globaldns.demo.applications import Application
from globaldns.demo.plan import Speech
from tests.system.running import wait_until


async def test_what_is_no_request_is_said() -> None:
    assert "not a request" in json.loads(await answer(b"what?\n"))["error"]


async def test_who_finds_its_socket_finds_its_applications(tmp_path: Path) -> None:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    path = tmp_path / "agent.sock"
    application = Application("west", "pod", Speech.TCP, "127.0.0.1", port)
    running = asyncio.create_task(run(Orders(str(path), (application,))))
    await asyncio.to_thread(wait_until, path.exists, "it listens")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"who are you\n")
    assert json.loads(await reader.readline())["workload"] == "pod"
    writer.close()
    await writer.wait_closed()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
