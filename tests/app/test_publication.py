"""What turns publish, and what a start answers until every source was heard."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from immutables import Map

from globaldns.app.publication import Publication
from globaldns.app.serials import Serials
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.model.host import Host
from globaldns.model.service import Service, ServiceState
from globaldns.model.snapshot import Answering, Entry, ZoneDelta, to_entry
from globaldns.registry.delta import Delta
from globaldns.state import StateDirectory
from tests.app.meshes import START
from tests.registry.mesh import HTTP, export, vip

ANSWERED = (ServiceState.READY, ServiceState.NONE, ServiceState.CLAIMED)


def service(
    host: str, number: int = 1, *, state: ServiceState = ServiceState.READY, changed_at: int = 1
) -> Service:
    return Service(
        host=Host(host),
        zones=("global",),
        state=state,
        vips=(vip(f"240.128.0.{number}"),),
        ports=HTTP,
        contributions=(export(host),),
        changed_at=changed_at,
        rule="given",
    )


UNNUMBERED = service("a.ns", state=ServiceState.UNNUMBERED)


class Published:
    """A publication, its table, and the services that stand behind it."""

    def __init__(self, state: StateDirectory, *remembered: Service) -> None:
        self.scribe = Scribe(Table())
        serials = Serials(state, START)
        entries = tuple(map(to_entry, remembered))
        if entries:
            self.scribe.apply(ZoneDelta(serials.current, complete=False, puts=entries))
        self.publication = Publication(self.scribe, serials, self.scribe.entries())
        self.services: Map[Host, Service] = Map()

    @property
    def serial(self) -> int | None:
        return self.scribe.serial

    def turn(self, *services: Service, removed: Iterable[str] = (), complete: bool = False) -> bool:
        gone = tuple(map(Host, removed))
        self._take(services, gone)
        delta = Delta(complete=complete, services=services, removed=gone)
        return self.publication.publish(delta, self.services)

    def settle(self, *services: Service) -> bool:
        gone = tuple({*self.services} - {one.host for one in services})
        self._take(services, gone)
        delta = Delta(complete=True, services=services, removed=gone)
        return self.publication.settle(delta, self.services)

    def answers(self) -> dict[Host, Entry]:
        return {entry.host: entry for entry in self.scribe.entries()}

    def _take(self, services: Iterable[Service], gone: Iterable[Host]) -> None:
        left = {host: one for host, one in self.services.items() if host not in set(gone)}
        self.services = Map(left | {one.host: one for one in services})


def answering(*services: Service) -> dict[Host, Entry]:
    return {one.host: to_entry(one) for one in services}


@pytest.fixture
def start(state: StateDirectory) -> Callable[..., Published]:
    return lambda *remembered: Published(state, *remembered)


def test_what_a_turn_changes_is_answered(start: Callable[..., Published]) -> None:
    published = start()
    assert published.turn(service("a.ns"), service("b.ns", 2))
    assert published.turn(service("a.ns", 3), removed=["b.ns"])
    assert published.answers() == answering(service("a.ns", 3))


def test_a_publication_has_one_serial_however_much_it_changes(
    start: Callable[..., Published],
) -> None:
    published = start()
    published.turn(service("a.ns"))
    before = published.serial or 0
    published.turn(service("a.ns", 3), service("b.ns", 2), service("c.ns", 4))
    assert published.serial == published.publication.snapshot.serial == before + 1


def test_the_first_publication_has_a_serial_though_it_has_no_name(
    start: Callable[..., Published],
) -> None:
    published = start()
    assert published.serial is None
    assert published.turn()
    assert published.serial == START + 1
    assert not published.turn()
    assert published.serial == START + 1


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"contributions": (export("a.ns"), export("a.ns", created_at=9))},
    ],
    ids=["nothing", "what-clients-do-not-see"],
)
def test_a_change_that_nobody_is_answered_keeps_the_serial(
    change: dict[str, object], start: Callable[..., Published]
) -> None:
    published = start()
    published.turn(service("a.ns"))
    before = published.serial
    changed = msgspec.structs.replace(service("a.ns"), **change)
    assert not published.turn(changed)
    assert published.serial == published.publication.snapshot.serial == before
    assert published.publication.snapshot.services[Host("a.ns")] == changed


def test_the_snapshot_is_what_was_published(start: Callable[..., Published]) -> None:
    published = start()
    published.turn(service("a.ns"), complete=True)
    snapshot = published.publication.snapshot
    assert (snapshot.services, snapshot.complete) == (published.services, True)
    published.turn(complete=False)
    assert not published.publication.snapshot.complete


@pytest.mark.parametrize("complete", [False, True])
def test_an_absent_name_is_denied_once_all_is_known(
    complete: bool,  # noqa: FBT001
    start: Callable[..., Published],
) -> None:
    published = start()
    published.turn(service("a.ns"), complete=complete)
    published.scribe.confirm(0.0)
    assert published.scribe.table.is_complete is complete


def test_until_all_was_heard_no_remembered_name_is_taken_away(
    start: Callable[..., Published],
) -> None:
    published = start(service("a.ns"))
    assert not published.turn(removed=["a.ns"])
    assert published.answers() == answering(service("a.ns"))
    assert published.settle()
    assert published.answers() == {}


@pytest.mark.parametrize("state_of", sorted(set(ServiceState) - set(ANSWERED)))
def test_until_all_was_heard_no_remembered_name_is_made_to_fail(
    state_of: ServiceState, start: Callable[..., Published]
) -> None:
    published = start(service("a.ns"))
    failing = service("a.ns", state=state_of)
    assert not published.turn(failing)
    assert published.answers() == answering(service("a.ns"))
    assert published.settle(failing)
    assert published.answers() == answering(failing)


def test_until_all_was_heard_names_are_added_and_renewed(start: Callable[..., Published]) -> None:
    published = start(service("a.ns"))
    assert published.turn(service("a.ns", 9), service("b.ns", 2))
    assert published.answers() == answering(service("a.ns", 9), service("b.ns", 2))


def test_a_name_that_was_renewed_may_be_again_what_is_remembered(
    start: Callable[..., Published],
) -> None:
    published = start(service("a.ns"))
    published.turn(service("a.ns", 9))
    assert published.turn(service("a.ns"))
    assert published.answers() == answering(service("a.ns"))


def test_a_name_that_was_remembered_as_failing_may_be_taken_away(
    start: Callable[..., Published],
) -> None:
    published = start(UNNUMBERED)
    assert published.turn(removed=["a.ns"])
    assert published.answers() == {}


def test_a_name_that_is_as_it_is_remembered_keeps_the_serial(
    start: Callable[..., Published],
) -> None:
    published = start(service("a.ns"))
    before = published.serial
    assert not published.turn(service("a.ns"))
    assert not published.settle(service("a.ns"))
    assert published.serial == before == START


def test_when_all_was_heard_names_go_like_any_others(start: Callable[..., Published]) -> None:
    published = start(service("a.ns"), service("b.ns", 2))
    published.settle(service("a.ns"), service("b.ns", 2))
    assert published.turn(service("a.ns", state=ServiceState.EXHAUSTED), removed=["b.ns"])
    assert [one.answering for one in published.answers().values()] == [Answering.FAILURE]


HOSTS = st.sampled_from(["a.ns", "b.ns", "c.ns", "d.ns"])
SERVICES = st.builds(
    lambda host, number, state: service(host, number, state=state),
    HOSTS,
    st.integers(1, 3),
    st.sampled_from(ServiceState),
)
MESHES = st.lists(SERVICES, unique_by=lambda one: one.host, max_size=4)


@given(remembered=MESHES, heard=MESHES, removed=st.sets(HOSTS), whole=MESHES)
def test_a_half_heard_mesh_only_adds_and_a_whole_one_is_all_there_is(
    remembered: list[Service],
    heard: list[Service],
    removed: set[str],
    whole: list[Service],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    published = Published(StateDirectory(tmp_path_factory.mktemp("state")), *remembered)
    before = published.answers()
    published.turn(*heard, removed=removed - {one.host for one in heard})
    after = published.answers()
    for host, entry in before.items():
        if entry.answering is not Answering.FAILURE:
            assert after[host].answering is not Answering.FAILURE
    for one in heard:
        entry, former = to_entry(one), before.get(one.host)
        if former is None or entry.answering <= former.answering:
            assert after[one.host] == entry
    published.settle(*whole)
    assert published.answers() == answering(*whole)
