"""What becomes of a mesh of real clusters when one of them is restored, rebuilt, dead or mute."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.system.api_servers import ApiServer
from tests.system.running import wait_until
from tests.system.sites import NAMESPACE, Site, Sites, namespace, service, serving


@pytest.fixture
def sites(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Two clusters with one server each, ready."""
    with serving(tmp_path_factory.mktemp("sites"), lend_api_servers(2, {"reader": []})) as sites:
        yield sites


def export(sites: Sites, cluster: str, name: str) -> str:
    sites[cluster].api.apply(service(name, "shop"))
    return sites.wait_agreed(f"{name}.shop.global")


def claimed(site: Site, host: str, role: str = "own") -> list[str]:
    return [line.split()[1] for line in site.claims(role).get(host, [])]


@pytest.mark.timeout(600)
def test_a_restored_etcd_moves_nothing_and_is_repaired(sites: Sites, tmp_path: Path) -> None:
    east = sites["east"]
    old = export(sites, "east", "old")
    east.api.backup(tmp_path / "backup")
    new = export(sites, "west", "both")
    assert export(sites, "east", "both") == new
    wait_until(lambda: claimed(east, "both.shop") == [new], "east claims it too")
    assert all('"restored_at":"' not in site.server.get("/api/v1/clusters")[1] for site in sites)
    write_much(east.api)
    export(sites, "east", "heard")  # so all have heard of what was before it
    east.api.restore(tmp_path / "backup")
    # East's Service of that time is gone with its claim; west's is there, and so is the VIP.
    assert sites.wait_agreed("both.shop.global") == new
    assert sites.wait_agreed("old.shop.global") == old
    wait_until(lambda: claimed(east, "old.shop") == [old], "its older claim stands")
    assert export(sites, "east", "both") == new
    # What was refused meanwhile is tried again after a while that grows to half a minute.
    east.api.apply(service("later", "shop"))
    assert sites.wait_agreed("later.shop.global", seconds=240)
    for site in sites:
        told = f"{site.name} tells that east went back, and of nobody else"
        wait_until(lambda site=site: went_back(site) == {"east"}, told)
        assert "east: warning: its API server went back" in site.replica().run("check").stdout


def went_back(site: Site) -> set[str]:
    """Return the clusters that are told to have gone back."""
    listed = site.replica().run("cluster", "list").stdout.splitlines()
    return {line.split()[0] for line in listed if "restored" in line.split()[1]}


def write_much(api: ApiServer) -> None:
    """Have a backup be older by far more writes than there are until its watches begin again."""
    for number in range(300):
        body = service(f"filler-{number}", "shop", exported=False)
        assert api.request("POST", "/api/v1/namespaces/shop/services", body)[0] == 201


@pytest.mark.timeout(600)
def test_a_cluster_rebuilt_under_its_name_is_an_alarm_until_one_word_that_all_hear(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path: Path
) -> None:
    sites = Sites(tmp_path / "sites", lend_api_servers(3))
    sites.join()
    for site in sites:
        site.api.apply(namespace("shop"))
    east, west, north = sites
    try:
        sites.serve()
        sites.start(east, 1).wait_ready()
        address = export(sites, "west", "mine")
        west.server.kill()
        west.api.rebuild()
        others = (*east.servers, north.server)
        for server in others:
            server.wait_log("another cluster answers than before")
            assert server.addresses("mine.shop.global") == (address,)
            status, body = server.get("/api/v1/clusters")
            assert status == 200
            assert "another cluster answers" in body
        accepted = east.replica(1).run("cluster", "forget", "west")
        assert "west is taken as it is now" in accepted.stdout, accepted.stderr
        assert "the word stands in east, north" in accepted.stderr
        for server in others:
            wait_until(lambda: server.rcode("mine.shop.global") == "NXDOMAIN", "it has nothing")  # noqa: B023
        (word,) = north.api.objects("clusterfences.globaldns.io")
        assert (word["spec"]["cluster"], word["spec"]["fenced"]) == ("west", False)
        # What was said outlives a server, and is of no use to the next that is rebuilt.
        north.server.kill()
        again = sites.start(north).wait_ready()
        assert again.rcode("mine.shop.global") == "NXDOMAIN"
        west.api.rebuild()
        for server in (*east.servers, again):
            wait_until(
                lambda: "another cluster answers" in server.get("/api/v1/clusters")[1],  # noqa: B023
                "it is held back again",
            )
        accepted = north.replica().run("cluster", "forget", "west")
        assert "west is taken as it is now" in accepted.stdout, accepted.stderr
        for server in (*east.servers, again):
            wait_until(
                lambda: "another cluster answers" not in server.get("/api/v1/clusters")[1],  # noqa: B023
                "the new one is accepted",
            )
        _begin_anew(sites, west, address)
    finally:
        sites.close()


