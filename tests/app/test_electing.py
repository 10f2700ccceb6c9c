"""An election goes on while the event loop does something else for too long."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import yaml

from globaldns.app.electing import elect
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.lease import Elector, LeaseTiming
from tests.kube.fake import FakeApiServer

TIMING = LeaseTiming(duration=2.0, deadline=1.5, retry=0.05)


class Beside:
    """A fake API server in a thread, so that it answers while the test's loop does not."""

    def __enter__(self) -> FakeApiServer:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = FakeApiServer()
        server: FakeApiServer = self._run(self._server.__aenter__())
        server.add_namespace("dns")
        return server

    def __exit__(self, *_exception: object) -> None:
        self._run(self._server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


def candidate(server: FakeApiServer, *, timing: LeaseTiming = TIMING) -> tuple[Elector, Client]:
    client = Client(Access(text=yaml.safe_dump(server.kubeconfig("east"))))
    return Elector(client, namespace="dns", identity="a", timing=timing), client


async def until(holds) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_lease_is_renewed_while_the_loop_is_busy() -> None:
    with Beside() as server:
        elector, client = candidate(server)
        told: list[bool] = []
        running = asyncio.create_task(
            elect(elector, client, lambda: told.append(elector.is_leader))
        )
        await until(lambda: told == [True])
        time.sleep(1.2 * TIMING.duration)  # noqa: ASYNC251  # the loop does nothing else
        assert elector.is_leader
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not elector.is_leader
        assert not [one for one in threading.enumerate() if one.name == "lease"]
        await elector.release()
        await client.close()


async def test_what_fails_in_the_thread_is_told_where_it_is_awaited() -> None:
    class Broken(Elector):
        async def run(self, _changed) -> None:
            raise ValueError("broken")

    client = Client(Access(text=""))
    with pytest.raises(ValueError, match="broken"):
        await elect(Broken(client, namespace="dns", identity="a"), client, lambda: None)
