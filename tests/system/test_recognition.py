"""Servers among clusters that are not what their names say, and objects that are not theirs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.system.api_servers import MANAGER, ApiServer, Object
from tests.system.running import wait_until
from tests.system.sites import NAMESPACE, Site, Sites, namespace, remote_secret, service


def export(sites: Sites, cluster: str, name: str) -> str:
    sites[cluster].api.apply(service(name, "shop"))
    return sites.wait_agreed(f"{name}.shop.global")


@pytest.mark.timeout(600)
def test_a_rebuilt_cluster_is_not_taken_for_the_old_one_by_servers_that_remember_nothing(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path: Path
) -> None:
    # Nothing is decided before all are heard, however slow the machine is.
    sites = Sites(tmp_path / "sites", lend_api_servers(3), grace="300s")
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    try:
        sites.serve()
        mine, both = export(sites, "west", "mine"), export(sites, "west", "both")
        assert export(sites, "north", "both") == both
        former = {site.name: site.api.uid for site in sites}
        _wait_known(sites, former)
        for site in (sites["east"], sites["north"]):
            wait_until(partial(_has_copied, site, "mine.shop", "both.shop"), "west's is copied")
        _rebuild_and_forget_all(sites)
        sites.serve()
        for site in sites:
            _see_stranger(site)
            assert site.server.addresses("mine.shop.global") == (mine,)
            assert site.server.addresses("both.shop.global") == (both,)
            assert site.server.rcode("other.shop.global") == "SERVFAIL"
        _wait_alike(sites)
        _wait_known(sites, former)
        accepted = sites["east"].replica().run("cluster", "forget", "west")
        assert "the word stands in east, north, west" in accepted.stderr, accepted.stderr
        assert sites.wait_agreed("other.shop.global")
        assert sites.wait_agreed("both.shop.global") == both
        _wait_alike(sites)
        _wait_known(sites, {**former, "west": sites["west"].api.uid})
        assert {site.server.metric(_STRANGE) for site in sites} == {0}
    finally:
        sites.close()


_STRANGE = 'globaldns_source_other{cluster="west"}'


def _rebuild_and_forget_all(sites: Sites) -> None:
    """Rebuild west, with another service, and have all servers end and remember nothing."""
    for site in sites:
        site.server.kill()
        shutil.rmtree(site.replica().state)
    west = sites["west"]
    west.api.rebuild()
    west.prepare()
    west.api.apply(namespace("shop"))
    west.api.apply(service("other", "shop"))
    for other in ("east", "north"):
        west.know(sites[other], port=sites.wire("west", other).port)


def _see_stranger(site: Site) -> None:
    """See that a server tells of the cluster that it does not know, wherever people look."""
    site.server.wait_log("another cluster answers than before")
    wait_until(lambda: site.server.metric(_STRANGE) == 1, "it is measured")
    for command in (("cluster", "list"), ("check",)):
        said = site.replica().run(*command)
        assert "another cluster answers than before" in said.stdout, said.stderr


def _wait_known(sites: Sites, uids: dict[str, str]) -> None:
    """Look until every cluster's ledger takes the names for these clusters."""
    wait_until(lambda: all(_known(site) == uids for site in sites), "all keep who is who")


def _wait_alike(sites: Sites) -> None:
    """Look until all servers answer the same."""
    wait_until(lambda: len(_digests(sites)) == 1, f"all answer the same: {_digests(sites)}")


def _has_copied(site: Site, *hosts: str) -> bool:
    """Whether the ledger of a cluster has copies of what others claim for hosts."""
    ledgers = site.api.objects("vipledgers.globaldns.io", NAMESPACE)
    texts = [one["spec"]["data"] for one in ledgers if one["spec"]["role"] == "copy"]
    return all(any(f"{host} " in text for text in texts) for host in hosts)


def _known(site: Site) -> dict[str, str]:
    """Which cluster the ledger of one takes each name for."""
    first = site.api.get("vipledgers.globaldns.io", "own-000", NAMESPACE)
    known: dict[str, str] = first["spec"].get("uids", {}) if first is not None else {}
    return known


def _digests(sites: Sites) -> set[tuple[str, str]]:
    bodies = (server.get("/api/v1/digest")[1] for site in sites for server in site.servers)
    return {(found["zone"], found["vips"]) for found in map(json.loads, bodies)}


def test_objects_that_are_no_part_of_a_ledger_move_nothing_and_are_told(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path: Path
) -> None:
    sites = Sites(tmp_path / "sites", lend_api_servers(2))
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    try:
        sites.serve()
        address = export(sites, "west", "kept")
        _mislay_objects(sites["west"])
        assert [line.split()[1] for line in sites["west"].claims()["kept.shop"]] == [address]
        _read_twice(sites["east"])
        assert sites.addresses("kept.shop.global") == {(address,)}
    finally:
        sites.close()


def _mislay_objects(west: Site) -> None:
    """See what becomes of objects that somebody has put among a ledger's."""
    first = west.api.get("vipledgers.globaldns.io", "own-000", NAMESPACE)
    assert first is not None
    marker = first["spec"]["marker"]
    future = {"id": "of-another", "created": "2099-01-01T00:00:00Z"}
    west.api.apply(_ledger(first, "own-000", marker=future), _ledger(first, "mine"))

    def mended() -> bool:
        found = west.api.get("vipledgers.globaldns.io", "own-000", NAMESPACE)
        return found is not None and found["spec"]["marker"] == marker

    wait_until(mended, "it is written anew")
    said = west.replica().run("check").stdout
    assert "VIPLedger mine" in said
    assert "own-000" in said
    assert f"was written by {MANAGER} too" in said


def _read_twice(east: Site) -> None:
    """See that a cluster under a second id is one finding about its ledger, whatever that has."""
    east.api.apply(remote_secret("twin", east.api.kubeconfig("twin")))
    list_twin = partial(east.replica().run, "cluster", "list")
    wait_until(lambda: "double(east)" in list_twin().stdout, "it is a double")
    said = east.replica().run("check").stdout
    assert said.count("is the ledger of 'east', and stands in 'twin'") == 1
    up = 'globaldns_source_synced{cluster="twin"}'
    wait_until(lambda: east.server.metric(up) == 1, "it is read as a whole")


def _ledger(like: Object, name: str, **spec: Any) -> Object:
    """Return a VIPLedger as a person applies it who has copied another."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": like["metadata"]["labels"]}
    parts = {key: like[key] for key in ("apiVersion", "kind")}
    return {**parts, "metadata": metadata, "spec": {**like["spec"], **spec}}
