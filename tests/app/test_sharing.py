"""A ledger that replicas share: who writes it, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import structs
from msgspec.structs import asdict

import globaldns.kube.client
from globaldns.app.sharing import shared_ledger
from globaldns.errors import LedgerError
from globaldns.kube.lease import MAX_SKEW_SECONDS
from globaldns.ledger.opening import OnLoss, keep_marker, remembered_marker
from globaldns.model.claim import Marker
from globaldns.model.view import ClaimSet
from globaldns.state import StateDirectory
from globaldns.tasks import wall_clock
from tests.app.meshes import Place, until
from tests.app.replicas import Replica
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import claim, export, ledger, reset, settings, vip
from tests.sources.reading import DEFINED

HOSTS = ("a.ns", "b.ns", "c.ns")
VIEWS = (reset("east", *(export(host) for host in HOSTS)), reset("west"))
OLD = ClaimSet(
    Marker("old", 5),
    tuple(claim(host, f"240.128.0.{number}", 10) for number, host in enumerate(HOSTS, 100)),
    (claim("d.ns", "240.128.0.200", 4),),
)
"""What a neighbour keeps of a ledger that is lost: no address is one that would be chosen."""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.add_namespace("globaldns-system")
        yield running


def replica(server: FakeApiServer, tmp_path: Path, name: str = "one", **how: object) -> Replica:
    found = Replica(server, tmp_path / name, name, **how)  # type: ignore[arg-type]
    found.say(*VIEWS)
    return found


def bereaved(server: FakeApiServer, tmp_path: Path, **how: object) -> Replica:
    """Return a replica whose state directory remembers a ledger."""
    keep_marker(StateDirectory(tmp_path / "one"), Marker("old", 5))
    return replica(server, tmp_path, **how)


def writes(server: FakeApiServer) -> int:
    return sum(server.count(verb, "vipledgers") for verb in ("create", "update", "delete", "patch"))


def stored(server: FakeApiServer, role: str = "own") -> str:
    ledgers = server.objects("vipledgers.globaldns.io")
    return "".join(one["spec"]["data"] for one in ledgers if one["spec"]["role"] == role)


async def test_a_first_start_begins_a_ledger_and_answers_what_stands_in_it(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path).run() as one:
        answers = await one.until_answered(*HOSTS)
        assert one.ledger.is_leader
        assert one.ledger.rest_reason == ""
        assert remembered_marker(one.state) == one.ledger.marker
        assert all(host in stored(server) for host in answers)
    async with replica(server, tmp_path, "two").run() as two:
        assert await two.until_answered(*HOSTS) == answers
        assert two.ledger.marker == one.ledger.marker


async def test_who_may_not_take_the_lease_says_so(server: FakeApiServer, tmp_path: Path) -> None:
    server.deny(resource="leases")
    async with replica(server, tmp_path).run() as one:
        await until(lambda: "no replica holds the Lease: " in one.ledger.rest_reason)
        assert "forbidden" in one.ledger.rest_reason
        trouble = one.ledger.trouble
        assert isinstance(trouble, LedgerError)
        assert str(trouble).startswith("the Lease cannot be had: ")
        assert "bind the roles" in trouble.hint
        server.allow()
        await until(lambda: one.ledger.trouble is None)


async def test_a_follower_of_somebody_who_writes_has_no_trouble(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path).run() as one:
        await one.until_answered(*HOSTS)
        assert one.ledger.trouble is None
        async with replica(server, tmp_path, "two").run() as two:
            await until(lambda: "another replica writes" in two.ledger.rest_reason)
            assert two.ledger.trouble is None


async def test_who_may_not_read_the_ledger_says_so(server: FakeApiServer, tmp_path: Path) -> None:
    server.deny(resource="vipledgers")
    async with replica(server, tmp_path).run() as one:
        await until(lambda: one.ledger.rest_reason.startswith("the ledger cannot be read: "))
        assert "forbidden" in one.ledger.rest_reason
        assert "forbidden" in str(one.ledger.trouble)
        server.allow()
        await one.until_answered(*HOSTS)
        assert (one.ledger.rest_reason, one.ledger.trouble) == ("", None)


async def test_a_ledger_that_lacks_its_first_object_is_the_same_ledger(
    server: FakeApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with replica(server, tmp_path).run() as one:
        answers, marker = await one.until_answered(*HOSTS), one.ledger.marker
    assert "a new ledger is begun" in caplog.text
    caplog.clear()
    server.delete("vipledgers.globaldns.io", "own-000", "globaldns-system")
    async with replica(server, tmp_path, "two").run() as two:
        await until(lambda: two.ledger.is_leader)
        assert (await two.until_answered(*HOSTS), two.ledger.marker) == (answers, marker)
    assert "a new ledger is begun" not in caplog.text
    assert "lacked its first object" in caplog.text


async def test_what_is_configured_stands_in_the_ledger_and_follows_the_configuration(
    server: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("globaldns.app.sharing.LOOK_SECONDS", 0.01)

    def said() -> list[dict[str, str]]:
        specs = (one["spec"] for one in server.objects("vipledgers.globaldns.io"))
        return [spec["settings"] for spec in specs if "settings" in spec]

    async with replica(server, tmp_path).run() as one:
        await one.until_answered(*HOSTS)
        await until(lambda: said() == [asdict(one.registry.settings.fingerprint)])
        before = writes(server)
        await asyncio.sleep(0.1)
        assert writes(server) == before
        one.mesh.reconfigure(structs.replace(settings(), quarantine=5 * 86400))
        await until(lambda: said() == [asdict(one.registry.settings.fingerprint)])
        assert stored(server).count("\n") == len(HOSTS)
        one.say(reset("east", *(export(host) for host in (*HOSTS, "d.ns"))))
        await one.until_answered(*HOSTS, "d.ns")
        assert said() == [asdict(one.registry.settings.fingerprint)]


async def test_a_follower_answers_what_the_leader_answers_and_writes_nothing(
    server: FakeApiServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("globaldns.app.sharing.LOOK_SECONDS", 0.01)
    server.deny("create", "vipledgers", user="two")
    server.deny("update", "vipledgers", user="two")
    server.deny("delete", "vipledgers", user="two")
    async with replica(server, tmp_path).run() as one:
        await one.until_answered(*HOSTS)
        async with replica(server, tmp_path, "two").run() as two:
            answers = await two.until_answered(*HOSTS)
            assert answers == one.answers
            await until(lambda: remembered_marker(two.state) == one.ledger.marker)
            await until(lambda: two.ledger.rest_reason == "another replica writes: one")
            for each in (one, two):
                each.say(reset("east", export("new.ns"), *(export(host) for host in HOSTS)))
            assert await two.until_answered(*HOSTS, "new.ns") == await one.until_answered(
                *HOSTS, "new.ns"
            )
            for each in (two, one):
                each.say(reset("east", export("a.ns")))
            await two.until_answered("a.ns")
            await one.until_answered("a.ns")
            assert two.answers == {"a.ns": answers["a.ns"]}
            await until(lambda: sorted(one.registry.claims) == sorted(two.registry.claims))
            with pytest.raises(LedgerError, match="we may not write: another replica writes"):
                await two.ledger.write([claim("x.ns", "240.128.0.9", 1)])
    assert "forbidden" not in caplog.text


@pytest.mark.parametrize("is_closed", [True, False])
async def test_when_the_leader_is_gone_a_follower_reads_all_and_writes(
    server: FakeApiServer,
    tmp_path: Path,
    is_closed: bool,  # noqa: FBT001
) -> None:
    two = replica(server, tmp_path, "two")
    async with replica(server, tmp_path).run(is_closed=is_closed) as one:
        answers = await one.until_answered(*HOSTS)
        running = two.run()
        await running.__aenter__()
        await two.until_answered(*HOSTS)
        before = len(server.asked)
    two.say(reset("east", export("new.ns"), *(export(host) for host in HOSTS)))
    try:
        found = await two.until_answered(*HOSTS, "new.ns")
    finally:
        await running.__aexit__(None, None, None)
    assert {host: found[host] for host in HOSTS} == answers
    ledgers = [each.verb for each in server.asked[before:] if "vipledgers" in each.resource]
    assert ledgers.index("list") < min(map(ledgers.index, {*ledgers} & {"create", "update"}))


async def test_a_leader_whose_lease_is_over_writes_nothing_until_it_has_read_all_again(
    server: FakeApiServer, tmp_path: Path
) -> None:
    one, two = replica(server, tmp_path), replica(server, tmp_path, "two")
    async with one.run():
        await one.until_answered(*HOSTS)
        server.deny(resource="leases", user="one")
        await until(lambda: not one.ledger.is_leader)
        with pytest.raises(LedgerError, match="may not write"):
            await one.ledger.check()
        waiting = asyncio.create_task(one.ledger.until_writable())
        async with two.run():
            await until(lambda: two.ledger.is_leader)
            for each in (one, two):
                each.say(reset("east", export("new.ns"), *(export(host) for host in HOSTS)))
            await two.until_answered(*HOSTS, "new.ns")
            assert await one.until_answered(*HOSTS, "new.ns") == two.answers
            assert not waiting.done()
            server.allow()
        before = len(server.asked)
        await waiting
        asked = [each.verb for each in server.asked[before:] if "vipledgers" in each.resource]
        assert "list" in asked
        assert one.ledger.is_leader


async def test_nothing_is_begun_before_all_neighbours_are_heard(
    server: FakeApiServer, tmp_path: Path
) -> None:
    one = replica(server, tmp_path)
    one.is_heard = False
    async with one.run():
        await until(lambda: one.ledger.is_listed and bool(server.count("create", "leases")))
        renewals = server.count("update", "leases")
        await server.until(lambda: server.count("update", "leases") > renewals + 3)
        assert one.ledger.marker is None
        assert writes(server) == 0
        assert one.ledger.rest_reason == "the ledger is being read"
        one.is_heard = True
        await one.until_answered(*HOSTS)


async def test_a_lost_ledger_is_written_again_before_anything_is_numbered(
    server: FakeApiServer, tmp_path: Path
) -> None:
    one = bereaved(server, tmp_path, kept=(OLD, ledger("east", marker="older")))
    async with one.run():
        answers = await one.until_answered(*HOSTS)
        assert answers == {
            host: (vip(f"240.128.0.{number}"),) for number, host in enumerate(HOSTS, 100)
        }
        assert one.ledger.marker != OLD.marker
        await until(lambda: remembered_marker(one.state) == one.ledger.marker)
        assert "d.ns" in stored(server)
    assert [found.retired_at for found in one.registry.claims if found.host in HOSTS] == [None] * 3


@pytest.mark.parametrize("faults", [1, 3, 40])
async def test_a_lost_ledger_that_can_be_written_in_part_is_written_before_the_first_number(
    server: FakeApiServer, tmp_path: Path, faults: int
) -> None:
    one = replica(server, tmp_path, kept=(OLD,))
    async with one.run():
        await server.until(lambda: server.count("create", "vipledgers") >= 1)
        server.fail(500, verb="create", resource="vipledgers", times=faults)
        answers = await one.until_answered(*HOSTS)
        assert all(address[0] >= vip("240.128.0.100") for address in answers.values())


async def test_a_ledger_that_is_lost_with_all_its_copies_is_begun_by_a_person_only(
    server: FakeApiServer, tmp_path: Path
) -> None:
    one = bereaved(server, tmp_path)
    async with one.run():
        await until(lambda: "is lost" in one.ledger.rest_reason)
        assert writes(server) == 0
        assert not one.ledger.is_leader
        assert one.answers == {}
    restored = bereaved(server, tmp_path)
    async with restored.run():
        await until(lambda: "is lost" in restored.ledger.rest_reason)
        assert not restored.registry.is_settled, "the last zone is answered"
        assert await restored.ledger.restore(OLD.claims)
        assert {**await restored.until_answered(*HOSTS)} == {c.host: (c.vip,) for c in OLD.claims}
        await until(lambda: restored.registry.is_settled)
        assert not await restored.ledger.restore(OLD.claims)
    for one in server.objects("vipledgers.globaldns.io"):
        server.delete("vipledgers.globaldns.io", one["metadata"]["name"], "globaldns-system")
    accepted = replica(server, tmp_path, on_loss=OnLoss.REPLACE)
    async with accepted.run():
        await accepted.until_answered(*HOSTS)
        assert remembered_marker(accepted.state) == accepted.ledger.marker


@pytest.mark.parametrize("seconds", [MAX_SKEW_SECONDS + 5, -MAX_SKEW_SECONDS - 5])
async def test_a_clock_that_is_not_the_servers_dates_nothing(
    server: FakeApiServer, tmp_path: Path, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(globaldns.kube.client, "wall_clock", lambda: wall_clock() + int(seconds))
    one = replica(server, tmp_path)
    async with one.run():
        await until(lambda: "clock" in one.ledger.rest_reason)
        assert ("ahead of" if seconds > 0 else "behind") in one.ledger.rest_reason
        assert writes(server) == 0
        monkeypatch.undo()
        await one.until_answered(*HOSTS)


async def test_a_ledger_out_of_reach_is_read_when_it_can_be(
    server: FakeApiServer, tmp_path: Path
) -> None:
    await server.stop()
    async with replica(server, tmp_path).run() as one:
        await until(lambda: one.ledger.rest_reason == "no replica holds the Lease yet")
        with pytest.raises(LedgerError):
            await one.ledger.probe()
        assert not one.ledger.is_listed
        await server.start()
        await one.until_answered(*HOSTS)


async def test_another_ledgers_copy_is_kept_and_dropped(
    server: FakeApiServer, tmp_path: Path
) -> None:
    said = ledger("west", claim("w.ns", "240.128.0.50", 7, "west"))
    async with replica(server, tmp_path).run() as one:
        await one.until_answered(*HOSTS)
        await one.ledger.copy("west", ClaimSet(), said)
        assert "w.ns" in stored(server, "copy")
        await one.ledger.copy("west", said, ClaimSet())
        assert stored(server, "copy") == ""
        number = claim("x.ns", "240.128.0.51", 7)
        await one.ledger.write([number])
        await one.ledger.forget([number])
        assert "x.ns" not in stored(server)


async def test_since_when_a_cluster_is_dropped_outlives_the_leader(
    server: FakeApiServer, tmp_path: Path
) -> None:
    async with replica(server, tmp_path).run() as one:
        await one.until_answered(*HOSTS)
        said = ledger("gone", claim("g.ns", "240.128.0.50", 7, "gone"))
        await one.ledger.copy("gone", ClaimSet(), said)
        assert await one.ledger.dropped(["east", "west"], 100) == {"gone": 100}
        renewals = server.count("update", "leases")
        await server.until(lambda: server.count("update", "leases") > renewals + 1)
    async with replica(server, tmp_path, "two").run() as two:
        await two.ledger.until_writable()
        assert await two.ledger.dropped(["east", "west"], 200) == {"gone": 100}
        assert await two.ledger.dropped(["east", "west", "gone"], 300) == {}


def test_a_ledger_in_kubernetes_wants_an_api_server_of_our_own(place: Place) -> None:
    with pytest.raises(LedgerError, match="no API server"):
        shared_ledger(place.config, place.state, OnLoss.REFUSE)
    clusters = {"east": {"source": {"kubernetes": {}}}, "west": place.cluster("west")}
    found = shared_ledger(place.configure(clusters=clusters), place.state, OnLoss.REFUSE)
    assert (found.cluster, found.marker, found.is_listed) == ("east", None, False)


async def test_what_another_clusters_ledger_says_is_answered_by_every_replica(
    server: FakeApiServer, tmp_path: Path
) -> None:
    first, more = (
        tuple(claim(host, f"240.128.0.{n}", 7, "west") for n, host in enumerate(some, 50))
        for some in (("w.ns",), ("w.ns", "x.ns"))
    )
    async with (
        replica(server, tmp_path).run() as one,
        replica(server, tmp_path, "two").run() as two,
    ):
        for said, hosts in ((first, ("w.ns",)), (more, ("w.ns", "x.ns"))):
            exports = tuple(export(host, "west") for host in hosts)
            for each in (one, two):
                each.say(reset("west", *exports, ledger=ledger("west", *said)))
            for each in (two, one):
                answers = await each.until_answered(*HOSTS, *hosts)
                assert {answers[claimed.host][0] for claimed in said} == {c.vip for c in said}
        await until(lambda: "x.ns" in stored(server, "copy"))
