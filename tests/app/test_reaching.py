"""API servers asked once, for commands without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
import yaml

from globaldns.app import reaching
from globaldns.app.ledgers import verify_ledger
from globaldns.app.offline import look_offline
from globaldns.config.schema import Config
from globaldns.errors import LedgerError
from globaldns.ledger.shards import shard_of
from globaldns.model.host import Host
from globaldns.model.view import Freshness, SourceState, View
from globaldns.sources.awaited import AwaitedSource
from globaldns.sources.secrets import RemoteClusters
from tests.app.meshes import Place
from tests.kube.fake import FakeApiServer
from tests.registry.mesh import export
from tests.sources.manifests import entries, hosts
from tests.sources.reading import DEFINED, access
from tests.sources.served import entry, line, vip_ledger

NOBODY = RemoteClusters({})
FUTURE = {"id": "future", "created": "2090-01-01T00:00:00Z"}
REMEMBERED = View(
    "west",
    (export("old.ns", "west"),),
    freshness=Freshness("west", SourceState.SYNCED, 5, zones=("global",)),
)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer(*DEFINED.values()) as running:
        running.put(entry("w"))
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "FAILED_SECONDS", 0.05)
    monkeypatch.setattr(reaching, "LOOK_SECONDS", 0.005)


def configured(place: Place, server: FakeApiServer, cluster: str = "west") -> Config:
    """Return a configuration in which one cluster has this API server."""
    file = place.folder / "kubeconfig"
    file.write_text(yaml.safe_dump(server.kubeconfig()))
    reached = {"source": {"kubernetes": {"kubeconfig": str(file)}}}
    clusters = {name: place.cluster(name) for name in ("east", "west")} | {cluster: reached}
    return place.configure(clusters=clusters, namespace="globaldns-system")


async def test_a_cluster_is_read_once_and_a_directory_is_not_asked(
    place: Place, server: FakeApiServer
) -> None:
    config = configured(place, server)
    found = await reaching._read_servers(config, NOBODY, {"west": REMEMBERED}, {})
    assert set(found) == {"west"}
    assert hosts(found["west"].view()) == {"w"}, "whoever asks once waits for nothing that is late"
    assert found["west"].freshness.state is SourceState.SYNCED


async def test_of_a_server_that_does_not_answer_the_last_view_stands(
    place: Place, server: FakeApiServer
) -> None:
    config = configured(place, server)
    await server.stop()
    found = await reaching._read_servers(config, NOBODY, {"west": REMEMBERED}, {})
    assert hosts(found["west"].view()) == {"old"}
    assert (found["west"].freshness.state, found["west"].freshness.contact) == (
        SourceState.REMEMBERED,
        5,
    )
    assert found["west"].findings()


async def test_clusters_of_remote_secrets_are_read_by_them(
    place: Place, server: FakeApiServer
) -> None:
    folder = place.folder / "kubeconfigs"
    folder.mkdir()
    (folder / "west").write_text(access(server).text or "")
    place.write("east", entries("a"))
    clusters = {"east": place.cluster("east"), "west": {}, "north": {}}
    secrets = {"directory": "kubeconfigs", "allow_exec": True}
    config = place.configure(clusters=clusters, remote_secrets=secrets)
    remote = await reaching._read_remotes(config)
    assert set(remote.access) == {"west"}
    found = await reaching._read_servers(config, remote, {}, {})
    assert hosts(found["west"].view()) == {"w"}
    assert isinstance(found["north"], AwaitedSource)


async def test_without_remote_secrets_there_is_nobody_to_ask(place: Place) -> None:
    assert await reaching._read_remotes(place.config) == NOBODY


async def test_why_a_remote_secret_is_not_used_is_why_its_cluster_is_not_read(
    place: Place, server: FakeApiServer
) -> None:
    folder = place.folder / "kubeconfigs"
    folder.mkdir()
    (folder / "north").write_text((access(server).text or "").replace("http:", "ftp:"))
    clusters = {"east": place.cluster("east"), "north": {}}
    config = place.configure(clusters=clusters, remote_secrets={"directory": "kubeconfigs"})
    remote = await reaching._read_remotes(config)
    found = await reaching._read_servers(config, remote, {}, {})
    assert "no URL of http or https" in found["north"].freshness.reason
    (answer,) = (await reaching._ask_servers(config, remote, "/")).values()
    assert "no URL of http or https" in str(answer)


async def test_the_shared_ledger_is_read_as_it_stands(place: Place, server: FakeApiServer) -> None:
    config = configured(place, server, "east")
    read = partial(asyncio.to_thread, reaching.read_shared_ledger, config)
    assert await read() is None
    server.put(vip_ledger(f"own-{shard_of(Host('a.ns')):03x}", line("a.ns", 7)))
    server.put(vip_ledger("own-000", uids={"east": "e"}, marker=FUTURE))
    server.put(vip_ledger("mine", line("b.ns", 8)))
    found = await read()
    assert found is not None
    assert (found.marker.id, found.uids) == ("m", (("east", "e"),))
    assert [one.host for one in found.claims] == ["a.ns"]
    reasons = {one.object: one.reason for one in found.findings}
    assert reasons["VIPLedger mine"].startswith("has a name that no part of a ledger has")
    assert "begun in the future" in reasons["VIPLedger own-000"]
    shared = place.configure(vips={"ledger": {"kubernetes": {}}})
    mesh = await asyncio.to_thread(look_offline, shared, 1_800_000_000)
    assert {*found.findings} <= {*mesh.findings()}
    server.deny(resource="vipledgers")
    with pytest.raises(LedgerError, match="cannot be read") as refusal:
        await reaching._read_shelf(config)
    assert "cluster roles" in refusal.value.hint


async def test_what_stands_in_the_place_of_a_shared_ledger_is_told_where_none_of_it_counts(
    place: Place, server: FakeApiServer
) -> None:
    configured(place, server, "east")
    server.put(vip_ledger("mine", line("a.ns", 7)))
    shared = place.configure(vips={"ledger": {"kubernetes": {}}})
    mesh = await asyncio.to_thread(look_offline, shared, 1_800_000_000)
    (told,) = [one for one in mesh.findings() if one.object == "VIPLedger mine"]
    assert "has a name that no part of a ledger has" in told.reason
    assert await asyncio.to_thread(verify_ledger, shared) is None


async def test_a_shared_ledger_wants_an_api_server_of_our_own(place: Place) -> None:
    with pytest.raises(LedgerError, match="no API server"):
        await reaching._read_shelf(place.config)
