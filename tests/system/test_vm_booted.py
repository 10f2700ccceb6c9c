"""A machine without Kubernetes under its own systemd, with all that keeps its services in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from globaldns.vm.files import ANCHORS, DROP_IN
from tests.system.booted import RESOLVED, Booted, bootable_image, find_python, need_systemd
from tests.system.images import ADDRESS, ENDPOINT, HOST, PORT, TEXT, Image
from tests.system.running import wait_until

pytestmark = pytest.mark.timeout(600)
PROGRAM, PROXY = "/opt/globaldns/bin/globaldns", "/opt/globaldns/bin/envoy"
PROGRAMS = ("--globaldns", PROGRAM, "--envoy", PROXY)
CONFIG = "/etc/globaldns/globaldns.yaml"
INSTALL = (PROGRAM, "vm", "install", "--config", CONFIG, *PROGRAMS)
USERS = "/etc/sysusers.d/globaldns.conf"
SERVE, POOLS, ENVOY = "globaldns.service", "globaldns-pools.service", "globaldns-envoy.service"
RESOLVER = "systemd-resolved.service"


@pytest.fixture
def image(tmp_path: Path, need: Callable[[str], str]) -> Image:
    need("curl")
    need("dig")
    need_systemd()
    return bootable_image(tmp_path / "image")


@pytest.fixture
def boot(image: Image, tmp_path: Path) -> Iterator[Callable[[], Booted]]:
    """Start the machine, with an endpoint in a network beside it."""
    folder = tmp_path / "machine"
    folder.mkdir()
    with ExitStack() as stack:

        def start() -> Booted:
            machine = stack.enter_context(Booted(image, folder))
            add_endpoint(machine)
            return machine

        yield start


def add_endpoint(machine: Booted) -> None:
    machine.run("ip", "netns", "add", "pod")
    peer = ("type", "veth", "peer", "name", "eth0", "netns", "pod")
    machine.run("ip", "link", "add", "eth0", *peer)
    for words, address in ((("ip",), ADDRESS), (("ip", "-n", "pod"), ENDPOINT)):
        machine.run(*words, "address", "add", f"{address}/24", "dev", "eth0")
        machine.run(*words, "link", "set", "eth0", "up")
    machine.run("mkdir", "/run/pages")
    machine.run("sh", "-c", f"printf '{TEXT}' > /run/pages/index.html")
    serve = (find_python(), "-m", "http.server", str(PORT), "--bind", ENDPOINT)
    network = "--property=NetworkNamespacePath=/run/netns/pod"
    machine.run("systemd-run", "--unit=pod", network, *serve, "--directory", "/run/pages")


def start_resolved(machine: Booted) -> None:
    machine.run("systemd-sysusers")
    machine.run("systemctl", "start", "dbus.socket", RESOLVER)
    machine.run("ln", "-sf", "/run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf")


def resolve(machine: Booted, server: str) -> str:
    return machine.try_to("dig", *server.split(), "+short", "+tries=1", "+time=2", HOST)


def get(machine: Booted, name: str) -> str:
    return machine.try_to("curl", "-s", "--max-time", "5", f"http://{name}/")


def user_of(machine: Booted, unit: str) -> str:
    """Who a unit's first process is."""
    pid = machine.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()
    return machine.run("stat", "--format=%U", f"/proc/{pid}").strip()


def test_units_carry_a_request_within_their_limits(
    boot: Callable[[], Booted], image: Image
) -> None:
    image.install()
    machine = boot()
    machine.run("systemd-sysusers", USERS)
    machine.run("systemctl", "start", ENVOY)
    wait_until(lambda: resolve(machine, "@127.0.0.1 -p 1053").startswith("240."), "it has a VIP")
    vip = resolve(machine, "@127.0.0.1 -p 1053")
    wait_until(lambda: get(machine, vip) == TEXT, f"{vip} leads to the endpoint")
    assert [user_of(machine, unit) for unit in (SERVE, ENVOY)] == ["globaldns", "globaldns-envoy"]
    machine.run("systemctl", "reload", SERVE)
    assert machine.run("systemctl", "is-active", SERVE).strip() == "active"
    machine.run("systemctl", "stop", POOLS)
    assert machine.try_to("systemctl", "is-active", SERVE, ENVOY).split() == ["active", "inactive"]
    assert "240." not in machine.run("ip", "route", "show", "table", "local")


@pytest.mark.skipif(not RESOLVED, reason="systemd-resolved is neither installed nor on PATH")
def test_names_come_with_installation_and_go_with_removal(boot: Callable[[], Booted]) -> None:
    machine = boot()
    start_resolved(machine)
    machine.run(*INSTALL)
    wait_until(lambda: get(machine, HOST) == TEXT, f"{HOST} leads to the endpoint")
    assert resolve(machine, "@127.0.0.53").startswith("240.")
    again = machine.run(*INSTALL).splitlines()
    assert again == [f"$ systemctl enable --now {SERVE} {POOLS} {ENVOY}"]

    machine.run(PROGRAM, "vm", "remove")
    assert resolve(machine, "@127.0.0.53") == ""
    assert "globaldns" not in machine.run("ls", "/etc/systemd/system", "/etc/sysusers.d")
    assert set(machine.try_to("systemctl", "is-active", SERVE, POOLS, ENVOY).split()) == {
        "inactive"
    }
    assert "240." not in machine.run("ip", "route", "show", "table", "local")


@pytest.mark.skipif(not RESOLVED, reason="systemd-resolved is neither installed nor on PATH")
def test_a_resolved_that_validates_needs_the_anchors_that_are_rendered(
    boot: Callable[[], Booted],
) -> None:
    machine = boot()
    start_resolved(machine)
    machine.run(*INSTALL)
    machine.run("rm", DROP_IN, ANCHORS)
    program = f"STATE_DIRECTORY=/var/lib/globaldns {PROGRAM} stub render --config {CONFIG}"
    render = f"{program} --forward-to 127.0.0.1:1053 --as"
    machine.run("sh", "-c", f"{render} resolved > {DROP_IN}")
    strict = Path(DROP_IN).with_name("strict.conf")
    machine.run("sh", "-c", f"printf '[Resolve]\\nDNSSEC=yes\\n' > {strict}")
    machine.run("systemctl", "restart", RESOLVER)
    wait_until(lambda: "240." in resolve(machine, "@127.0.0.1 -p 1053"), "it has a VIP")
    ask = ("dig", "@127.0.0.53", "+tries=1", "+time=10", HOST)
    wait_until(lambda: "SERVFAIL" in machine.try_to(*ask), "without anchors it is forged")
    machine.run("sh", "-c", f"{render} resolved-anchors > {ANCHORS}")
    machine.run("systemctl", "restart", RESOLVER)
    wait_until(lambda: resolve(machine, "@127.0.0.53").startswith("240."), "it need not be signed")
