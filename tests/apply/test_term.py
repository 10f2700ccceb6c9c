"""One term of writing GlobalServices, against an API server over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from globaldns.apply.conditions import MOVED_SECONDS
from globaldns.apply.places import place_of
from globaldns.errors import LedgerError, RequestRefused
from globaldns.model.host import Host
from globaldns.registry.registry import Registry
from tests.apply.clusters import GLOBAL_SERVICES, NAME, Keeper, exporting, keeping, reason
from tests.apply.showing import manifest
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import export, policy, reset

MakeKeeper = Callable[[Registry], Keeper]
WISH = "2026-01-02T03:04:06Z"
PINS = {"pins": ["240.0.0.5"]}


async def test_no_more_is_written_than_the_rate_allows(make_keeper: MakeKeeper) -> None:
    keeper = make_keeper(exporting(*(f"s{n}.ns" for n in range(20))))
    keeper.rate = 20.0
    began = asyncio.get_running_loop().time()
    async with keeping(keeper):
        await keeper.until(lambda: keeper.writes() == 40)
        seconds = asyncio.get_running_loop().time() - began
        assert seconds >= (40 - 20 - 1) / 20


async def test_the_newest_change_is_written_first(make_keeper: MakeKeeper) -> None:
    keeper = make_keeper(exporting(*(f"s{n}.ns" for n in range(12))))
    keeper.rate = 8.0
    async with keeping(keeper):
        await keeper.until(lambda: len(keeper.written()) == 2)
        keeper.services.note([Host("s0.ns")])
        await keeper.until(lambda: len(keeper.written()) == 5)
        assert "s0" in keeper.written()


async def test_a_persons_object_gets_a_status_and_keeps_its_spec(
    server: FakeApiServer, make_keeper: MakeKeeper
) -> None:
    server.put(manifest("a", spec=PINS))
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        found = keeper.object("a")
        assert found["spec"] == PINS
        assert "labels" not in found["metadata"]
        await keeper.rest()
        assert keeper.counted == {"written": 1}


async def test_a_pin_moves_the_vip_and_the_status_says_so(make_keeper: MakeKeeper) -> None:
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        old = keeper.object("a")["status"]["vip"]
        keeper.server.put({**keeper.object("a"), "spec": PINS})
        keeper.change(reset("east", export("a.ns"), policies=(policy("a.ns", "240.0.0.5"),)))
        await keeper.until(lambda: reason(keeper.object("a"), "VIPMoved") == "Pinned")
        await keeper.until(lambda: keeper.object("a")["status"]["observedGeneration"] == 2)
        found = keeper.object("a")
        assert (found["spec"], found["status"]["vip"]) == (PINS, "240.0.0.5")
        assert found["metadata"]["labels"] == {"globaldns.io/owned-by": "east"}
        assert f"from {old} to 240.0.0.5" in str(found["status"]["conditions"])
        keeper.now += MOVED_SECONDS
        await keeper.until(lambda: reason(keeper.object("a"), "VIPMoved") == "NotMoved")


async def test_a_spec_that_is_refused_is_told_in_the_status_until_it_is_mended(
    make_keeper: MakeKeeper,
) -> None:
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        assert reason(keeper.object("a"), "Accepted") == "", "nobody has written anything"
        absurd = {"lost": {"names": {"expire": "365000d"}}, "renumber": WISH}
        keeper.server.put({**keeper.object("a"), "spec": absurd})
        await keeper.until(lambda: reason(keeper.object("a"), "Accepted") == "LostPolicy")
        (told,) = [c for c in keeper.object("a")["status"]["conditions"] if c["type"] == "Accepted"]
        assert (told["status"], told["observedGeneration"]) == ("False", 2)
        assert "$.spec.lost.names.expire" in told["message"]
        assert keeper.wishes == [], "nothing of it is obeyed"
        keeper.server.put({**keeper.object("a"), "spec": {"renumber": "3026-01-01T00:00:00Z"}})
        await keeper.until(lambda: reason(keeper.object("a"), "Accepted") == "RenumberTime")
        keeper.server.put({**keeper.object("a"), "spec": {"renumber": WISH}})
        await keeper.until(lambda: reason(keeper.object("a"), "Accepted") == "Accepted")
        assert [host for host, _ in keeper.wishes] == ["a.ns"]


@pytest.mark.parametrize(
    ("mark", "spec", "left"),
    [
        ("east", None, {}),
        ("east", PINS, {"ns/a": "NotExported"}),
        ("", None, {"ns/a": "NotExported"}),
    ],
)
async def test_of_a_service_that_is_gone_only_our_own_work_goes(
    server: FakeApiServer, make_keeper: MakeKeeper, mark: str, spec: Any, left: dict[str, str]
) -> None:
    server.put(manifest("a", mark=mark, **({"spec": spec} if spec else {})))
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        keeper.change(reset("east"))
        await keeper.until(lambda: keeper.shown() == left)


async def test_nothing_is_deleted_until_it_is_known_what_is_gone(
    server: FakeApiServer, make_keeper: MakeKeeper
) -> None:
    server.put(manifest("a", mark="east"))
    keeper = make_keeper(exporting("b.ns"))
    keeper.is_complete = False
    async with keeping(keeper):
        await keeper.until_shown(a="", b="Answered")
        await keeper.rest()
        assert keeper.shown() == {"ns/a": "", "ns/b": "Answered"}
        keeper.is_complete = True
        await keeper.until_shown(b="Answered")


async def test_a_host_without_a_namespace_here_stands_in_ours_until_there_is_one(
    make_keeper: MakeKeeper,
) -> None:
    place = place_of(Host("a.far"), (), "globaldns")
    async with keeping(make_keeper(exporting("a.far", "b.ns"))) as keeper:
        await keeper.until(lambda: keeper.shown() == {str(place): "Answered", "ns/b": "Answered"})
        found = keeper.object(place.name, place.namespace)
        assert found["metadata"]["annotations"] == {"globaldns.io/host": "a.far"}
        keeper.server.add_namespace("far")
        await keeper.until(lambda: keeper.shown() == {"far/a": "Answered", "ns/b": "Answered"})
        keeper.server.delete("namespaces", "far")
        await keeper.until(lambda: keeper.shown() == {str(place): "Answered", "ns/b": "Answered"})


async def test_what_somebody_deletes_or_spoils_is_written_again(make_keeper: MakeKeeper) -> None:
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        keeper.server.delete(NAME, "a", "ns")
        await keeper.until_shown(a="Answered")
        keeper.server.put({**keeper.object("a"), "status": {"vip": "10.0.0.1"}})
        await keeper.until_shown(a="Answered")
        assert keeper.object("a")["status"]["vip"].startswith("240.")


async def test_a_kind_that_is_not_installed_is_said_once_and_picked_up(
    server: FakeApiServer, make_keeper: MakeKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    server.unserve(NAME)
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until(lambda: keeper.server.count("get") > 8)
        assert caplog.text.count("kubectl shows no services") == 1
        assert keeper.writes() == 0
        server.serve(GLOBAL_SERVICES)
        await keeper.until_shown(a="Answered")


@pytest.mark.parametrize("code", [0, 409, 429, 500, 503])
async def test_what_fails_for_a_moment_is_tried_again(make_keeper: MakeKeeper, code: int) -> None:
    keeper = make_keeper(exporting("a.ns"))
    keeper.server.fail(code, verb="create", resource="globalservices", times=1)
    keeper.server.fail(code, verb="patch", resource="globalservices/status", times=1)
    async with keeping(keeper):
        while keeper.shown() != {"ns/a": "Answered"}:
            await asyncio.sleep(0.05)
            keeper.now += 1
        assert keeper.counted["failed"] == 2


async def test_what_may_not_be_written_is_said_once_and_stops_nobody_else(
    make_keeper: MakeKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = make_keeper(exporting("a.ns", "b.other"))
    keeper.server.add_namespace("other")
    keeper.server.deny("create", "globalservices", "other")
    async with keeping(keeper):
        await keeper.until_shown(a="Answered")
        for _ in range(3):
            keeper.services.note([Host("b.other")])
            await keeper.rest()
        assert keeper.counted["failed"] >= 2
        assert caplog.text.count("a GlobalService is not written") == 1
        keeper.server.allow()
        keeper.services.note([Host("b.other")])
        await keeper.until(lambda: "other/b" in keeper.shown())


async def test_a_wish_gives_another_number_once(make_keeper: MakeKeeper) -> None:
    async with keeping(make_keeper(exporting("a.ns"))) as keeper:
        await keeper.until_shown(a="Answered")
        old = keeper.object("a")["status"]["vip"]
        keeper.server.put({**keeper.object("a"), "spec": {"renumber": WISH}})
        await keeper.until(lambda: keeper.object("a")["status"].get("renumberedAt") == WISH)
        await keeper.rest()
        found = keeper.object("a")
        assert found["status"]["vip"] != old
        assert found["status"]["vips"][0]["kind"] == "chosen"
        assert reason(found, "VIPMoved") == "Renumbered"
        keeper.services.note([Host("a.ns")])
        await keeper.rest()
        assert len(keeper.wishes) == 1


async def test_why_a_wish_is_refused_is_shown_until_it_can_be_obeyed(
    server: FakeApiServer, make_keeper: MakeKeeper
) -> None:
    server.put(manifest("a", spec={"renumber": WISH}))
    keeper = make_keeper(exporting("a.ns"))
    keeper.refusal = RequestRefused("east does not export it", hint="set it elsewhere")
    async with keeping(keeper):
        await keeper.until(lambda: reason(keeper.object("a"), "VIPMoved") == "RenumberRefused")
        assert "east does not export it; set it elsewhere" in str(keeper.object("a")["status"])
        assert "renumberedAt" not in keeper.object("a")["status"]
        keeper.refusal = LedgerError("it cannot be written")
        keeper.services.note([Host("a.ns")])
        await keeper.until(lambda: "cannot be written" in str(keeper.object("a")["status"]))
        keeper.refusal = None
        keeper.now += 10
        await keeper.until(lambda: keeper.object("a")["status"].get("renumberedAt") == WISH)


async def test_what_stands_and_may_not_be_listed_is_told_with_its_remedy(
    make_keeper: MakeKeeper, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = make_keeper(exporting("a.ns"))
    for verb in ("list", "watch"):
        keeper.server.deny(verb, "globalservices")
    async with keeping(keeper):
        await keeper.until(lambda: "what stands is not known" in caplog.text)
    (line,) = [one for one in caplog.records if "what stands is not known" in one.getMessage()]
    assert "globaldns-writer" in line.__dict__["fix"]