def _begin_anew(sites: Sites, west: Site, address: str) -> None:
    """See that a rebuilt cluster's own server finds with its neighbours what it had promised."""
    west.prepare()
    west.api.apply(namespace("shop"))
    for other in ("east", "north"):
        west.know(sites[other], port=sites.wire("west", other).port)
    shutil.rmtree(west.replica().state)
    sites.start(west).wait_ready()
    assert export(sites, "west", "mine") == address


def test_copies_that_somebody_deletes_are_there_again_though_their_cluster_is_away(
    sites: Sites,
) -> None:
    east, west = sites["east"], sites["west"]
    export(sites, "west", "kept")

    def copies() -> dict[str, str]:
        ledgers = east.api.objects("vipledgers.globaldns.io", NAMESPACE)
        found = [one for one in ledgers if one["spec"]["role"] == "copy"]
        return {one["metadata"]["name"]: one["spec"]["data"] for one in found}

    wait_until(lambda: any("kept.shop" in text for text in copies().values()), "it is copied")
    before = copies()
    west.server.kill()
    west.api.stop()
    for name in before:
        east.api.delete("vipledgers.globaldns.io", name, NAMESPACE)
    wait_until(lambda: copies() == before, "they are written again")


def test_a_ledger_that_nobody_else_knows_is_restored_from_a_backup(
    lend_api_servers: Callable[..., list[ApiServer]], tmp_path: Path
) -> None:
    sites = Sites(tmp_path / "sites", lend_api_servers(1))
    sites.join()
    (lone,) = sites
    lone.api.apply(namespace("shop"))
    try:
        sites.serve()
        former = export(sites, "east", "old")
        moved = lone.replica().run("vip", "renumber", "old.shop")
        assert moved.returncode == 0, moved.stderr
        wait_until(lambda: sites.wait_agreed("old.shop.global") != former, "it has moved")
        address = sites.wait_agreed("old.shop.global")
        backup = tmp_path / "backup"
        backup.write_text(lone.replica().run("vip", "export").stdout)
        vip = ip_address(address).packed
        wait_until(partial(remembers, lone, "zone.bin", vip), "its VIP is remembered")
        lone.server.kill()
        for one in lone.api.objects("vipledgers.globaldns.io", NAMESPACE):
            lone.api.delete("vipledgers.globaldns.io", one["metadata"]["name"], NAMESPACE)
        again = sites.start(lone)
        again.wait_log("the ledger is lost, and no neighbour keeps a copy of it")
        assert again.addresses("old.shop.global") == (address,), "what was answered still is"
        assert lone.claims() == {}
        taken = lone.replica().run("vip", "import", str(backup))
        assert taken.returncode == 0, taken.stderr
        again.wait_ready()
        assert export(sites, "east", "new")
        assert again.addresses("old.shop.global") == (address,)
        assert claimed(lone, "old.shop") == [address]
    finally:
        sites.close()


