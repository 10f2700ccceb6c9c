"""A server's control side, put together: reloads, what is remembered, what is scraped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from globaldns.app.control import Control
from globaldns.app.fencing import ORIGIN
from globaldns.app.memory import ZONE
from globaldns.app.pace import Pace
from globaldns.app.rules import export_rules
from globaldns.config.schema import QueryLog
from globaldns.dns.certificate import read_certificate
from globaldns.dns.lastzone import decode_zone
from globaldns.dns.worker import decode_settings
from globaldns.model.host import Host
from globaldns.model.view import Fence, SourceState
from globaldns.sources.awaited import AwaitedSource
from globaldns.sources.remembered import file_name
from tests.app.meshes import CLAIM, START, Place, break_ledger, inhabit, until, until_it_says
from tests.app.servers import address_of, answer, controlled, numbered, running
from tests.certificates import make_pair
from tests.registry.mesh import claim
from tests.sources.manifests import entries, entry

PIN = '\nspec:\n  addresses: ["240.128.0.7"]\n'
"""What makes an entry pin the VIP of a.ns."""

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def place(place: Place) -> Place:
    return inhabit(place, CLAIM)


def sample(control: Control, name: str, **labels: str) -> float | None:
    return control.metrics.registry.get_sample_value(f"globaldns_{name}", labels)


async def test_what_sources_say_is_numbered_written_and_answered(place: Place) -> None:
    async with running(place) as control:
        assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)
        (c,) = await answer(address_of(control), "c.ns.global")
        assert await answer(address_of(control), "z.ns.global") == "NXDOMAIN"
    assert {one.host for one in place.remembered()} == {"a.ns", "b.ns", "c.ns"}
    async with running(place) as control:
        assert await answer(address_of(control), "c.ns.global") == (c,)


async def test_no_answer_changes_by_a_pin_that_cannot_be_written(place: Place) -> None:
    async with running(place) as control:
        mend = break_ledger(control.ledger.ledger)
        before = await answer(address_of(control), "b.ns.global")
        place.write("west", entries("c") + entry("b").replace("\nspec:\n", PIN))
        await until(lambda: bool(control.registry.views.pinnings(Host("b.ns"))))
        await until(lambda: control.readings.ledger_failure != "")
        assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)
        assert await answer(address_of(control), "b.ns.global") == before
        place.write("west", entries("c", "b"))
        await until(lambda: not control.registry.views.pinnings(Host("b.ns")))
        await control.ledger.run(mend)
        await until(lambda: control.readings.ledger_failure == "")
        assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)
        assert await answer(address_of(control), "b.ns.global") == before


async def test_a_ledger_that_fails_from_the_start_stops_new_numbers_and_no_answer(
    place: Place,
) -> None:
    async with controlled(place) as control:
        break_ledger(control.ledger.ledger)
        async with numbered(control):
            assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)
            assert await answer(address_of(control), "b.ns.global") == "SERVFAIL"


async def test_until_all_was_heard_only_views_are_to_be_remembered(place: Place) -> None:
    async with controlled(place) as control:
        assert list(control.keepsakes()) == []


async def test_the_zone_and_every_view_are_to_be_remembered(place: Place) -> None:
    async with running(place) as control:
        found = {one.name: one for one in control.keepsakes()}
        assert set(found) == {ZONE, file_name("east"), file_name("west")}
        last = decode_zone(found[ZONE].capture()(Pace()), ("global",))
        assert {entry.host for entry in last.entries} == {"a.ns", "b.ns", "c.ns"}
        assert last.header.marker == control.ledger.ledger.marker.id
        assert last.header.waits == control.registry.waits


async def test_a_view_that_changed_is_to_be_remembered_anew(place: Place) -> None:
    def versions(control: Control) -> dict[str, object]:
        return {one.name: one.version for one in control.keepsakes()}

    async with running(place) as control:
        before = versions(control)
        place.write("west", entries("c", "d"))
        await until(lambda: Host("d.ns") in control.readings.services)
        after = versions(control)
    assert {name for name in after if after[name] != before[name]} == {ZONE, file_name("west")}


def west(place: Place, **keys: Any) -> dict[str, Any]:
    return {"clusters": {"east": place.cluster("east"), "west": place.cluster("west", **keys)}}


async def test_a_sound_configuration_is_obeyed_by_everybody(place: Place) -> None:
    async with running(place) as control:
        place.configure(
            dns={"listen": ["127.0.0.1:0"], "ttl": "5s", "limits": {"tcp_connections": 7}},
            log={"queries": "all", "level": "debug"},
            **west(place, fenced=True),
        )
        control.reload({})
        assert control.situation.config == place.config
        assert control.situation.reload.accepted
        obeyed = decode_settings(control.scribe.settings)
        assert obeyed.rules.ttl == 5
        assert logging.getLogger("globaldns").level == logging.DEBUG
        assert obeyed.server.tcp.connections == 7
        assert obeyed.log.queries is QueryLog.ALL
        assert control.registry.settings.clusters["west"].fenced
        assert await answer(address_of(control), "c.ns.global") == "NXDOMAIN"
        assert sample(control, "config_reloads_total", result="accepted") == 1


async def test_another_certificate_is_obeyed_and_its_end_is_scraped(place: Place) -> None:
    make_pair(place.folder)
    new = make_pair(place.folder, "new", days=9)
    tls = {"listen": ["127.0.0.1:0"], "certificate": "tls.crt", "key": "tls.key"}
    place.configure(dns={"listen": ["127.0.0.1:0"], "tls": tls})
    name = "dns_certificate_expiration_timestamp_seconds"
    async with running(place) as control:
        await until(lambda: sample(control, name) is not None)
        before = sample(control, name)
        renamed = tls | {"certificate": "new.crt", "key": "new.key"}
        place.configure(dns={"listen": ["127.0.0.1:0"], "tls": renamed})
        control.reload({})
        await until(lambda: sample(control, name) != before)
        assert sample(control, name) == read_certificate(new.certificate, new.key).expires


async def test_a_source_whose_rules_change_is_read_by_the_new_ones(place: Place) -> None:
    async with running(place) as control:
        place.configure(**west(place, allow={"namespaces": ["other"]}))
        control.reload({})
        await until(lambda: Host("c.ns") not in control.readings.services)
        assert await answer(address_of(control), "c.ns.global") == "NXDOMAIN"
        assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)


PAY = entry("pay").replace(".global]", ".mesh]")
"""An entry whose only host lies in a zone that is not served yet."""
SPOILT = {"unread": PAY + "x: [", "refused": PAY.replace("number: 80", "number: 70000")}


async def ask_for_pay(control: Control, holds: Callable[[], bool]) -> set[str | tuple[str, ...]]:
    """Return all that PAY is answered with until a condition holds, and then."""
    said = set()

    async def says() -> bool:
        is_over = holds()
        said.add(await answer(address_of(control), "pay.ns.mesh"))
        return is_over

    await until_it_says(says)
    return said


def add_zone(place: Place, control: Control) -> None:
    place.configure(zones=["global", "mesh"])
    control.reload({})


def is_west_unread(control: Control) -> bool:
    """Whether a second zone is served, and the registry was told that west is not read with it."""
    east, west = (control.registry.views.cluster(name).freshness for name in ("east", "west"))
    is_tried = west.state is SourceState.REMEMBERED or "mesh" in west.reason
    return len(east.zones) == 2 and bool(west.reason) and is_tried


async def test_after_a_zone_is_added_no_name_is_denied_that_is_about_to_be_read(
    place: Place,
) -> None:
    place.write("west", PAY, "pay.yaml")
    async with running(place) as control:
        add_zone(place, control)
        said = await ask_for_pay(control, lambda: Host("pay.ns") in control.readings.services)
        assert "NXDOMAIN" not in said
        await until(lambda: control.registry.is_written)
        assert len(await answer(address_of(control), "pay.ns.mesh")) == 1

        async def is_denied() -> bool:
            return await answer(address_of(control), "z.ns.mesh") == "NXDOMAIN"

        await until_it_says(is_denied)


async def test_no_name_of_a_zone_that_was_added_is_denied_while_a_source_is_away(
    place: Place,
) -> None:
    place.write("west", PAY, "pay.yaml")
    async with running(place) as control:
        (place.folder / "west").rename(place.folder / "away")
        await until(lambda: sample(control, "source_up", cluster="west") == 0)
        add_zone(place, control)
        assert await ask_for_pay(control, lambda: is_west_unread(control)) == {"SERVFAIL"}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
async def test_no_name_of_a_zone_that_was_added_is_denied_while_an_object_is_not_read_again(
    spoilt: str, place: Place
) -> None:
    place.write("west", PAY, "pay.yaml")
    async with running(place) as control:
        place.write("west", spoilt, "pay.yaml")
        await until(lambda: any(control.sources.sources["west"].refused()))
        add_zone(place, control)
        assert await ask_for_pay(control, lambda: is_west_unread(control)) == {"SERVFAIL"}


async def test_a_configuration_with_problems_changes_nothing(place: Place) -> None:
    async with running(place) as control:
        before = control.situation.config
        place.path.write_text(place.path.read_text() + "\ngrace: soon\nlog: {queries: all}\n")
        control.reload({})
        assert control.situation.config is before
        assert not control.situation.reload.accepted
        assert decode_settings(control.scribe.settings).log.queries is QueryLog.NONE
        assert sample(control, "config_reloads_total", result="refused") == 1
        assert sample(control, "config_reloads_total", result="accepted") is None


async def test_what_is_scraped_is_what_stands(place: Place) -> None:
    async with running(place) as control:
        await answer(address_of(control), "a.ns.global")
        assert sample(control, "services") == 3
        assert sample(control, "zone_serial", zone="global") == control.readings.snapshot.serial
        assert sample(control, "source_synced", cluster="west") == 1
        asked = {"proto": "udp", "family": "ipv4", "type": "A"}
        await until(lambda: sample(control, "dns_requests_total", **asked) == 1)
        assert sample(control, "ledger_write_seconds_count") == 1
        assert (sample(control, "propagation_seconds_count", cluster="east") or 0) >= 1
        labels = {"cluster": "east", "kind": "View", "type": "reset"}
        assert sample(control, "source_events_total", **labels) == 1
        control.count_restart("turns")
        assert sample(control, "task_restarts_total", task="turns") == 1


async def test_a_turn_keeps_the_zones_and_the_process_alive(place: Place) -> None:
    async with controlled(place) as control:
        scribe, before = control.scribe, control.situation.turned_at
        assert scribe.age(0.0) == float("inf")
        control.mesh.take_turn()
        assert scribe.age(0.0) < 0
        assert control.situation.turned_at > before
        assert Path(control.situation.path) == place.path


async def test_of_what_was_never_heard_nothing_could_be_missed(place: Place) -> None:
    place.configure(
        grace="0s",
        clusters={"east": place.cluster("east"), "west": place.cluster("none"), "north": {}},
        remote_secrets={"directory": "kubeconfigs"},
    )
    async with running(place) as control:
        assert control.was_heard("east")
        assert control.was_heard("unknown"), "it is not followed yet"
        assert not control.was_heard("west")
        assert not control.was_heard("north")
        held = claim(Host("n.ns"), "240.128.0.9", START, "north")
        control.mesh.publish(control.registry.import_claims([held], START))
        assert control.was_heard("north"), "it has a VIP"


class Rebuilt(AwaitedSource):
    """The source of a cluster to which another one answers."""

    @property
    def another(self) -> str:
        return "new"


async def test_nothing_is_decided_before_a_rebuilt_cluster_is_read_that_was_accepted(
    place: Place,
) -> None:
    rules = export_rules(place.config, "west")
    async with controlled(place) as control:
        control.sources.sources["west"] = Rebuilt(rules, reason="", remembered=None)
        assert control._may_settle(), "who is not known by its name is not waited for"
        word = Fence("west", fenced=False, at=START, origin=ORIGIN, uid="new")
        control.registry.views.set_words({"west": word})
        assert not control._may_settle()
