"""Under three real istiods, what we write leads from a name to a pod of another cluster.

name ─► CoreDNS ─► globaldns ─► VIP ─► sidecar ─► SNI ─► the far gateway ─► sidecar ─► application
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from globaldns.config.routing import Sni
from tests.system.api_servers import ApiServer
from tests.system.istio_kinds import GROUP
from tests.system.istio_mesh import IstioMesh
from tests.system.istio_objects import PORTS, backends, exported, gateway, pod, pod_object
from tests.system.running import entry, wait_until
from tests.system.sites import namespace
from tests.system.stock_envoys import Pod

HERE = Path(__file__).parent

WEB, PAY, PLAIN = "web.shop.global", "pay.shop.global", "plain.shop.global"
RATES = "rates.partners.global"
HTTP, TCP, ANY = (number for number, _ in PORTS.values())
CLIENT, STRANGER = pod("east", "client", "clients", 11), pod("east", "stranger", "clients", 12)
NORTHERN = pod("north", "client", "clients", 11)
NEAR, FAR, FAR_PAY, OTHER = (
    pod("east", "web", "shop", 21),
    pod("west", "web", "shop", 21),
    pod("west", "pay", "shop", 22),
    pod("north", "web", "shop", 21),
)
BARE = msgspec.structs.replace(pod("east", "plain", "shop", 22), labels={"app": "plain"})
PARTNER = msgspec.structs.replace(
    pod("west", "rates", "partners", 23), address="203.0.113.10", labels={}
)
DOORS = {name: gateway(name) for name in ("east", "west", "north")}
CALLED = {
    Sni.CLIENT: "outbound_.{}_._.web.shop.svc.cluster.local",
    Sni.GATEWAY: "outbound_.{}_._.web.shop.global",
}
"""Of a gateway, the cluster that a call chooses."""
SOON = 10.0
"""Seconds: sidecars find five calls failed, and wait for another before they choose anew.

It takes one or two, and more on a busy machine.
"""
MANY, STRAY = 50, 2
"""Calls that are made for twenty seconds at least, and those that a busy machine may lose."""
SAY = (
    "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); "
    "s.settimeout(10); s.sendall(b'hello\\n'); print(s.makefile().readline(), end='')"
)


@pytest.fixture(scope="module")
def mesh(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IstioMesh]:
    """Three clusters: clients in two, two services in the third."""
    IstioMesh.skip_where_impossible()
    with IstioMesh(tmp_path_factory.mktemp("istio"), make_api_servers(3)) as mesh:
        east, west, north = mesh.sites
        for site in (east, north):
            site.api.apply(namespace("clients"))
        west.api.apply(namespace("shop"))
        for door in DOORS.values():
            mesh.start(door)
        for one in (FAR, FAR_PAY):
            at = one.name, one.namespace
            west.api.apply(exported(*at), pod_object(one), backends(*at, one))
            mesh.start(one, runs=True)
        for one in (CLIENT, NORTHERN):
            mesh.start(one)
        yield mesh


def resolve(mesh: IstioMesh, name: str = WEB) -> str:
    """Return the address of a service, as a pod has it from CoreDNS, and that from globaldns."""
    address = mesh.sites.wait_agreed(name)
    client = mesh.proxies[CLIENT.full_name]
    wait_until(
        lambda: address in client.run("getent", "ahostsv4", name).stdout.split(),
        f"pods have {name}",
    )
    return address


def use(mesh: IstioMesh, sni: Sni) -> None:
    """Have gateways told of services in one of the two ways, and calls come to the far pod so."""
    for site in mesh.sites:
        site.replica().configure(routing={"sni": sni.value})
        site.server.signal(signal.SIGHUP)
    for site in mesh.sites:
        wait_until(partial(is_written, site.api, sni), f"{site.name} has routes of {sni}")
    door = mesh.proxies[DOORS["west"].full_name]

    def is_carried(port: int) -> bool:
        name = re.escape(CALLED[sni].format(port))
        return sum(door.stats(rf"^cluster\.{name};?\.upstream_cx_total$").values()) > 0

    for port, call in ((HTTP, ask), (ANY, partial(ask, port=ANY)), (TCP, say)):
        wait_until(
            lambda port=port, call=call: bool(call(mesh)) and is_carried(port),
            f"port {port} is called as {sni} says",
        )


def is_written(api: ApiServer, sni: Sni) -> bool:
    """Whether a cluster has the route of a service that is far from some, told in one way."""
    rules = api.objects(f"destinationrules.{GROUP}")
    policies = [rule["spec"]["trafficPolicy"] for rule in rules if rule["spec"]["host"] == WEB]
    are_client = {"portLevelSettings" in policy for policy in policies}
    return are_client == {sni is Sni.CLIENT}


def is_alone_behind(mesh: IstioMesh, one: Pod, sni: Sni) -> bool:
    """Whether the gateway of a pod's cluster takes calls to it and to nobody else."""
    door = mesh.proxies[DOORS[one.cluster].full_name]
    own = f"{one.address}:{PORTS['http'][1]}"
    return door.endpoints(CALLED[sni].format(HTTP)) == {own}