def test_a_server_that_restarts_beside_a_dead_api_server_answers_all_it_knew(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    near, far = export(sites, "east", "near"), export(sites, "west", "far")
    wait_until(lambda: remembers(east, "views/east.bin", b"near.shop"), "east is remembered")
    for label in (b"\4near\4shop", b"\3far\4shop"):
        wait_until(partial(remembers, east, "zone.bin", label), f"{label!r} is remembered")
    east.server.kill()
    east.api.stop()
    again = sites.start(east)
    again.wait_ready()
    assert again.addresses("near.shop.global") == (near,)
    assert again.addresses("far.shop.global") == (far,)
    assert again.rcode("never.shop.global") == "SERVFAIL"
    # How west is reached stands in the dead cluster: what it exports now comes with its secrets.
    west.api.apply(service("new", "shop"))
    west.server.wait_answer("new.shop.global")
    assert again.rcode("new.shop.global") == "SERVFAIL"
    east.api.start()
    east.api.wait_ready()
    wait_until(lambda: again.rcode("never.shop.global") == "NXDOMAIN", "all is known again")
    assert sites.wait_agreed("near.shop.global") == near
    assert sites.wait_agreed("new.shop.global")


def test_a_name_of_a_moment_ago_outlives_a_crash_beside_its_dead_cluster(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    export(sites, "west", "first")
    view = east.replica().state / "views" / "west.bin"
    wait_until(partial(remembers, east, "views/west.bin", b"first.shop"), "west is remembered")
    saved = view.read_bytes()
    promised = export(sites, "west", "promised")
    west.server.kill()
    west.api.stop()
    east.server.kill()
    view.write_bytes(saved)  # views are saved every other second: it crashed before that
    again, name, said = sites.start(east), "promised.shop.global", set[str]()
    again.wait_ready()

    def is_answered() -> bool:
        said.add(again.rcode(name))
        return again.addresses(name) == (promised,)

    wait_until(is_answered, "it is answered as before")
    assert "NXDOMAIN" not in said
    assert claimed(east, "promised.shop", "copy") == [promised]
    east.api.apply(service("later", "shop"))
    again.wait_answer("later.shop.global")
    assert claimed(east, "promised.shop", "copy") == [promised], (
        "the copy is written again as it was"
    )
    west.api.start()
    west.api.wait_ready()
    sites.start(west).wait_ready()
    assert sites.wait_agreed("promised.shop.global") == promised


def remembers(site: Site, file: str, octets: bytes) -> bool:
    """Whether a file of the state directory has a host's name, or its VIP."""
    path = site.replica().state / file
    return path.exists() and octets in path.read_bytes()


def test_a_mute_api_server_ages_and_takes_nothing_away(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    address = export(sites, "west", "mute")
    process = west.api._running["kube-apiserver"]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        age = 'globaldns_source_age_seconds{cluster="west"}'
        wait_until(lambda: (east.server.metric(age) or 0) > 17, "what it said ages")
        up = 'globaldns_source_up{cluster="west"}'
        wait_until(lambda: east.server.metric(up) == 0, "it is silent")
        assert east.server.addresses("mute.shop.global") == (address,)
        assert export_alone(east, "meanwhile")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert export(sites, "west", "after")
    assert sites.wait_agreed("meanwhile.shop.global")
    wait_until(lambda: (east.server.metric(age) or 0) < 15, "what it says is fresh")


def export_alone(site: Site, name: str) -> tuple[str, ...]:
    site.api.apply(service(name, "shop"))
    site.server.wait_answer(f"{name}.shop.global")
    return site.server.addresses(f"{name}.shop.global")


def test_an_expired_token_is_silence_and_a_new_one_goes_on(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    address = export(sites, "west", "held")
    west.api.set_users({"admin": ["system:masters"], "second": ["system:masters"]})
    east.know(west, port=sites.wire("east", "west").port, user="second")
    # The new token counts only once the API server has read it: until then the old one is used.
    west.api.restart()
    assert export(sites, "west", "then")
    assert sites.wait_agreed("held.shop.global") == address
    west.api.set_users({"admin": ["system:masters"], "third": ["system:masters"]})
    west.api.restart()
    east.server.wait_log("source is silent")
    assert east.server.addresses("held.shop.global") == (address,)
    east.know(west, port=sites.wire("east", "west").port, user="third")
    assert export(sites, "west", "last")
    assert sites.wait_agreed("held.shop.global") == address


def test_a_ledger_that_may_not_be_read_is_not_taken_for_none(sites: Sites) -> None:
    east, west = sites["east"], sites["west"]
    west.api.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "all-but-ours"},
            "rules": [
                {
                    "apiGroups": ["", "discovery.k8s.io", "networking.istio.io"],
                    "resources": ["*"],
                    "verbs": ["get", "list", "watch"],
                }
            ],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "all-but-ours"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "all-but-ours",
            },
            "subjects": [
                {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}
            ],
        },
    )
    export(sites, "west", "unread")
    # West may be heard before its ledger is: then east has claimed for it, and goes on answering.
    wait_until(lambda: claimed(east, "unread.shop", "copy") != [], "its ledger is copied")
    wait_until(lambda: claimed(east, "unread.shop", "deputy") == [], "nobody claims for west")
    east.server.kill()
    for name in ("views", "remotes.bin", "zone.bin"):
        path = east.replica().state / name
        if path.is_dir():
            for file in path.iterdir():
                file.unlink()
        else:
            path.unlink(missing_ok=True)
    for one in east.api.objects("vipledgers.globaldns.io", NAMESPACE):
        if one["spec"]["role"] == "copy":
            east.api.delete("vipledgers.globaldns.io", one["metadata"]["name"], NAMESPACE)
    east.know(west, port=sites.wire("east", "west").port, user="reader")
    again = sites.start(east).wait_ready()
    again.wait_log("vipledgers.globaldns.io")
    assert "may not be read" in again.log
    assert again.rcode("unread.shop.global") == "SERVFAIL"
    assert not [
        one
        for one in east.api.objects("vipledgers.globaldns.io", NAMESPACE)
        if one["spec"]["role"] == "deputy"
    ]
