"""What a person orders of a running server; fences and clusters are in tests/app/test_fencing."""

from __future__ import annotations

import pytest
from msgspec import structs

from globaldns.app.rules import export_rules
from globaldns.errors import LedgerError, RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, Freshness, SetLedger, SourceState, View
from globaldns.sources.awaited import AwaitedSource
from tests.app.meshes import CLAIM, START, Place, break_ledger, inhabit, until
from tests.app.servers import address_of, answer, controlled, running
from tests.registry.mesh import claim, ledger
from tests.sources.manifests import entries, vip_ledger

A = Host("a.ns")

pytestmark = pytest.mark.usefixtures("logs_as_before")


@pytest.fixture
def place(place: Place) -> Place:
    return inhabit(place, CLAIM)


async def test_a_renumbered_host_has_moved_when_it_is_told(place: Place) -> None:
    async with running(place) as control:
        (move,) = await control.changes.renumber([A])
        assert (move.host, move.old, move.reason) == (A, ("240.128.0.7",), "renumbered")
        assert await answer(address_of(control), "a.ns.global") == move.new
        claims = await control.ledger.run(control.ledger.ledger.claims)
        assert [one.kind for one in claims if one.host == A and not one.is_retired] == [
            ClaimKind.CHOSEN
        ]
        moves = control.metrics.registry.get_sample_value(
            "globaldns_vip_moves_total", {"reason": "renumbered"}
        )
        assert moves == 1


async def test_nothing_is_renumbered_before_all_is_heard(place: Place) -> None:
    async with controlled(place) as control:
        with pytest.raises(RequestRefused, match="not every source was read yet"):
            await control.changes.renumber([A])


async def test_a_command_that_cannot_be_written_is_not_done_and_then_refused(place: Place) -> None:
    async with running(place) as control:
        mend = break_ledger(control.ledger.ledger)
        with pytest.raises(LedgerError, match=r"not done: .*readonly") as caught:
            await control.changes.renumber([A])
        assert caught.value.hint.endswith("; then do it again")
        for command in (control.changes.renumber([A]), control.changes.import_claims([CLAIM])):
            with pytest.raises(RequestRefused, match=r"nothing is done: .*readonly"):
                await command
        await control.ledger.run(mend)
        await until(lambda: control.readings.ledger_failure == "")
        assert await answer(address_of(control), "a.ns.global") == ("240.128.0.7",)
        (move,) = await control.changes.renumber([A])
        assert await answer(address_of(control), "a.ns.global") == move.new


async def test_an_import_counts_what_is_new_and_is_written_when_it_is_told(place: Place) -> None:
    new = claim("old.ns", "240.128.0.99", START, "north")
    async with running(place) as control:
        assert await control.changes.import_claims([CLAIM, new]) == 1
        assert new in await control.ledger.run(control.ledger.ledger.claims)
        assert await control.changes.import_claims([CLAIM, new]) == 0
        ended = control.registry.claims.of_host(new.host)
        assert [one.is_retired for one in ended] == [False]
        retired = new.retire(START, "withdrawn")
        assert await control.changes.import_claims([retired]) == 1
        assert await control.changes.import_claims([new]) == 0


class Read(AwaitedSource):
    """The source of a cluster that is read, and to which perhaps another one answers."""

    other = ""

    @property
    def freshness(self) -> Freshness:
        return Freshness(self.cluster, SourceState.SYNCED)

    @property
    def another(self) -> str:
        return self.other


async def test_a_rebuilt_cluster_is_accepted_as_the_one_that_was_shown_and_no_other(
    place: Place,
) -> None:
    async with running(place) as control:
        source = Read(export_rules(place.config, "west"), reason="", remembered=View("west"))
        control.sources.sources["west"], source.other = source, "new"
        assert (await control.changes.foresee("west")).rebuilt == "new"
        for shown in ("older", ""):
            with pytest.raises(RequestRefused, match="another cluster by now than was shown"):
                await control.changes.forget("west", shown)
        assert control.fences.words == {}
        assert (await control.changes.forget("west", "new")).rebuilt == "new"
        assert control.fences.words["west"].uid == "new"


async def test_a_cluster_that_all_know_as_it_is_is_not_accepted_but_configured(
    place: Place,
) -> None:
    async with running(place) as control:
        views, rules = control.registry.views, export_rules(place.config, "west")
        control.sources.sources["west"] = Read(rules, reason="", remembered=View("west", uid="w"))
        views.uids = (("west", "w"),)
        for uid in ("", "w"):
            with pytest.raises(RequestRefused):
                await control.changes.forget("west", uid)
        with pytest.raises(RequestRefused, match="west is configured"):
            await control.changes.foresee("west")
        views.set_ledger(SetLedger("east", structs.replace(ledger("east"), uids=(("west", "x"),))))
        assert (await control.changes.foresee("west")).rebuilt == "w", "east is to be told"
        views.set_ledger(SetLedger("east", ClaimSet()))
        await control.changes.set_fence("west", True)
        with pytest.raises(RequestRefused, match="west is configured"):
            await control.changes.foresee("west")


async def test_nothing_is_imported_for_a_cluster_that_keeps_a_ledger(place: Place) -> None:
    place.write("west", entries("c") + vip_ledger("west"))
    theirs = claim("old.ns", "240.128.0.99", START, "west")
    async with running(place) as control:
        assert await control.changes.import_claims([theirs]) == 0
        assert theirs not in control.registry.claims.of_host(theirs.host)
