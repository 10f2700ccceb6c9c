"""What is wrong with a cluster, seen where people look: commands, API, metrics and log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.system.api_servers import ApiServer
from tests.system.running import Server, wait_until
from tests.system.sites import NAMESPACE, Sites, namespace, remote_secret, service

PAY = "pay.shop.global"
"""Of west."""
NOBODY = "nobody"


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters that know each other; ``nobody`` is an account that may do nothing."""
    apis = lend_api_servers(2, users={NOBODY: ()})
    sites = Sites(tmp_path_factory.mktemp("sites"), apis)
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    sites["east"].api.apply(service("cart", "shop"))
    sites["west"].api.apply(service("pay", "shop"))
    try:
        yield sites
    finally:
        sites.close()


def clusters(server: Server) -> dict[str, dict[str, Any]]:
    _, body = server.get("/api/v1/clusters")
    return {one["cluster"]: one for one in json.loads(body)["items"]}


def refused(server: Server) -> dict[str, str]:
    _, body = server.get("/api/v1/clusters")
    return {one["cluster"]: one["reason"] for one in json.loads(body)["refused_secrets"]}


def test_an_account_that_may_read_nothing_is_not_taken_for_an_empty_cluster(sites: Sites) -> None:
    east, west = sites
    east.know(west, user=NOBODY)
    server = sites.start(east).wait_ready()
    wait_until(
        lambda: clusters(server)["west"]["reason"] == "its account may not read anything",
        "why west is not read",
    )
    assert clusters(server)["west"]["state"] == "waiting"
    assert server.metric('globaldns_source_up{cluster="west"}') == 0.0
    assert server.rcode("nope.shop.global") == "SERVFAIL"
    assert server.log.count("source is silent cluster=west") == 1
    listed = east.replica().run("cluster", "list")
    assert "its account may not read anything" in listed.stdout
    checked = east.replica().run("check")
    assert checked.returncode == 3
    assert checked.stdout.count("may not read anything") == 1
    east.know(west)
    wait_until(lambda: server.rcode(PAY) == "NOERROR", "it is read with an account that may")


def test_a_remote_secret_that_is_not_used_is_seen_everywhere(sites: Sites) -> None:
    east, west = sites
    ftp = west.api.kubeconfig("ftp")
    ftp["clusters"][0]["cluster"]["server"] = "ftp://127.0.0.1"
    runs = {**west.api.kubeconfig("runs"), "users": [_runs_a_program()]}
    own = remote_secret("east", east.api.kubeconfig("east"))
    east.api.apply(remote_secret("ftp", ftp), remote_secret("runs", runs), own)
    server = sites.start(east).wait_ready()
    wait_until(lambda: refused(server).keys() == {"ftp", "runs", "east"}, "what is not used")
    assert "no URL of http or https" in refused(server)["ftp"]
    assert "runs a program" in refused(server)["runs"]
    assert "our own cluster" in refused(server)["east"]
    rejected = 'globaldns_rejected_objects{cluster="east",kind="Secret"}'
    assert server.metric(rejected) == 2.0
    for how in ((), ("--server", "none")):
        listed = east.replica().run("cluster", "list", *how)
        assert listed.returncode == 0, listed.stderr
        assert f"Secret {NAMESPACE}/istio-remote-secret-ftp" in listed.stdout
    checked = east.replica().run("check")
    assert checked.stdout.count("[remote-secret]") == 3
    assert checked.returncode == 3
    for name in ("ftp", "runs"):
        east.api.delete("secrets", f"istio-remote-secret-{name}", NAMESPACE)
    wait_until(lambda: server.metric(rejected) is None, "nothing is refused any more")


def _runs_a_program() -> dict[str, Any]:
    return {"name": "admin", "user": {"exec": {"command": "sh"}}}


def test_a_cluster_that_was_never_heard_holds_nothing_back_once_its_secret_is_gone(
    sites: Sites,
) -> None:
    east, _ = sites
    nowhere = east.api.kubeconfig("nowhere")
    nowhere["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    east.api.apply(remote_secret("nowhere", nowhere))
    server = sites.start(east).wait_ready()
    wait_until(lambda: "nowhere" in clusters(server), "it is one of the mesh")
    assert server.rcode("nope.shop.global") == "SERVFAIL"
    east.api.delete("secrets", "istio-remote-secret-nowhere", NAMESPACE)
    wait_until(lambda: server.rcode("nope.shop.global") == "NXDOMAIN", "it is waited for no more")
    assert "nowhere" not in clusters(server)


def test_a_cluster_that_dies_is_one_line_and_every_other_is_shown(sites: Sites) -> None:
    east, west = sites
    sites.serve()
    sites.wait_agreed(PAY)
    before = east.server.log.count("source is silent cluster=west")
    west.api.stop()
    sites.wire("east", "west").cut()
    wait_until(
        lambda: clusters(east.server)["west"]["reason"].endswith("connection refused"),
        "west is silent, and its wire cut",
    )
    assert clusters(east.server)["west"]["state"] == "silent"
    lines = [line for line in east.server.log.splitlines() if "silent cluster=west" in line]
    assert 1 <= len(lines) - before <= 3, lines
    assert all("more:" not in line and "Cannot connect" not in line for line in lines)
    east.server.kill()
    listed = east.replica().run("cluster", "list")
    assert listed.returncode == 1
    assert "cannot be reached" in listed.stdout
    assert "synced" in next(row for row in listed.stdout.splitlines() if row.startswith("east"))
    east.api.stop()
    checked = east.replica().run("check")
    assert checked.returncode == 3
    assert "[ledger]" in checked.stdout
    assert "east: error: " in checked.stdout
    assert east.replica().run("cluster", "list").returncode == 1
