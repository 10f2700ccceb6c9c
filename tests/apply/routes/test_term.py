"""Routes written, repaired and withdrawn, against an API server over HTTP."""

from __future__ import annotations

import asyncio
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from globaldns.apply.routes.objects import written_resources
from globaldns.apply.routes.patience import Fate, Wanted
from globaldns.exports.marks import OWNED_BY
from globaldns.model.host import Host
from tests.apply.routes.documents import endpoint, entry, replica, rule
from tests.apply.routes.keeping import ENTRIES, GATEWAYS, RULES, Keeper, keeping
from tests.kube.fake import FakeApiServer

WEB = Host("web.shop")
A, B = endpoint("10.0.0.1"), endpoint("2.2.2.2")


async def test_what_is_wanted_is_written_and_follows_what_is_wanted(keeper: Keeper) -> None:
    keeper.want("web.shop", entry(A), rule())
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A)["spec"])
        assert keeper.spec(RULES) == rule()["spec"]
        keeper.want("web.shop", entry(A, B), rule())
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A, B)["spec"])
        await keeper.rest()
        assert keeper.counted == {"created": 2, "replaced": 1}
        assert keeper.writes() == 3


async def test_a_new_leader_writes_only_what_differs(
    keeper: Keeper, server: FakeApiServer, tmp_path: Path
) -> None:
    keeper.want("web.shop", entry(A), rule())
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(RULES) is not None)
        await keeper.rest()
    other = Keeper(server, tmp_path)
    other.want("web.shop", entry(A), rule("new"))
    before = keeper.writes()
    async with keeping(other):
        await other.until(lambda: other.spec(RULES) == rule("new")["spec"])
        await other.rest()
        assert other.counted == {"replaced": 1}
        assert other.writes() == before + 1


async def test_what_people_change_or_delete_is_repaired_and_their_metadata_stays(
    keeper: Keeper, server: FakeApiServer
) -> None:
    keeper.want("web.shop", entry(A), rule())
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(RULES) is not None)
        await keeper.rest()
        server.delete(RULES.id, "web-global", "shop")
        await keeper.until(lambda: keeper.spec(RULES) == rule()["spec"])
        found = deepcopy(server.get(ENTRIES.id, "web-global", "shop"))
        assert found is not None
        found["metadata"]["annotations"] = {"note": "mine"}
        found["spec"]["location"] = "MESH_EXTERNAL"
        server.put(found)
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A)["spec"])
        found = server.get(ENTRIES.id, "web-global", "shop")
        assert found is not None
        assert found["metadata"]["annotations"] == {"note": "mine"}


async def test_an_object_of_somebody_else_is_never_touched(
    keeper: Keeper, server: FakeApiServer
) -> None:
    theirs = {**entry(B), "metadata": {"name": "web-global", "namespace": "shop"}}
    server.put(theirs)
    neighbours = {**rule("west"), "metadata": {**rule()["metadata"], "labels": {OWNED_BY: "west"}}}
    server.put(neighbours)
    keeper.want("web.shop", entry(A), rule())
    keeper.want("gone.shop", fate=Fate.END)
    async with keeping(keeper):
        await keeper.until(lambda: keeper.counted["failed"] >= 2)
        assert keeper.spec(ENTRIES) == theirs["spec"]
        assert keeper.spec(RULES) == neighbours["spec"]
        assert keeper.counted.keys() == {"failed"}


@pytest.mark.parametrize("is_taken", [True, False])
async def test_an_entry_that_stands_follows_its_pods_while_its_rule_cannot_be_written(
    keeper: Keeper, server: FakeApiServer, *, is_taken: bool
) -> None:
    server.put(entry(A))
    if is_taken:
        server.put({**rule("theirs"), "metadata": {"name": "web-global", "namespace": "shop"}})
    else:
        server.deny("create", RULES.plural)
    other, its_rule = entry(A, name="new-global"), rule(name="new-global")
    other["spec"]["hosts"], its_rule["spec"]["host"] = ["new.shop.global"], "new.shop.global"
    keeper.want("new.shop", other, its_rule)
    keeper.want("web.shop", entry(A, B), rule())
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A, B)["spec"])
        if not is_taken:
            assert keeper.spec(ENTRIES, "new-global") is None
            server.allow()
            await keeper.until(lambda: keeper.spec(RULES) == rule()["spec"])
            await keeper.until(lambda: keeper.spec(ENTRIES, "new-global") is not None)


