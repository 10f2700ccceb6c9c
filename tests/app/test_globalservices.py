"""What the GlobalServices of a running server are told, and how a wish is obeyed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from globaldns.admin.reports import MoveReport
from globaldns.app.globalservices import GlobalServicesNews, hosts_by_change, obey_wish
from globaldns.errors import RequestRefused
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.model.view import Freshness, SetFreshness, SourceState
from globaldns.registry.delta import Delta, Move
from globaldns.registry.registry import Registry
from tests.app.meshes import Place
from tests.app.servers import controlled
from tests.registry.mesh import A, both, claim, export, remember, reset, settings, settled

pytestmark = pytest.mark.usefixtures("logs_as_before")


class Noted:
    """Takes what would be looked at."""

    pending = 0

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self.moves: list[Move] = []

    def note(self, hosts: Iterable[Host], moves: Iterable[Move] = ()) -> None:
        self.hosts = set(hosts)
        self.moves = [*moves]


def listening(registry: Registry) -> tuple[GlobalServicesNews, Noted]:
    noted = Noted()
    news = GlobalServicesNews(registry, noted)  # type: ignore[arg-type]
    news.tell(Delta(complete=True))
    return news, noted


def test_what_a_turn_changes_is_looked_at() -> None:
    registry = both(export("a.ns"), export("b.ns"), export("c.ns"))
    news, noted = listening(registry)
    news.tell(Delta(complete=True))
    assert noted.hosts == set()
    delta = registry.apply([reset("east", export("a.ns", pins=["240.0.0.5"]), export("b.ns"))], 20)
    news.tell(delta)
    assert noted.hosts == {"a.ns", "c.ns"}
    news.tell(remember(registry, delta, 20))
    assert noted.hosts == {"a.ns"}
    assert [move.host for move in noted.moves] == ["a.ns"]


def test_where_a_cluster_stands_otherwise_all_that_it_has_is_looked_at() -> None:
    registry = both(export("a.ns"), export("b.ns", "west"), export("c.ns", "west"))
    news, noted = listening(registry)
    silent = SetFreshness(Freshness("west", SourceState.SILENT, 1, zones=("global",)))
    news.tell(registry.apply([silent], 20))
    assert noted.hosts == {"b.ns", "c.ns"}
    news.tell(registry.apply([silent], 21))
    assert noted.hosts == set()


def test_how_a_fenced_cluster_stands_is_looked_at_too() -> None:
    registry = settled(
        Registry(settings(fenced=["west"])), reset("east"), reset("west", export("b.ns", "west"))
    )
    news, noted = listening(registry)
    news.tell(registry.apply([SetFreshness(Freshness("west", SourceState.SILENT, 1))], 20))
    assert noted.hosts == {"b.ns"}


def test_hosts_come_in_the_order_of_their_last_change() -> None:
    registry = both(export("a.ns"), export("b.ns"))
    changes = reset("east", export("a.ns", pins=["240.0.0.5"]), export("b.ns"))
    remember(registry, registry.apply([changes], 20), 20)
    assert hosts_by_change(registry) == ["b.ns", "a.ns"]


class Renumbered:
    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def __call__(self, hosts: Sequence[Host]) -> Sequence[MoveReport]:
        self.hosts += hosts
        return ()


async def test_a_wish_is_obeyed_for_what_our_cluster_exports() -> None:
    renumbered = Renumbered()
    await obey_wish(both(export("a.ns")), A, 100, renumbered)
    assert renumbered.hosts == ["a.ns"]


async def test_a_wish_for_what_only_others_export_is_refused() -> None:
    renumbered = Renumbered()
    with pytest.raises(RequestRefused, match="east does not export it"):
        await obey_wish(both(export("a.ns", "west")), A, 100, renumbered)
    assert renumbered.hosts == []


@pytest.mark.parametrize(
    ("chosen_at", "cluster", "kind", "retired_at", "is_done"),
    [
        (100, "east", ClaimKind.CHOSEN, None, True),
        (99, "east", ClaimKind.CHOSEN, None, False),
        (100, "west", ClaimKind.CHOSEN, None, False),
        (100, "east", ClaimKind.GIVEN, None, False),
        (100, "east", ClaimKind.CHOSEN, 101, False),
    ],
)
async def test_a_wish_that_was_obeyed_before_a_crash_is_not_obeyed_again(
    chosen_at: int, cluster: str, kind: ClaimKind, retired_at: int | None, *, is_done: bool
) -> None:
    known = claim("a.ns", "240.128.0.9", chosen_at, cluster, kind=kind, retired_at=retired_at)
    registry = settled(
        Registry(settings(), [known]), reset("east", export("a.ns")), reset("west"), now=200
    )
    renumbered = Renumbered()
    await obey_wish(registry, A, 100, renumbered)
    assert renumbered.hosts == ([] if is_done else ["a.ns"])


async def test_a_mesh_of_directories_has_none(place: Place) -> None:
    async with controlled(place) as control:
        assert control.global_services is None
        sample = control.metrics.registry.get_sample_value
        assert sample("globaldns_status_pending") == 0


async def test_a_server_with_an_api_server_of_its_own_keeps_them(place: Place) -> None:
    kubeconfig = {"kubernetes": {"kubeconfig": str(Path("kubeconfig"))}}
    place.configure(
        clusters={"east": {"source": kubeconfig}}, routing={"status_writes_per_second": 7}
    )
    async with controlled(place) as control:
        assert control.global_services is not None
        control.mesh.take_turn()
        await control.global_services.services.close()
