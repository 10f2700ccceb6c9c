"""Renumbering where the ledger is in Kubernetes."""

from __future__ import annotations

import asyncio

import pytest
import yaml

from globaldns.app.wishing import wish_other_numbers
from globaldns.errors import ApiError, RequestRefused
from globaldns.model.host import Host
from tests.app.meshes import Place
from tests.apply.clusters import GLOBAL_SERVICES, NAME
from tests.apply.showing import NOW, manifest
from tests.kube.fake import FakeApiServer

A = Host("a.ns")


def configure(place: Place, server: FakeApiServer) -> None:
    path = place.folder / "kubeconfig"
    path.write_text(yaml.safe_dump(server.kubeconfig()))
    kubernetes = {"kubernetes": {"kubeconfig": str(path)}}
    place.configure(clusters={"east": {"source": kubernetes}}, vips={"ledger": {"kubernetes": {}}})


async def test_what_moves_is_told_with_the_number_of_before(place: Place) -> None:
    async with FakeApiServer(GLOBAL_SERVICES) as server:
        configure(place, server)
        vips = [{"address": "240.128.0.7", "kind": "given"}]
        server.put(manifest("a", status={"vips": vips}))
        (move,) = await asyncio.to_thread(wish_other_numbers, place.config, [A], NOW)
        assert (move.host, move.old, move.new, move.reason) == (
            *("a.ns", ("240.128.0.7",), (), "wished"),
        )
        found = server.get(NAME, "a", "ns")
        assert found is not None
        assert found["spec"] == {"renumber": "2026-01-02T03:04:05Z"}


async def test_a_host_that_has_no_object_is_refused(place: Place) -> None:
    async with FakeApiServer(GLOBAL_SERVICES) as server:
        configure(place, server)
        with pytest.raises(RequestRefused, match="there is no GlobalService ns/a"):
            await asyncio.to_thread(wish_other_numbers, place.config, [A], NOW)


def test_an_api_server_that_cannot_be_reached_is_told(place: Place) -> None:
    server = FakeApiServer(GLOBAL_SERVICES)
    configure(place, server)
    with pytest.raises(ApiError, match="cannot be reached"):
        wish_other_numbers(place.config, [A], NOW)
    server._reserved.close()


def test_a_mesh_of_directories_has_nothing_to_wish_in(place: Place) -> None:
    with pytest.raises(RequestRefused, match="no API server"):
        wish_other_numbers(place.config, [A], NOW)
