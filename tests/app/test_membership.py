"""Which clusters there are: listed, named by remote secrets, and remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globaldns.app.membership import FILE, KEEP_SECONDS, Membership, remote_settings
from globaldns.config.kinds import ClusterId
from globaldns.kube.kubeconfig import Access
from globaldns.sources.secrets import Refused, RemoteClusters
from globaldns.state import StateDirectory
from tests.app.meshes import Place, block, until
from tests.sources.remote_secrets import config


class Members:
    """A membership whose remote secrets are files, and whose clock is the test's."""

    def __init__(self, place: Place, state: StateDirectory) -> None:
        self.folder = place.folder / "kubeconfigs"
        self.folder.mkdir(exist_ok=True)
        self.now = 1000
        self.changes = 0
        self.unheard: set[str] = set()
        """Clusters of which nothing was ever read."""
        self.is_same = True
        """Whether the API server is the one that had the Secrets."""
        keys = {"remote_secrets": {"directory": "kubeconfigs"}}
        self.membership = Membership(
            state,
            place.configure(**keys),
            wall=lambda: self.now,
            changed=self._count,
            was_heard=lambda cluster: cluster not in self.unheard,
            is_same=lambda: self.is_same,
        )

    def _count(self) -> None:
        self.changes += 1

    def write(self, cluster: str, text: str) -> None:
        part = self.folder / ".part"
        part.write_text(text)
        part.replace(self.folder / cluster)

    def remove(self, cluster: str) -> None:
        (self.folder / cluster).unlink()

    def say(self, *there: str, refused: Iterable[str] = (), token: str = "t") -> None:
        """Have remote secrets say this, at once."""
        remotes = self.membership._remotes
        assert remotes is not None
        remotes._files = ()
        access = {cluster: Access(text=config(token)) for cluster in there}
        wrong = tuple(Refused("a", cluster, "wrong") for cluster in refused)
        remotes.clusters = RemoteClusters(access, wrong)
        self.membership._note()

    @property
    def clusters(self) -> set[str]:
        return set(self.membership.config.clusters)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.membership.run())
            yield
            running.cancel()


@pytest.fixture
def members(place: Place, state: StateDirectory) -> Members:
    return Members(place, state)


LISTED = {"east", "west"}


async def test_a_cluster_of_a_remote_secret_is_one_of_the_mesh(members: Members) -> None:
    async with members.run():
        await until(lambda: members.membership.are_known)
        members.write("north", config())
        await until(lambda: members.clusters == {*LISTED, "north"})
        assert members.membership.access("north") == Access(text=config())
        assert members.membership.access("nobody") is None


async def test_a_removed_secret_keeps_its_cluster_for_ten_minutes(members: Members) -> None:
    members.write("north", config())
    async with members.run():
        await until(lambda: "north" in members.clusters)
        members.remove("north")
        await until(lambda: members.membership.access("north") is None)
        assert "north" in members.clusters
        members.now += KEEP_SECONDS
        members.membership._wake.set()
        await until(lambda: members.clusters == LISTED)


@pytest.mark.parametrize(("seconds", "stays"), [(KEEP_SECONDS - 1, True), (KEEP_SECONDS, False)])
def test_the_time_counts_from_the_removal_on(
    members: Members,
    seconds: int,
    stays: bool,  # noqa: FBT001
) -> None:
    members.say("north")
    members.now += 5000
    members.say()
    members.now += seconds - 10
    members.say()
    members.now += 10
    members.membership._let_go()
    assert ("north" in members.clusters) is stays


def test_secrets_that_a_rebuilt_cluster_of_ours_lacks_are_no_word(members: Members) -> None:
    members.say("a")
    members.is_same = False
    members.say()
    members.now += KEEP_SECONDS
    members.membership._let_go()
    assert members.clusters == {*LISTED, "a"}
    members.is_same = True
    members.now += KEEP_SECONDS - 1
    members.membership._let_go()
    assert members.clusters == {*LISTED, "a"}, "the time counts from when it is ours again"
    members.now += 1
    members.membership._let_go()
    assert members.clusters == LISTED


def test_a_secret_that_is_made_anew_has_all_its_time_again(members: Members) -> None:
    members.say("north")
    members.say()
    members.now += KEEP_SECONDS - 1
    members.say("north", token="new")
    members.now += 1
    members.membership._let_go()
    assert "north" in members.clusters
    assert members.membership.access("north") == Access(text=config("new"))
    members.say()
    members.now += KEEP_SECONDS - 1
    members.membership._let_go()
    assert "north" in members.clusters


def test_a_secret_that_cannot_be_used_any_more_leaves_the_last_way_that_could(
    members: Members,
) -> None:
    members.say("north", token="good")
    members.say(refused=["north"])
    members.now += 10 * KEEP_SECONDS
    members.membership._let_go()
    assert "north" in members.clusters
    assert members.membership.access("north") == Access(text=config("good"))
    members.say("north", token="mended")
    assert members.membership.access("north") == Access(text=config("mended"))
    members.say()
    assert members.membership.access("north") is None, "whoever removes it ends what it allowed"


