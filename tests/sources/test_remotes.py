"""Remote secrets as they come, change and go."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from globaldns.kube.watch import Begun, Found, Listed, Removed
from globaldns.sources.remotes import Remotes
from globaldns.sources.secrets import RemoteSettings
from tests.app.meshes import until
from tests.kube.fake import FakeApiServer
from tests.sources.remote_secrets import NAMESPACE, config, following, of_secrets, secret


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer() as running:
        running.put(secret("w", west=config("w")))
        yield running


@pytest.mark.parametrize("streaming", [True, False])
async def test_secrets_come_change_and_go(
    server: FakeApiServer,
    streaming: bool,  # noqa: FBT001
) -> None:
    server.streaming_lists = streaming
    for number in range(3):
        server.put(secret(f"n{number}", **{f"north{number}": config()}))
    server.put(secret("other", labelled=False, south=config()))
    async with following(of_secrets(server)) as one:
        await until(lambda: one.clusters == {"west", "north0", "north1", "north2"})
        assert one.remotes.are_known
        server.put(secret("w", west=config("new"), east=config()))
        await until(lambda: one.text("west") == config("new"))
        assert "east" in one.clusters
        server.delete("secrets", "w", NAMESPACE)
        await until(lambda: one.clusters == {"north0", "north1", "north2"})
        server.put(secret("w", west=config("newest")))
        await until(lambda: one.text("west") == config("newest"))
        server.put(secret("w", labelled=False, west=config()))
        await until(lambda: "west" not in one.clusters)


async def test_nothing_is_known_before_all_are_listed(server: FakeApiServer) -> None:
    server.deny(resource="secrets")
    async with following(of_secrets(server)) as one:
        await until(lambda: bool(one.remotes.failure))
        assert not one.remotes.are_known
        assert one.known == []
        server.allow()
        await until(lambda: one.clusters == {"west"})
        assert (one.remotes.are_known, one.remotes.failure) == (True, "")


async def test_silence_is_no_deletion(server: FakeApiServer) -> None:
    async with following(of_secrets(server)) as one:
        await until(lambda: one.remotes.are_known)
        server.deny(resource="secrets")
        server.compact()
        server.cut_watches()
        await until(lambda: bool(one.remotes.failure))
        assert one.clusters == {"west"}
        server.allow()
        await until(lambda: not one.remotes.failure)
        await server.stop()
        await until(lambda: bool(one.remotes.failure))
        await server.start()
        await until(lambda: not one.remotes.failure)
        assert all(known == {"west": config("w")} for known in one.known)


async def test_while_none_is_left_that_is_known(server: FakeApiServer) -> None:
    async with following(of_secrets(server)) as one:
        await until(lambda: one.clusters == {"west"})
        server.compact()
        server.stall_watches()
        server.delete("secrets", "w", NAMESPACE)
        server.cut_watches(abruptly=True)
        server.stall_watches(False)
        await until(lambda: one.known[-1] == {})


def test_a_secret_that_is_deleted_in_the_middle_of_a_list_is_gone_after_it(
    tmp_path: Path,
) -> None:
    one = Remotes(RemoteSettings("home", None, NAMESPACE, tmp_path), lambda: None)
    item = msgspec.Raw(json.dumps(secret("w", west=config())).encode())
    for notice in (Begun(), Found(item), Removed(item), Listed()):
        one._take(notice)
    assert one.clusters.access == {}


async def test_ones_own_cluster_is_none_of_them(server: FakeApiServer) -> None:
    server.put(secret("e", east=config()))
    async with following(of_secrets(server, own="west")) as one:
        await until(lambda: one.clusters == {"east"})
        assert [(r.cluster, r.is_harmless) for r in one.remotes.refused] == [("west", True)]


async def test_secrets_that_cannot_be_read_are_among_what_is_not_used(
    server: FakeApiServer,
) -> None:
    server.deny(resource="secrets")
    async with following(of_secrets(server)) as one:
        await until(lambda: bool(one.remotes.refused))
        (unread,) = one.remotes.refused
        assert (unread.place, unread.cluster) == (f"Secret {NAMESPACE}/*", "")
        assert (unread.reason, one.remotes.failure) == ("may not be read", "may not be read")
        server.allow()
        await until(lambda: one.remotes.refused == ())


async def test_what_is_refused_is_logged_once_and_shows_no_token(
    server: FakeApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.put(secret("bad", north="very-secret: [", south="very-secret"))
    async with following(of_secrets(server)) as one:
        await until(lambda: len(one.remotes.clusters.refused) == 2)
        server.put(secret("n", new=config()))
        await until(lambda: "new" in one.clusters)
    assert caplog.text.count("a remote secret is not used") == 2
    shown = caplog.text + repr([vars(record) for record in caplog.records])
    assert "very-secret" not in shown + repr(one.remotes.clusters)


async def test_a_directory_has_a_file_for_each_cluster(tmp_path: Path) -> None:
    (tmp_path / "west.yaml").write_text(config("w"))
    (tmp_path / "north").write_text(config("n"))
    (tmp_path / ".hidden").write_text(config())
    (tmp_path / "..data").mkdir()
    (tmp_path / "bad").write_bytes(b"\xff")
    async with following(RemoteSettings("home", None, NAMESPACE, tmp_path)) as one:
        await until(lambda: one.clusters == {"west", "north"})
        assert one.remotes.are_known
        assert [refused.cluster for refused in one.remotes.clusters.refused] == ["bad"]
        (tmp_path / "west.yaml").write_text(config("new"))
        await until(lambda: one.text("west") == config("new"))
        (tmp_path / "north").unlink()
        await until(lambda: one.clusters == {"west"})


async def test_a_directory_that_cannot_be_read_is_silence(tmp_path: Path) -> None:
    place = tmp_path / "kubeconfigs"
    async with following(RemoteSettings("home", None, NAMESPACE, place)) as one:
        await until(lambda: bool(one.remotes.failure))
        assert not one.remotes.are_known
        assert [r.place for r in one.remotes.refused] == [f"Kubeconfig {place}/*"]
        assert one.known == []
        place.mkdir()
        (place / "west").write_text(config())
        await until(lambda: one.clusters == {"west"})
        place.rename(tmp_path / "away")
        (tmp_path / "away" / "west").unlink()
        await until(lambda: not place.exists())
        assert one.clusters == {"west"}


async def test_secrets_and_files_are_both_read(server: FakeApiServer, tmp_path: Path) -> None:
    (tmp_path / "east").write_text(config())
    settings = msgspec.structs.replace(of_secrets(server), directory=tmp_path)
    async with following(settings) as one:
        await until(lambda: one.clusters == {"east", "west"})
        await until(lambda: one.remotes.are_known)
