"""Three real clusters: what one exports all answer, with the same VIP, whatever happens to it."""

from __future__ import annotations

import json

import pytest

from tests.system.running import wait_until
from tests.system.sites import NAMESPACE, Sites, remote_secret, service

HOST = "cart.shop.global"


def export(sites: Sites, cluster: str, name: str) -> str:
    sites[cluster].api.apply(service(name, "shop"))
    return sites.wait_agreed(f"{name}.shop.global")


@pytest.mark.parametrize("cluster", ["east", "west", "north"])
def test_what_any_cluster_exports_all_answer_with_one_vip(sites: Sites, cluster: str) -> None:
    address = export(sites, cluster, f"from-{cluster}")
    assert address.startswith("240.")
    assert f"from-{cluster}.shop" in sites[cluster].claims()


def test_a_service_that_is_deleted_and_made_again_keeps_its_vip(sites: Sites) -> None:
    address = export(sites, "east", "again")
    sites["east"].api.delete("services", "again", "shop")
    sites.wait_gone("again.shop.global")
    assert export(sites, "east", "again") == address
    sites["east"].api.delete("services", "again", "shop")
    sites.wait_gone("again.shop.global")
    assert export(sites, "north", "again") == address


def test_a_compacted_history_loses_and_moves_nothing(sites: Sites) -> None:
    before = {name: export(sites, "west", name) for name in ("a1", "a2")}
    sites["west"].api.forget_history()
    assert export(sites, "west", "a3")
    assert {name: sites.wait_agreed(f"{name}.shop.global") for name in before} == before


def test_an_api_server_that_restarts_loses_and_moves_nothing(sites: Sites) -> None:
    before = export(sites, "north", "b1")
    sites["north"].api.stop()
    assert sites.addresses("b1.shop.global") == {(before,)}
    sites["north"].api.start()
    sites["north"].api.wait_ready()
    assert export(sites, "north", "b2")
    assert sites.wait_agreed("b1.shop.global") == before


def test_a_deleted_ledger_is_written_again(sites: Sites) -> None:
    address = export(sites, "east", "c1")
    api = sites["east"].api
    for one in api.objects("vipledgers.globaldns.io", NAMESPACE):
        api.delete("vipledgers.globaldns.io", one["metadata"]["name"], NAMESPACE)
    wait_until(lambda: "c1.shop" in sites["east"].claims(), "the claim stands again")
    assert sites.wait_agreed("c1.shop.global") == address
    assert "the ledger has lost claims" in sites["east"].server.log


def test_a_remote_secret_that_is_removed_and_added_changes_nothing(sites: Sites) -> None:
    address = export(sites, "west", "d1")
    sites["east"].forget(sites["west"])
    sites["east"].server.wait_log("a remote secret is gone")
    assert sites["east"].server.addresses("d1.shop.global") == (address,)
    sites["east"].know(sites["west"], port=sites.wire("east", "west").port)
    assert export(sites, "west", "d2")
    assert sites.wait_agreed("d1.shop.global") == address


def test_a_cluster_that_is_read_under_two_ids_counts_once_and_is_reported(sites: Sites) -> None:
    """As with two secrets for one cluster, or one that leads to our own: the last test of these."""
    east, west = sites["east"], sites["west"]
    far, near = export(sites, "west", "e1"), export(sites, "east", "e2")
    doubles = {"a-mirror": ("east", east), "west-too": ("west", west)}
    for name, (_, target) in doubles.items():
        east.api.apply(remote_secret(name, target.api.kubeconfig(name)))
    for name, (counted, _) in doubles.items():
        metric = f'globaldns_source_double{{cluster="{name}"}}'
        wait_until(lambda metric=metric: east.server.metric(metric) == 1, f"{name} is a double")
        assert f"double({counted})" in east.replica().run("cluster", "list").stdout
    east.server.wait_log("a cluster is read under two ids")
    checked = east.replica().run("check").stdout
    assert "is the same cluster as west" in checked
    shown = json.loads(east.replica().run("list", "e?.*", "-o", "json").stdout)
    assert [one["clusters"] for one in shown["services"]] == [["west"], ["east"]]
    assert (sites.wait_agreed("e1.shop.global"), sites.wait_agreed("e2.shop.global")) == (far, near)
    assert east.server.rcode("never.shop.global") == "NXDOMAIN"
    west.api.delete("services", "e1", "shop")
    sites.wait_gone("e1.shop.global")
    assert all(
        one["spec"]["role"] != "deputy"
        for one in east.api.objects("vipledgers.globaldns.io", NAMESPACE)
    )
