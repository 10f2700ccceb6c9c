"""One GlobalService per service, term after term, against an API server over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from globaldns.model.host import Host
from globaldns.registry.registry import Registry
from tests.apply.clusters import Keeper, exporting, keeping
from tests.registry.mesh import export, reset

MakeKeeper = Callable[[Registry], Keeper]


async def test_every_service_gets_an_object_that_shows_it(make_keeper: MakeKeeper) -> None:
    async with keeping(make_keeper(exporting("a.ns", "b.ns"))) as keeper:
        await keeper.until_shown(a="Answered", b="Answered")
        found = keeper.object("a")
        assert found["metadata"]["labels"] == {
            "globaldns.io/owned-by": "east",
            "globaldns.io/blank": "true",
        }
        assert "spec" not in found
        assert found["status"]["host"] == "a.ns.global"
        assert {one["manager"] for one in found["metadata"]["managedFields"]} == {"globaldns"}
        await keeper.rest()
        assert keeper.counted == {"created": 2, "written": 2}
        keeper.services.note([Host("a.ns"), Host("b.ns")])
        await keeper.rest()
        assert keeper.writes() == 4


async def test_a_new_leader_writes_only_what_differs(make_keeper: MakeKeeper) -> None:
    registry = exporting("a.ns", "b.ns")
    async with keeping(make_keeper(registry)) as keeper:
        await keeper.until_shown(a="Answered", b="Answered")
        await keeper.rest()
    keeper.server.asked.clear()
    async with keeping(make_keeper(registry)) as follower:
        await follower.rest()
        assert follower.writes() == 0
        follower.change(reset("east", export("b.ns")))
        await follower.until_shown(b="Answered")
        await follower.rest()
        assert follower.counted == {"deleted": 1}


async def test_nothing_is_written_by_a_replica_that_may_not(make_keeper: MakeKeeper) -> None:
    keeper = make_keeper(exporting("a.ns"))
    keeper.depose()
    async with keeping(keeper):
        keeper.services.note([Host("a.ns")])
        await asyncio.sleep(0.2)
        assert (keeper.server.asked, keeper.services.pending) == ([], 0)
        keeper.elect()
        await keeper.until_shown(a="Answered")
        await keeper.rest()
        keeper.depose()
        await keeper.until(lambda: keeper.server.open_watches == 0)
        writes = keeper.writes()
        keeper.change(reset("east"))
        await asyncio.sleep(0.2)
        assert keeper.writes() == writes
        keeper.elect()
        await keeper.until_shown()