async def test_who_has_a_name_of_ours_is_told_once_until_it_is_free(
    keeper: Keeper, server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put({**entry(B), "metadata": {"name": "web-global", "namespace": "shop"}})
    keeper.want("web.shop", entry(A))
    caplog.set_level(logging.INFO)

    def lines(message: str) -> list[Any]:
        return [record for record in caplog.records if record.getMessage() == message]

    async with keeping(keeper):
        await keeper.until(lambda: keeper.counted["failed"] >= 2)
        (notice,) = keeper.routes.hindered[WEB]
        assert (notice.host, notice.code) == ("web.shop.global", "taken-name")
        assert notice.detail.startswith("ServiceEntry shop/web-global stands there already")
        (line,) = lines("a route is not written")
        assert (line.object, line.fix) == ("ServiceEntry shop/web-global", notice.hint)
        # While it is not known what is wanted, it is told as before.
        keeper.want("web.shop", fate=Fate.STAND)
        await keeper.rest()
        assert keeper.routes.hindered[WEB] == (notice,)
        server.delete(ENTRIES.id, "web-global", "shop")
        keeper.want("web.shop", entry(A))
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A)["spec"])
        await keeper.until(lambda: keeper.routes.hindered == {})
        assert len(lines("a taken name keeps no route any more")) == 1


async def test_a_taken_name_that_nobody_wants_any_more_is_told_no_more(
    keeper: Keeper, server: FakeApiServer
) -> None:
    neighbours = {**entry(B), "metadata": {**entry()["metadata"], "labels": {OWNED_BY: "west"}}}
    server.put(neighbours)
    keeper.want("web.shop", entry(A))
    async with keeping(keeper):
        await keeper.until(lambda: WEB in keeper.routes.hindered)
        assert "mark of cluster west" in keeper.routes.hindered[WEB][0].detail
        keeper.want("web.shop", fate=Fate.WITHDRAW)
        await keeper.until(lambda: keeper.routes.hindered == {})
    assert keeper.routes.hindered == {}


async def test_that_somebody_was_faster_is_no_taken_name(
    keeper: Keeper, server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.fail(409, verb="create", resource="serviceentries", times=1)
    keeper.want("web.shop", entry(A))
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        await keeper.rest()
        server.fail(409, verb="update", resource="serviceentries", times=1)
        keeper.want("web.shop", entry(A, B))
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A, B)["spec"])
        assert keeper.counted["failed"] == 2
        assert keeper.routes.hindered == {}
    assert "a route is not written" not in caplog.text


async def test_a_route_goes_after_its_name_and_what_breaks_others_at_once(keeper: Keeper) -> None:
    keeper.want("web.shop", entry(A), rule())
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(RULES) is not None)
        await keeper.rest()
        keeper.want("web.shop", fate=Fate.STAND)
        await keeper.rest()
        assert keeper.spec(ENTRIES) is not None
        keeper.want("web.shop", fate=Fate.WITHDRAW)
        await keeper.rest()
        assert keeper.spec(ENTRIES) is not None
        await keeper.until(lambda: keeper.spec(ENTRIES) is None and keeper.spec(RULES) is None)
        await keeper.rest()
        assert keeper.counted["deleted"] == 2


async def test_what_a_former_run_left_of_hosts_and_zones_that_are_gone_goes(
    keeper: Keeper, server: FakeApiServer
) -> None:
    old = entry(A, name="old")
    old["spec"]["hosts"] = ["old.shop.global"]
    elsewhere = entry(A, name="elsewhere")
    elsewhere["spec"]["hosts"] = ["web.shop.example"]
    broken = {**entry(A, name="broken"), "spec": {}}
    for one in (old, elsewhere, broken):
        server.put(one)
    async with keeping(keeper):
        await keeper.until(lambda: server.objects(ENTRIES.id) == [])


async def test_a_service_that_a_cluster_lacks_is_there_as_long_as_it_is_wanted(
    keeper: Keeper, server: FakeApiServer
) -> None:
    port = {"port": 80, "protocol": "TCP"}

    def found() -> dict[str, Any]:
        return server.get("services", "web", "shop") or {}

    keeper.want("web.shop", entry(A), replica(port))
    async with keeping(keeper):
        await keeper.until(lambda: bool(found()))
        keeper.want("web.shop", entry(A))
        await keeper.until(lambda: not found())
        keeper.want("web.shop", entry(A), replica(port))
        await keeper.until(lambda: bool(found()))
        # A person makes it theirs: whatever is wanted then, it stays as they left it.
        theirs = deepcopy(found())
        theirs["spec"]["selector"] = {"app": "web"}
        server.put(theirs)
        await keeper.until(lambda: found()["metadata"].get("labels", {}) == {})
        keeper.want("web.shop", entry(A))
        await keeper.rest()
        assert found()["spec"]["selector"] == {"app": "web"}


