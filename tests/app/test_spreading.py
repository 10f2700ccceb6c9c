"""A person's word on a cluster goes to every cluster that can be reached; one suffices."""

from __future__ import annotations

import yaml

from globaldns.app.spreading import spread
from globaldns.kube.kubeconfig import Access
from globaldns.model.export import Origin
from globaldns.model.view import Fence
from tests.kube.fake import FakeApiServer, Resource

FENCES = Resource("globaldns.io", ("v1alpha1",), "clusterfences", "ClusterFence", namespaced=False)
WORD = Fence("west", True, 1_767_323_045, Origin("Command", "", "x"))


def way(server: FakeApiServer) -> Access:
    return Access(text=yaml.safe_dump(server.kubeconfig("any")))


async def test_every_cluster_that_answers_holds_it_and_of_the_others_it_is_told_why() -> None:
    async with FakeApiServer(FENCES) as east, FakeApiServer(FENCES) as north:
        north.deny("create", "clusterfences.globaldns.io")
        dead = FakeApiServer(FENCES)
        async with dead:
            gone = way(dead)
        ways = {"east": way(east), "north": way(north), "west": gone}
        found = await spread(WORD, ways, owner="east")
        assert found["east"] == ""
        assert found["north"] == "its account may not write there"
        assert "cannot be reached" in found["west"]
        (written,) = east.objects("clusterfences.globaldns.io")
        assert written["spec"]["cluster"] == "west"


async def test_without_api_servers_there_is_nothing_to_tell() -> None:
    assert await spread(WORD, {}, owner="east") == {}
