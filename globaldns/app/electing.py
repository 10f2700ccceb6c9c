"""An election in a thread of its own: a renewal waits for nothing that the server has to do.

Reading a hundred thousand services keeps the event loop busy for seconds; a Lease is lost in less.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from globaldns.kube.client import Client
from globaldns.kube.lease import Elector


async def elect(elector: Elector, client: Client, changed: Callable[[], None]) -> None:
    """Stand for election for ever; ``client`` is the elector's, and nobody else's meanwhile.

    ``changed`` is called here, when we begin or cease to be the leader.
    """
    here, there = asyncio.get_running_loop(), asyncio.new_event_loop()
    thread = threading.Thread(target=there.run_forever, name="lease", daemon=True)
    thread.start()

    async def stand() -> None:
        try:
            await elector.run(tell)
        finally:
            await client.close()

    def tell() -> None:
        here.call_soon_threadsafe(changed)

    try:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(stand(), there))
    finally:  # a cancellation here is one there, which has to come to its end
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_finish(), there))
        there.call_soon_threadsafe(there.stop)
        thread.join()
        there.close()


async def _finish() -> None:
    """Return once nothing else runs in this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