def ask(mesh: IstioMesh, name: str = WEB, *, port: int = HTTP, who: str = "") -> dict[str, Any]:
    """Return what an application says over HTTP; empty: it did not answer."""
    done = mesh.proxies[who or CLIENT.full_name].curl(name, port)
    answer: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    return answer


def say(mesh: IstioMesh, name: str = WEB, *, who: str = "") -> str:
    """Return what an application answers over TCP; empty: nothing."""
    caller = mesh.proxies[who or CLIENT.full_name]
    return caller.run(sys.executable, "-c", SAY, name, str(TCP)).stdout


@pytest.mark.parametrize("sni", list(Sni))
def test_a_call_to_a_name_comes_to_a_pod_of_another_cluster(mesh: IstioMesh, sni: Sni) -> None:
    use(mesh, sni)
    who = NORTHERN.full_name
    wait_until(lambda: bool(ask(mesh, who=who)) and bool(say(mesh, who=who)), "from north too")
    for client in (CLIENT, NORTHERN):
        who = client.full_name
        answer = ask(mesh, who=who)
        assert answer["pod"] == FAR.full_name
        assert answer["headers"]["host"] == f"{WEB}:{HTTP}"
        caller = answer["headers"]["x-forwarded-client-cert"]
        assert f"By={FAR.identity};" in caller
        assert f"URI={client.identity}" in caller
        # What is inside of TLS there only a filter of Istio's own would say: its sidecar passes it
        # on.
        assert ask(mesh, port=ANY, who=who)["pod"] == FAR.full_name
        assert say(mesh, who=who) == f"{FAR.full_name} hello\n"
    assert mesh.faults() == {}


def test_services_of_the_same_ports_are_told_apart(mesh: IstioMesh) -> None:
    use(mesh, Sni.CLIENT)
    wait_until(lambda: bool(ask(mesh, PAY)) and bool(say(mesh, PAY)), f"{PAY} is called")
    assert resolve(mesh, PAY) != resolve(mesh, WEB)
    for name, one in ((WEB, FAR), (PAY, FAR_PAY)):
        assert ask(mesh, name)["pod"] == ask(mesh, name, port=ANY)["pod"] == one.full_name
        assert say(mesh, name) == f"{one.full_name} hello\n"
    assert mesh.faults() == {}


def test_who_has_a_certificate_of_another_root_is_refused(mesh: IstioMesh) -> None:
    use(mesh, Sni.CLIENT)
    far, who = mesh.proxies[FAR.full_name], STRANGER.full_name

    def refused() -> int:
        return sum(far.stats(r"ssl\.fail_verify_error$").values())

    mesh.start(STRANGER, root=mesh.make_root())
    before = refused()
    assert ask(mesh, who=who) == {}
    wait_until(lambda: refused() > before, "the far pod refuses what it shows over HTTP")
    before = refused()
    assert say(mesh, who=who) == ""
    wait_until(lambda: refused() > before, "the far pod refuses what it shows over TCP")
    assert ask(mesh)["pod"] == FAR.full_name
    assert mesh.faults() == {}
    mesh.kill(STRANGER)


def test_the_only_gateway_is_tried_although_it_was_found_dead(mesh: IstioMesh) -> None:
    use(mesh, Sni.CLIENT)
    client, door = mesh.proxies[CLIENT.full_name], DOORS["west"]

    def tried() -> int:
        return sum(client.stats(rf"{re.escape(WEB)}.*\.lb_healthy_panic$").values())

    mesh.kill(door)
    wait_until(lambda: not ask(mesh) and tried() > 0, "it is ejected, and asked all the same")
    mesh.start(door)
    wait_until(lambda: bool(ask(mesh)) and bool(say(mesh)), "it is back")
    assert mesh.faults() == {}


@pytest.mark.parametrize("sni", list(Sni))
def test_the_own_cluster_comes_first_and_the_far_one_when_nobody_is_left(
    mesh: IstioMesh, sni: Sni, tmp_path: Path
) -> None:
    use(mesh, sni)
    address, east = resolve(mesh), mesh.sites["east"].api
    at = NEAR.name, NEAR.namespace

    def answering(calls: int = 10) -> set[str]:
        said = {ask(mesh).get("pod", "") for _ in range(calls)}
        return said | {say(mesh).partition(" ")[0] for _ in range(calls)}

    mesh.start(NEAR, runs=True)
    east.apply(namespace("shop"), pod_object(NEAR), backends(*at, NEAR), exported(*at))
    wait_until(lambda: answering() == {NEAR.full_name}, "the pod nearby answers")
    # What came by a gateway never leaves by another: each knows the pods behind it alone.
    for one in (NEAR, FAR):
        wait_until(partial(is_alone_behind, mesh, one, sni), f"{one.full_name} is alone")
    assert mesh.faults() == {}
    answered, ports = tmp_path / "answered", map(str, (HTTP, TCP))
    told = (str(HERE / "calling.py"), WEB, *ports, FAR.full_name, str(answered))
    with ThreadPoolExecutor(1) as beside:
        calling = beside.submit(mesh.proxies[CLIENT.full_name].run, sys.executable, *told)
        wait_until(answered.exists, "it is called")
        killed_at = time.monotonic()
        mesh.kill(NEAR)
        found = json.loads(calling.result().stdout)
    took = {protocol: at - killed_at for protocol, at in found["at"].items()}
    assert took.keys() == {"http", "tcp"}
    assert all(0 < seconds < SOON for seconds in took.values()), f"the far pod answers: {took}"
    # It is an endpoint still, and is not tried again: that would cost a second of calls each time.
    for protocol, answers in found["then"].items():
        failed = len(answers) - answers.count(FAR.full_name)
        assert len(answers) > MANY, f"{protocol}: {len(answers)} calls"
        assert failed <= STRAY, f"{protocol}: {failed} of {len(answers)} calls fail"
    assert answering() == {FAR.full_name}
    east.apply(backends(*at))
    wait_until(lambda: answering() == {FAR.full_name}, "it is no endpoint: the far pod answers")
    assert resolve(mesh) == address
    assert mesh.faults() == {}
    east.delete("services", *at)


