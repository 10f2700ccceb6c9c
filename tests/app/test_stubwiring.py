"""Whether our own cluster has a DNS that can be kept."""

from __future__ import annotations

from pathlib import Path

from globaldns.app.stubwiring import make_stub_keeper
from tests.app.meshes import Place
from tests.app.test_stubbing import config_of
from tests.stubs.clusters import cluster


def test_a_cluster_of_files_has_none(place: Place) -> None:
    assert make_stub_keeper(lambda: place.config, lambda: "") is None


async def test_one_with_an_api_server_has(tmp_path: Path) -> None:
    async with cluster() as (server, _):
        config = config_of(server, tmp_path)
        keeper = make_stub_keeper(lambda: config, lambda: "")
        assert keeper is not None
        assert keeper.report().reason == "stub.manage is not set"
        await keeper.close()