async def test_other_kinds_begin_another_term(keeper: Keeper, server: FakeApiServer) -> None:
    keeper.resources = written_resources(routes=True, replicas=False)
    theirs = replica({"port": 80})
    server.put(theirs)
    async with keeping(keeper):
        keeper.want("web.shop", entry(A))
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        await keeper.rest()
        assert server.get("services", "web", "shop") is not None
        keeper.want("web.shop")
        keeper.resources = written_resources(routes=False, replicas=True)
        await keeper.until(lambda: server.get("services", "web", "shop") is None)
        assert keeper.spec(ENTRIES) is not None


async def test_what_is_about_no_host_is_kept_too(keeper: Keeper) -> None:
    gateway = {**entry(), "kind": "Gateway", "spec": {"servers": []}}
    keeper.want("", gateway)
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(GATEWAYS) == {"servers": []})
        keeper.want("", fate=Fate.WITHDRAW)
        await keeper.until(lambda: keeper.spec(GATEWAYS) is None)


async def test_what_is_about_all_goes_once_each_host_is_as_it_is_to_be(
    keeper: Keeper, server: FakeApiServer
) -> None:
    gateway = {**entry(), "kind": "Gateway", "spec": {"servers": []}}
    hosts = [f"web{number}.shop" for number in range(8)]

    def its_rule(host: str, sni: str) -> dict[str, Any]:
        document = rule(sni, name=host.replace(".", "-"))
        document["spec"]["host"] = f"{host}.global"
        return document

    def snis() -> list[str]:
        found = server.objects(RULES.id)
        return [one["spec"]["trafficPolicy"]["tls"]["sni"] for one in found]

    keeper.want("", gateway)
    for host in hosts:
        keeper.want(host, its_rule(host, "gateway"))
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(GATEWAYS) is not None and len(snis()) == len(hosts))
        await keeper.rest()
        keeper.rate = 3.0
        for host in hosts:
            keeper.wants[Host(host)] = Wanted(Fate.WRITE, (its_rule(host, "client"),))
        keeper.wants[Host("")] = Wanted(Fate.WITHDRAW)
        keeper.renewed = [*map(Host, hosts), Host("")]
        at_its_end: list[str] = []

        def is_gone() -> bool:
            at_its_end[:] = snis()
            return keeper.spec(GATEWAYS) is None

        await keeper.until(is_gone)
        assert at_its_end == ["client"] * len(hosts)


async def test_what_all_depends_on_is_looked_at_again_and_again(keeper: Keeper) -> None:
    async with keeping(keeper):
        await keeper.rest()
        keeper.want("web.shop", entry(A))
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        await keeper.rest()
        keeper.wants[WEB] = Wanted(Fate.WRITE, (entry(A, B),))
        keeper.renewed = [WEB]
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A, B)["spec"])


async def test_without_istio_nothing_is_written_until_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeApiServer(ENTRIES, GATEWAYS) as server:
        server.add_namespace("shop")
        keeper = Keeper(server, tmp_path)
        keeper.want("web.shop", entry(A), rule())
        async with keeping(keeper):
            with caplog.at_level(logging.INFO):
                await keeper.until(lambda: "no routes are written" in caplog.text)
            await asyncio.sleep(0.1)
            assert keeper.writes() == 0
            server.serve(RULES)
            await keeper.until(lambda: keeper.spec(RULES) is not None)


async def test_nothing_is_written_before_the_mesh_is_known_nor_by_who_may_not(
    keeper: Keeper,
) -> None:
    keeper.is_settled = False
    keeper.want("web.shop", entry(A))
    async with keeping(keeper):
        await asyncio.sleep(0.3)
        assert keeper.writes() == 0
        keeper.is_settled = True
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        await keeper.rest()
        keeper.may_write = False
        await keeper.until(lambda: keeper.routes.term is None)
        keeper.want("web.shop", entry(A, B))
        await asyncio.sleep(0.1)
        assert keeper.writes() == 1
        keeper.may_write = True
        await keeper.until(lambda: keeper.spec(ENTRIES) == entry(A, B)["spec"])


async def test_a_server_that_fails_is_left_alone_for_a_while(
    keeper: Keeper, server: FakeApiServer
) -> None:
    server.fail(503, verb="create", resource="serviceentries", times=1)
    keeper.want("web.shop", entry(A))
    async with keeping(keeper):
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        await keeper.rest()
        assert keeper.counted == {"failed": 1, "created": 1}