def test_what_could_never_be_used_is_no_cluster(members: Members) -> None:
    members.say(refused=["north"])
    assert members.clusters == LISTED


def test_what_was_never_heard_goes_with_its_secret(
    members: Members, place: Place, state: StateDirectory
) -> None:
    members.unheard = {"north", "south"}
    members.say("north", "south", "heard")
    members.say("north")
    assert members.clusters == {*LISTED, "north", "heard"}
    members.say()
    assert members.clusters == {*LISTED, "heard"}
    assert Members(place, state).clusters == {*LISTED, "heard"}, "nor is it remembered"


def test_why_a_secret_is_not_used_is_why_its_cluster_is_not_reached(members: Members) -> None:
    members.say(refused=["north"])
    refused = members.membership.reach("north")
    assert isinstance(refused, Refused)
    assert refused in members.membership.refused
    members.say("north", token="t")
    assert members.membership.reach("north") == Access(text=config("t"))
    assert members.membership.reach("nobody") is None


def test_a_clock_that_is_set_back_keeps_a_cluster_longer(members: Members) -> None:
    members.say("north")
    members.say()
    members.now -= 500
    members.membership._let_go()
    assert "north" in members.clusters
    assert members.membership._next() == KEEP_SECONDS + 500


def test_the_clusters_are_remembered_without_how_they_are_reached(
    members: Members, place: Place, state: StateDirectory
) -> None:
    members.say("north", "south", token="very-secret")
    members.say("north", token="very-secret")
    again = Members(place, state)
    assert again.clusters == {*LISTED, "north", "south"}
    assert again.membership.access("north") is None
    again.now += KEEP_SECONDS
    again.membership._let_go()
    assert again.clusters == {*LISTED, "north"}, "south was gone before, and is for ten minutes"
    assert b"very-secret" not in (state.path / FILE).read_bytes()


def test_before_remote_secrets_are_known_no_cluster_is_gone(
    members: Members, place: Place, state: StateDirectory
) -> None:
    members.say("north")
    again = Members(place, state)
    assert not again.membership.are_known
    again.membership._note()
    again.now += 10 * KEEP_SECONDS
    again.membership._let_go()
    assert "north" in again.clusters


def test_what_is_remembered_of_clusters_and_damaged_is_passed_over(
    members: Members, place: Place, state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    members.say("north")
    (state.path / FILE).write_bytes(b"nonsense")
    assert Members(place, state).clusters == LISTED
    assert "are not known" in caplog.text


def test_a_state_directory_that_cannot_be_written_stops_nothing(
    members: Members, state: StateDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    members.say("north")
    unblock = block(state.path)
    members.say("north", "south")
    assert {"north", "south"} <= members.clusters
    assert "are not remembered" in caplog.text
    unblock()


def test_the_file_of_the_configuration_says_more_than_a_secret(
    members: Members, place: Place
) -> None:
    members.say("west", "north")
    kubeconfig = place.folder / "k"
    source = {"source": {"kubernetes": {"kubeconfig": str(kubeconfig)}}}
    clusters = {"east": place.cluster("east"), "west": source, "north": {}}
    members.membership.obey(place.configure(clusters=clusters))
    assert members.membership.access("west") == Access(path=kubeconfig)
    assert members.membership.access("north") == Access(text=config())
    assert members.membership.config.clusters[ClusterId("west")].source.kubernetes is not None
    clusters.pop("north")
    members.membership.obey(place.configure(clusters=clusters))
    assert "north" in members.clusters, "its remote secret is there still"


def test_each_word_of_remote_secrets_is_told(members: Members) -> None:
    members.say("north")
    members.say()
    assert members.changes == 2
    members.now += KEEP_SECONDS
    members.membership._let_go()
    assert members.changes == 3
    members.membership._let_go()
    assert members.changes == 3


def test_without_remote_secrets_all_is_known(place: Place, state: StateDirectory) -> None:
    members = Membership(
        state,
        place.config,
        wall=lambda: 0,
        changed=lambda: None,
        was_heard=lambda _: True,
        is_same=lambda: True,
    )
    assert members.are_known
    assert members.clusters == RemoteClusters({})
    assert members.refused == ()
    assert set(members.config.clusters) == LISTED


def test_remote_secrets_are_where_the_configuration_says(place: Place) -> None:
    own = {"source": {"kubernetes": {"context": "c"}}}
    keys = {"clusters": {"east": own, "west": {}}, "namespace": "dns"}
    settings = remote_settings(place.configure(**keys))
    assert (settings.own, settings.namespace) == ("east", "dns")
    assert settings.access == Access(context="c")
    assert (settings.directory, settings.may_run) == (None, False)
    elsewhere = {"namespace": "istio-system", "directory": "k", "allow_exec": True}
    settings = remote_settings(place.configure(remote_secrets=elsewhere))
    assert settings.namespace == "istio-system"
    assert settings.directory == Path(place.folder / "k")
    assert settings.may_run
