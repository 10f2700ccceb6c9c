"""What stands beside the routes of a running server: watched, not listed for every change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from globaldns.app import lookout as module
from globaldns.app.lookout import Lookout
from globaldns.app.surroundings import Istiods
from globaldns.istio.hiding import Mesh, Surroundings
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.watch import Timing
from globaldns.tasks import Backoff
from tests.app.meshes import until
from tests.app.test_surroundings import (
    CONFIG_MAPS,
    FOUND,
    ISTIODS,
    OBJECTS,
    RULES,
    SIDECARS,
    SYSTEM,
    thing,
)
from tests.kube.fake import FakeApiServer

TIMING = Timing(poll=0.02, backoff=Backoff(initial=0.01, maximum=0.05))


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(RULES, SIDECARS, CONFIG_MAPS) as running:
        for name in (SYSTEM, "shop", "web"):
            running.add_namespace(name)
        for one in OBJECTS:
            running.put(one)
        yield running


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)


@asynccontextmanager
async def looking(server: FakeApiServer, istiods: list[Istiods]) -> AsyncIterator[Lookout]:
    """Have one look; the last of ``istiods`` is what the configuration says."""
    client = Client(Access(text=json.dumps(server.kubeconfig())))
    lookout = Lookout(client, lambda: istiods[-1], TIMING)
    running = asyncio.create_task(lookout.run())
    try:
        yield lookout
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_changes_is_seen_and_nothing_is_listed_again(server: FakeApiServer) -> None:
    async with looking(server, [ISTIODS]) as lookout:
        assert lookout.around == Surroundings()
        await until(lambda: lookout.around == FOUND)
        listed = server.count("list")
        watched = server.count("watch")
        server.delete(SIDECARS.id, "default", "web")
        await until(lambda: lookout.around.scopes == ())
        server.put(thing("DestinationRule", "new", "web", spec={"host": "*"}))
        await until(lambda: len(lookout.around.rules) == 2)
        server.put(thing("DestinationRule", "all", "web", spec={"host": 5}))
        await until(lambda: [one.name for one in lookout.around.rules] == ["new"])
        server.put(thing("ConfigMap", "istio-1-31", SYSTEM, data={"mesh": ""}))
        await until(lambda: lookout.around.meshes[1] == Mesh("1-31"))
        assert (server.count("list"), server.count("watch")) == (listed, watched)


async def test_only_named_config_maps_are_asked_for(server: FakeApiServer) -> None:
    async with looking(server, [ISTIODS]) as lookout:
        await until(lambda: lookout.around == FOUND)
        asked = [one for one in server.asked if one.resource == CONFIG_MAPS.id]
        assert {one.query.get("fieldSelector") for one in asked} == {
            f"metadata.name={name}" for name in ("istio", "istio-1-31", "istio-gone")
        }
        assert {one.namespace for one in asked} == {SYSTEM}


async def test_what_was_seen_stands_while_nobody_answers(server: FakeApiServer) -> None:
    async with looking(server, [ISTIODS]) as lookout:
        await until(lambda: lookout.around == FOUND)
        await server.stop()
        await asyncio.sleep(0.05)
        assert lookout.around == FOUND
        await server.start()
        server.delete(SIDECARS.id, "default", "web")
        await until(lambda: lookout.around.scopes == ())


async def test_what_comes_and_goes_with_its_kind_is_seen(server: FakeApiServer) -> None:
    server.unserve(RULES.id, SIDECARS.id)
    async with looking(server, [ISTIODS]) as lookout:
        await until(lambda: lookout.around.meshes == FOUND.meshes)
        assert (lookout.around.rules, lookout.around.scopes) == ((), ())
        server.serve(RULES, SIDECARS)
        for one in OBJECTS[:4]:
            server.put(one)
        await until(lambda: lookout.around == FOUND)


async def test_what_the_configuration_asks_for_now_is_followed(server: FakeApiServer) -> None:
    asked = [Istiods(SYSTEM)]
    async with looking(server, asked) as lookout:
        await until(lambda: lookout.around.meshes == FOUND.meshes[:1])
        asked.append(ISTIODS)
        await until(lambda: lookout.around == FOUND)
        asked.append(Istiods("web"))
        await until(lambda: lookout.around.meshes == (Mesh(root="web"),))


async def test_what_may_not_be_read_is_told_once(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.deny(resource=SIDECARS.id)
    async with looking(server, [ISTIODS]) as lookout:
        await until(lambda: lookout.around.meshes == FOUND.meshes)
        await until(lambda: server.count("watch", SIDECARS.id) > 2)
        assert lookout.around.scopes == ()
    told = [one for one in caplog.records if "what hides routes" in one.message]
    assert len(told) == 1


async def test_nothing_is_told_before_all_was_answered_nor_of_rules_that_may_not_be_read(
    server: FakeApiServer,
) -> None:
    server.fail(0, times=3, resource=SIDECARS.id)
    server.deny(resource=RULES.id)
    async with looking(server, [ISTIODS]) as lookout:
        seen = [lookout.around]

        def has_all() -> bool:
            seen.append(lookout.around)
            return lookout.around.scopes == FOUND.scopes

        await until(has_all, every=0.001)
        assert {len(one.scopes) for one in seen if one != Surroundings()} == {1}
        assert (lookout.around.rules, lookout.around.are_rules_known) == ((), False)
        server.allow()
        await until(lambda: lookout.around == FOUND)


async def test_a_mesh_configuration_is_parsed_and_told_of_once_a_change(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.put(thing("ConfigMap", "istio-1-31", SYSTEM, data={"mesh": "["}))
    async with looking(server, [ISTIODS]) as lookout:
        await until(lambda: lookout.around.meshes[1:] == (Mesh("1-31"),))
        counted = 0

        def istiods() -> Istiods:
            nonlocal counted
            counted += 1
            return ISTIODS

        lookout._istiods = istiods
        await until(lambda: counted > 10)
    told = [one for one in caplog.records if "what hides routes" in one.message]
    assert len(told) == 1