def test_what_is_far_is_shared_by_all_that_have_it_and_by_the_living(mesh: IstioMesh) -> None:
    use(mesh, Sni.CLIENT)
    north, at = mesh.sites["north"].api, (OTHER.name, OTHER.namespace)
    mesh.start(OTHER, runs=True)
    north.apply(namespace("shop"), pod_object(OTHER), backends(*at, OTHER), exported(*at))

    def answering(calls: int = 10) -> set[str]:
        said = {ask(mesh).get("pod", "") for _ in range(calls)}
        return said | {say(mesh).partition(" ")[0] for _ in range(calls)}

    both = {FAR.full_name, OTHER.full_name}
    wait_until(lambda: answering() == both, "pods of two clusters answer")
    mesh.kill(DOORS["west"])
    wait_until(lambda: answering() == {OTHER.full_name}, "behind a dead gateway nobody is asked")
    mesh.start(DOORS["west"])
    north.delete("services", *at)
    mesh.kill(OTHER)
    wait_until(lambda: answering() == {FAR.full_name}, "the gateway is back, and the only one")
    assert mesh.faults() == {}


@pytest.mark.parametrize("sni", list(Sni))
def test_who_has_the_old_address_of_a_host_that_moved_is_served(mesh: IstioMesh, sni: Sni) -> None:
    use(mesh, sni)
    old, west = resolve(mesh), mesh.sites["west"]
    done = west.replica().run("vip", "renumber", "web.shop")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: (old,) not in mesh.sites.addresses(WEB), "it has another VIP")
    assert resolve(mesh) != old
    client = mesh.proxies[CLIENT.full_name]

    def at_old() -> str:
        return client.run(sys.executable, "-c", SAY, old, str(TCP)).stdout

    name = f"web.shop.{old.replace('.', '-')}.former.global"
    wait_until(lambda: bool(client.endpoints(f"outbound|{TCP}||{name}")), "old calls have a route")
    wait_until(lambda: at_old() == say(mesh) == f"{FAR.full_name} hello\n", "old calls arrive")
    assert ask(mesh)["pod"] == FAR.full_name
    wait_until(lambda: mesh.faults() == {}, "both stand beside each other")


@pytest.mark.parametrize("sni", list(Sni))
def test_a_pod_without_a_sidecar_is_called_in_plain_text(mesh: IstioMesh, sni: Sni) -> None:
    east, at = mesh.sites["east"].api, (BARE.name, BARE.namespace)
    mesh.run(BARE)
    east.apply(namespace("shop"), pod_object(BARE), backends(*at, BARE), exported(*at))
    use(mesh, sni)
    wait_until(lambda: bool(ask(mesh, PLAIN)) and bool(say(mesh, PLAIN)), f"{PLAIN} is called")
    assert ask(mesh, PLAIN)["pod"] == BARE.full_name
    assert say(mesh, PLAIN) == f"{BARE.full_name} hello\n"
    assert mesh.faults() == {}
    mesh.kill(BARE)
    east.delete("services", *at)


def test_what_is_outside_of_the_mesh_is_called_from_clusters_that_only_know_its_name(
    mesh: IstioMesh,
) -> None:
    west = mesh.sites["west"].api
    mesh.run(PARTNER)
    ports = [
        {"number": HTTP, "name": "http", "protocol": "HTTP"},
        {"number": TCP, "name": "tcp-echo", "protocol": "TCP"},
    ]
    own = {key: number for key, (_, number) in PORTS.items() if key != "any"}
    endpoint = {"address": PARTNER.address, "ports": own}
    west.apply(
        namespace("partners"),
        entry(RATES, location="MESH_EXTERNAL", ports=ports, endpoints=[endpoint]),
    )
    wait_until(lambda: bool(ask(mesh, RATES)) and bool(say(mesh, RATES)), f"{RATES} is called")
    assert ask(mesh, RATES)["pod"] == PARTNER.full_name
    assert "x-forwarded-client-cert" not in ask(mesh, RATES)["headers"]
    assert say(mesh, RATES) == f"{PARTNER.full_name} hello\n"
    assert mesh.faults() == {}
