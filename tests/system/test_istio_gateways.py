"""Under real istiods, gateways share what comes in as the workloads behind them say, and restart.

East has clients alone. West has a pod behind two gateways; north has two pods and a machine behind
one.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from globaldns.config.routing import Sni
from tests.system.api_servers import ApiServer
from tests.system.istio_mesh import IstioMesh
from tests.system.istio_objects import (
    NETWORK,
    PORTS,
    backends,
    door_objects,
    exported,
    gateway,
    pod,
    pod_object,
)
from tests.system.running import entry, wait_until
from tests.system.sites import namespace
from tests.system.stock_envoys import Pod

pytestmark = pytest.mark.timeout(300)

HERE = Path(__file__).parent
WEB, BOTH, MACHINES = "web.shop.global", "both.shop.global", "machines.shop.global"
STEADY = "steady.shop.global"
"""West alone has it."""
HTTP, TCP, _ = (number for number, _ in PORTS.values())
CLIENT = pod("east", "client", "clients", 11)
ONE = pod("west", "web", "shop", 21)
TWO = (pod("north", "web-1", "shop", 21), pod("north", "web-2", "shop", 22))
MACHINE = pod("north", "machine", "shop", 23)
EXPOSED = {
    Sni.CLIENT: {"west": [BOTH], "north": [BOTH, MACHINES]},
    Sni.GATEWAY: {"west": ["*.global"], "north": ["*.global"]},
}
DOORS = (gateway("west"), gateway("west", 1), gateway("north"))
SAY = (
    "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60); "
    "s.settimeout(60); s.sendall(b'hello\\n'); print(s.makefile().readline(), end='')"
)
CHI_SQUARE = 23.93
"""Of one degree of freedom at p = 1e-6."""
EJECTING = 3
"""Lost calls in a row, after which a gateway is ejected."""


def machine_entry(host: str, address: str) -> dict[str, Any]:
    """Return a ServiceEntry that selects the machine."""
    ports = [
        {"number": HTTP, "name": "http", "protocol": "HTTP", "targetPort": PORTS["http"][1]},
        {"number": TCP, "name": "tcp-echo", "protocol": "TCP", "targetPort": PORTS["tcp-echo"][1]},
    ]
    made = entry(host, address, ports=ports, workloadSelector={"labels": {"app": MACHINE.name}})
    del made["spec"]["endpoints"]
    return made


def workload_entry(machine: Pod) -> dict[str, Any]:
    """Return what stands for a machine, as its agent registers it."""
    spec = {
        "address": machine.address,
        "network": machine.network,
        "serviceAccount": machine.account,
        "labels": {**machine.labels, NETWORK: machine.network},
    }
    metadata = {"name": machine.name, "namespace": machine.namespace}
    kind = {"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry"}
    return {**kind, "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def mesh(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[IstioMesh]:
    IstioMesh.skip_where_impossible()
    with IstioMesh(tmp_path_factory.mktemp("istio"), make_api_servers(3)) as mesh:
        east, west, north = (site.api for site in mesh.sites)
        east.apply(namespace("clients"))
        west.apply(namespace("shop"), *door_objects(*DOORS[:2]), pod_object(ONE))
        west.apply(*(made for name in ("web", "both", "steady") for made in of_service(name, ONE)))
        north.apply(namespace("shop"), *map(pod_object, TWO), *of_service("web", *TWO))
        north.apply(
            workload_entry(MACHINE),
            machine_entry(BOTH, "240.128.9.1"),
            machine_entry(MACHINES, "240.128.9.2"),
        )
        for door in DOORS:
            mesh.start(door)
        for one in (ONE, *TWO, MACHINE):
            mesh.start(one, runs=True)
        mesh.start(CLIENT)
        yield mesh


def of_service(name: str, *pods: Pod) -> tuple[dict[str, Any], ...]:
    return exported(name, "shop"), backends(name, "shop", *pods)


def ways(mesh: IstioMesh, name: str, port: int) -> set[str]:
    """Return where calls of the client may go."""
    return mesh.proxies[CLIENT.full_name].endpoints(f"outbound|{port}||{name}")


def call(mesh: IstioMesh, name: str, *, count: int = 30, at_once: int = 1) -> dict[str, int]:
    """Return how often which pod answers."""
    program, where = str(HERE / "many_calls.py"), f"http://{name}:{HTTP}/slow"
    done = mesh.proxies[CLIENT.full_name].run(
        sys.executable, program, where, str(count), str(at_once)
    )
    answers: dict[str, int] = json.loads(done.stdout)
    return answers


def wait_answered(mesh: IstioMesh, name: str, pods: set[str]) -> None:
    mesh.sites.wait_agreed(name)
    wait_until(lambda: call(mesh, name, at_once=10).keys() == pods, f"{name} is answered by {pods}")


def test_requests_are_shared_as_the_endpoints_are_whatever_is_under_way(mesh: IstioMesh) -> None:
    names = {one.full_name for one in (ONE, *TWO)}
    wait_answered(mesh, WEB, names)
    assert len(ways(mesh, WEB, HTTP)) == len(DOORS)
    count = 900
    answers = call(mesh, WEB, count=count, at_once=45)
    assert answers.keys() == names
    of_one, expected = answers[ONE.full_name], count / 3
    both = (expected, count - expected)
    chi_square = sum((of_one - expected) ** 2 / of for of in both)
    assert chi_square < CHI_SQUARE, answers
    assert mesh.faults() == {}


def exposed(mesh: IstioMesh) -> dict[str, list[str]]:
    """Return the hosts that our Gateways take calls for, by cluster; VIPs of before have theirs."""
    return {
        site.name: [name for name in one["spec"]["servers"][0]["hosts"] if "former" not in name]
        for site in mesh.sites
        for one in site.api.objects("gateways.networking.istio.io", "globaldns")
    }


def tell_apart(mesh: IstioMesh, sni: Sni) -> None:
    """Have gateways told in a mode whom calls are for, whatever it was before."""
    for site in mesh.sites:
        site.replica().configure(routing={"sni": sni.value})
        site.server.signal(signal.SIGHUP)
    wait_until(lambda: exposed(mesh) == EXPOSED[sni], "gateways take what calls name")


@pytest.mark.parametrize("sni", list(Sni))
def test_a_machine_behind_a_gateway_is_called_as_a_pod_is(mesh: IstioMesh, sni: Sni) -> None:
    tell_apart(mesh, sni)
    alone, both = {MACHINE.full_name}, {ONE.full_name, MACHINE.full_name}
    wait_answered(mesh, MACHINES, alone)
    wait_answered(mesh, BOTH, both)
    say = mesh.proxies[CLIENT.full_name].run
    said = {say(sys.executable, "-c", SAY, BOTH, str(TCP)).stdout for _ in range(10)}
    assert said == {f"{name} hello\n" for name in both}
    assert mesh.faults() == {}


def test_gateways_that_restart_one_after_the_other_cost_next_to_nothing(
    mesh: IstioMesh, tmp_path: Path
) -> None:
    tell_apart(mesh, Sni.GATEWAY)
    doors = DOORS[:2]
    wait_answered(mesh, STEADY, {ONE.full_name})
    wait_until(lambda: len(ways(mesh, STEADY, TCP)) == len(doors), "both gateways lead to it")
    client, end, made = mesh.proxies[CLIENT.full_name], tmp_path / "end", {}

    def keep_calling() -> None:
        told = (str(HERE / "steady_calls.py"), STEADY, str(HTTP), str(TCP), str(end))
        made.update(json.loads(client.run(sys.executable, *told).stdout))

    def ejected(stat: str) -> int:
        name = rf"outbound\|{TCP}\|\|{re.escape(STEADY)};?\.outlier_detection\.{stat}$"
        return sum(client.stats(name).values())

    def ejections() -> int:
        return ejected("ejections_enforced_total")

    def lose(door: Pod) -> None:
        so_far = ejections()
        mesh.kill(door)
        wait_until(lambda: ejections() > so_far, f"{door.name} is ejected")

    caller = threading.Thread(target=keep_calling)
    before = ejections()
    caller.start()
    try:
        for door in doors:
            lose(door)
            mesh.start(door)
            wait_until(lambda: ejected("ejections_active") == 0, f"{door.name} is tried again")
    finally:
        end.touch()
        caller.join()
    lost = {protocol: answered.count(False) for protocol, answered in made.items()}
    # One call at a time is under way: it is lost with its gateway. Another way is tried otherwise.
    assert lost["http"] <= len(doors), made
    # Nobody tries TCP again. However late a gateway is back: so many calls in a row eject it,
    # and fewer may be lost while it comes back.
    most = len(doors) + (2 * EJECTING - 1) * (ejections() - before)
    assert lost["tcp"] <= most, made
    assert any(made["tcp"]), made
    assert mesh.faults() == {}
