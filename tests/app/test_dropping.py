"""Clusters that were taken out of the configuration, and what they had claimed."""

from __future__ import annotations

import pytest
from msgspec import structs

from globaldns.errors import RequestRefused
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim
from globaldns.model.view import ClaimSet
from tests.app.meshes import Place
from tests.app.servers import controlled, numbered
from tests.registry.mesh import claim, ledger
from tests.sources.manifests import entries

MADE = 1_767_323_045
OURS = claim("a.ns", "240.128.0.7", MADE, "gone")
THEIRS = claim("b.ns", "240.128.0.8", MADE, "away")
SAID = ledger("away", THEIRS)


def age(file: SqliteLedger) -> None:
    """Have every cluster be dropped a day longer ago than a VIP rests."""
    file._connection.execute("UPDATE dropped SET since = since - 8 * 86400")


async def test_what_a_dropped_cluster_claimed_rests_once_the_quarantine_is_over(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.write("east", entries("c"))
    place.write("west", entries("d"))
    place.remember(OURS)
    with place.open_ledger() as file:
        file.copy("away", ClaimSet(), SAID)
    async with controlled(place) as control, numbered(control):
        registry, file = control.registry, control.ledger.ledger
        await control.releaser.release()
        told = [one.__dict__["cluster"] for one in caplog.records if "are held" in one.message]
        assert told == ["away", "gone"]
        assert [registry.claims.of_host(one.host) for one in (OURS, THEIRS)] == [(OURS,), (THEIRS,)]
        await control.ledger.run(age, file)
        await control.releaser.release()
        for one in (OURS, THEIRS):
            (ended,) = registry.claims.of_host(one.host)
            assert (ended.key, ended.reason) == (one.key, "dropped")
            assert registry.numbering.occupancy.is_resting(one.vip)
        assert await control.ledger.run(file.copies) == {}
        written = await control.ledger.run(file.claims)
        assert {known.key for known in written if known.is_retired} == {OURS.key, THEIRS.key}


async def test_a_cluster_that_is_configured_again_is_released_no_more(place: Place) -> None:
    place.write("east", entries("c"))
    place.write("west", entries("d"))
    place.remember(claim("d.ns", "240.128.0.7", MADE, "west"))
    async with controlled(place) as control, numbered(control):
        await control.ledger.run(control.ledger.ledger.dropped, {"east"}, 1)
        await control.releaser.release()
        assert not any(one.is_retired for one in control.registry.claims.of_cluster("west"))


@pytest.mark.parametrize("one", [OURS, THEIRS])
async def test_a_person_forgets_a_dropped_cluster_before_the_quarantine_is_over(
    one: Claim, place: Place
) -> None:
    place.write("east", entries("c"))
    place.write("west", entries("d"))
    place.remember(OURS)
    with place.open_ledger() as file:
        file.copy("away", ClaimSet(), SAID)
    async with controlled(place) as control, numbered(control):
        registry, file = control.registry, control.ledger.ledger
        foreseen = control.releaser.foresee(one.cluster)
        assert not registry.claims.of_host(one.host)[0].is_retired
        found = await control.releaser.forget(one.cluster)
        assert (found.cluster, found.vips, found.resting) == (one.cluster, 1, (one.host,))
        assert foreseen == structs.replace(found, done=False)
        (ended,) = registry.claims.of_host(one.host)
        assert ended.reason == "dropped"
        written = await control.ledger.run(file.claims)
        assert one.key in {known.key for known in written if known.is_retired}
        assert "away" not in await control.ledger.run(file.copies) or one is OURS


async def test_what_cannot_be_forgotten_is_refused_with_the_remedy(place: Place) -> None:
    place.write("east", entries("c"))
    place.write("west", entries("d"))
    place.remember(OURS)
    async with controlled(place) as control, numbered(control):
        with pytest.raises(RequestRefused, match="west is configured") as configured:
            await control.releaser.forget("west")
        assert "remove clusters.west from the configuration" in configured.value.hint
        with pytest.raises(RequestRefused, match="'nope'") as unknown:
            await control.releaser.forget("nope")
        assert unknown.value.hint == "those that do are gone"
        await control.releaser.forget("gone")
        with pytest.raises(RequestRefused, match="'gone'") as again:
            await control.releaser.forget("gone")
        assert again.value.hint == "none does"


async def test_nothing_is_forgotten_before_all_is_heard(place: Place) -> None:
    place.remember(OURS)
    async with controlled(place) as control:
        with pytest.raises(RequestRefused, match="not every source was read yet"):
            await control.releaser.forget("gone")
        assert not control.registry.claims.of_cluster("gone")[0].is_retired
