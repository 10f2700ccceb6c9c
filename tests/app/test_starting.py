"""The first second of a server: what it takes, and what it answers from."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import closing

import pytest

from globaldns.app.memory import ZONE
from globaldns.dns.lastzone import Header, encode_zone
from globaldns.dns.worker import decode_settings
from globaldns.errors import LedgerError, ListenError, StateLocked
from globaldns.ledger.opening import OnLoss
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, Handover, Waits
from globaldns.state import StateDirectory
from globaldns.tasks import wall_clock
from tests.app.meshes import START, Place
from tests.app.servers import address_of, answer, ask, started
from tests.registry.mesh import claim, vip

ENTRY = Entry(
    Host("a.ns"), ("global",), (vip("240.128.0.7"),), (), Answering.DATA, ("east",), START, "given"
)
WAITS = Waits({vip("240.128.0.8"): Handover(Host("b.ns"), START)}, 300, START)
HALF_A_QUARANTINE = 7 * 86400 // 2


def leave_zone(place: Place, *, age: int = 60, marker: str | None = None) -> None:
    """Leave a zone behind, as a server that has ended does."""
    with place.open_ledger() as ledger:
        header = Header(
            cluster="east",
            marker=marker or ledger.marker.id,
            serial=7,
            saved_at=wall_clock() - age,
            waits=WAITS,
        )
    place.state.write_checked(ZONE, encode_zone(header, [ENTRY]))


async def test_while_nothing_is_known_every_name_fails(place: Place) -> None:
    async with started(place) as server:
        assert server.last is None
        assert await answer(address_of(server), "a.ns.global") == "SERVFAIL"


async def test_what_is_remembered_answers_and_what_is_not_is_not_denied(place: Place) -> None:
    leave_zone(place)
    async with started(place) as server:
        assert await answer(address_of(server), "a.ns.global") == ("240.128.0.7",)
        server.scribe.confirm(asyncio.get_running_loop().time())
        assert await answer(address_of(server), "b.ns.global") == "SERVFAIL"
        assert server.last is not None
        assert server.last.header.serial == 7


@pytest.mark.parametrize(
    ("age", "found"),
    [(HALF_A_QUARANTINE - 60, ("240.128.0.7",)), (HALF_A_QUARANTINE + 60, "SERVFAIL")],
)
async def test_a_zone_is_answered_from_until_its_addresses_may_have_new_owners(
    age: int, found: object, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    leave_zone(place, age=age)
    async with started(place) as server:
        assert await answer(address_of(server), "a.ns.global") == found
        assert server.last is not None
        assert server.last.header.waits == WAITS
        assert bool(server.last.entries) is (found != "SERVFAIL")
    told = [one.message for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == ["the last zone is too old to be answered from"] * (found == "SERVFAIL")


async def test_a_zone_of_another_ledger_is_not_answered_from(place: Place) -> None:
    leave_zone(place, marker="another")
    async with started(place) as server:
        assert await answer(address_of(server), "a.ns.global") == "SERVFAIL"


async def test_each_start_has_a_higher_serial(place: Place) -> None:
    leave_zone(place)
    serials = []
    for _ in range(3):
        async with started(place) as server:
            reply = await ask(address_of(server), "global", "SOA")
            serials.append(reply.answer[0][0].serial)
    assert serials == sorted(set(serials))


async def test_it_listens_where_the_configuration_says_and_names_that_place(place: Place) -> None:
    place.configure(dns={"listen": ["127.0.0.1:0", "127.0.0.2:0"]})
    async with started(place) as server:
        addresses = server.plane.addresses
        assert [str(one).rpartition(":")[0] for one in addresses] == ["127.0.0.1", "127.0.0.2"]
        assert all(one.port for one in addresses)
        rules = decode_settings(server.scribe.settings).rules
        assert rules.nameserver_addresses == (vip("127.0.0.1"), vip("127.0.0.2"))


async def test_a_second_server_is_refused_and_disturbs_nothing(place: Place) -> None:
    leave_zone(place)
    async with started(place) as server:
        with pytest.raises(StateLocked, match="is held by process"):
            async with started(place):
                pytest.fail("two servers have one state directory")
        assert await answer(address_of(server), "a.ns.global") == ("240.128.0.7",)


def is_free(place: Place) -> bool:
    """Whether state directory and ledger can be taken."""
    state = StateDirectory(place.config.state)
    state.lock(START)
    try:
        return place.remembered() is not None
    finally:
        state.unlock()


async def test_when_it_ends_everything_is_free_again(place: Place) -> None:
    async with started(place) as server:
        host, _, port = address_of(server).rpartition(":")
    assert is_free(place)
    with pytest.raises(LedgerError, match="closed"):
        server.thread.ledger.claims()
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with closing(socket.socket(socket.AF_INET, kind)) as other:
            other.bind((host, int(port)))


async def test_an_address_that_is_taken_is_named_and_nothing_is_kept(place: Place) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("127.0.0.1", 0))
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        place.configure(dns={"listen": [taken]})
        with pytest.raises(ListenError, match=taken):
            async with started(place):
                pytest.fail("two servers have one address")
    assert not (place.state.path / "ledger.db").exists()
    assert is_free(place)


async def test_a_lost_ledger_stops_a_start_until_a_person_says_otherwise(place: Place) -> None:
    place.remember(claim("a.ns", "240.128.0.7", START))
    (place.state.path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="it is lost"):
        async with started(place):
            pytest.fail("numbers may be given a second time")
    async with started(place, on_loss=OnLoss.REPLACE) as server:
        assert server.thread.ledger.claims() == ()
