"""Bad input: a clear error each, and what worked goes on working."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.system.running import Mesh, Server, entry, wait_until

GOOD = "reviews.bookinfo.global"
SENTINEL = "sentinel.after.global"
"""A service written after the bad one: once it answers, the bad one has been read."""


class Bad(NamedTuple):
    manifest: str
    says: str
    """What the finding says, in its reason or hint."""
    host: str = ""
    """A host that must not be answered."""


def service_entry(host: str, namespace: str, spec: str = "") -> str:
    return (
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        f"metadata: {{name: bad, namespace: {namespace}}}\n"
        f"spec:\n  hosts: ['{host}']\n  location: MESH_INTERNAL\n  resolution: STATIC\n"
        "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
        f"  endpoints: [{{address: 10.0.0.1}}]\n{spec}"
    )


LONG = ".".join(["a" * 59] * 5) + ".global"
BAD = {
    "broken YAML": Bad("apiVersion: v1\nkind: [Service\n", "bad.yaml:"),
    "a tab": Bad("apiVersion: v1\nkind:\tService\nmetadata:\n\tname: x\n", "bad.yaml:"),
    "a duplicate key": Bad("apiVersion: v1\nkind: Service\nkind: Pod\n", "duplicate"),
    "a wrong type": Bad(
        "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: y}\nspec: {ports: 80}\n",
        "$.spec.ports",
    ),
    "a 300-octet host": Bad(service_entry(LONG, "a" * 59), "octets"),
    "a name of another namespace": Bad(
        service_entry("pay.bank.global", "evil"), "namespace", "pay.bank.global"
    ),
    "a VIP outside every pool": Bad(
        service_entry("far.out.global", "out", "  addresses: [192.0.2.1]\n"),
        "vips.pins",
        "far.out.global",
    ),
    "a VIP in a loopback range": Bad(
        service_entry("loop.back.global", "back", "  addresses: [127.0.0.9]\n"),
        "127.0.0.9",
        "loop.back.global",
    ),
    "no hosts": Bad(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
        "metadata: {name: bad, namespace: x}\nspec: {hosts: []}\n",
        "$.spec.hosts",
    ),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_manifest_is_named_by_check(bad: Bad, mesh: Mesh) -> None:
    mesh.replace(mesh.cluster("east") / "bad.yaml", bad.manifest)
    done = mesh.run("check")
    assert done.returncode == 3, done.stdout + done.stderr
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout
    assert "bad.yaml:" in errors[0]
    assert bad.says in errors[0]


def test_a_server_serves_on_through_every_bad_manifest(server: Server) -> None:
    mesh = server.mesh
    vip = server.addresses(GOOD)
    for number, bad in enumerate(BAD.values()):
        mesh.replace(mesh.cluster("east") / "bad.yaml", bad.manifest)
        mesh.write("west", "sentinel.yaml", entry(f"n{number}.{SENTINEL.partition('.')[2]}"))
        server.wait_answer(f"n{number}.{SENTINEL.partition('.')[2]}")
        assert server.addresses(GOOD) == vip
        if bad.host:
            assert server.addresses(bad.host) == ()
    assert server.is_ready()


def test_a_file_that_breaks_keeps_all_its_objects(server: Server) -> None:
    mesh = server.mesh
    file = mesh.cluster("east") / "bookinfo.yaml"
    before = server.addresses("details.bookinfo.global")
    mesh.replace(file, file.read_text() + "---\nkind: [unclosed\n")
    server.wait_log("bookinfo.yaml")
    mesh.write("east", "sentinel.yaml", entry(SENTINEL))
    server.wait_answer(SENTINEL)
    assert server.addresses("details.bookinfo.global") == before
    with Server(mesh_after_kill(server)) as again:
        assert again.wait_ready().addresses("details.bookinfo.global") == before


def mesh_after_kill(server: Server) -> Mesh:
    server.kill()
    return server.mesh


def test_two_pins_on_one_address_are_reported_and_the_older_answers(server: Server) -> None:
    server.mesh.write("west", "thief.yaml", entry("thief.late.global", "240.128.1.2"))
    wait_until(lambda: "240.128.1.2" in server.get("/api/v1/conflicts")[1], "a conflict is shown")
    assert server.addresses("productpage.bookinfo.global") == ("240.128.1.2",)
    wait_until(lambda: server.rcode("thief.late.global") == "SERVFAIL", "the loser fails")


def test_an_exhausted_pool_refuses_by_name_and_serves_the_rest(
    make_mesh: Callable[..., Mesh],
) -> None:
    mesh = make_mesh(vips={"pools": ["240.128.0.0/29"]})
    with Server(mesh) as server:
        server.wait_ready()
        full = server.addresses(GOOD)
        for number in range(8):
            mesh.write("east", f"more{number}.yaml", entry(f"m{number}.more.global"))
        server.wait_log("exhausted")
        names = [f"m{number}.more.global" for number in range(8)]
        for name in names:
            wait_until(lambda name=name: server.rcode(name) != "NXDOMAIN", f"{name} is read")
        assert "SERVFAIL" in {server.rcode(name) for name in names}
        assert server.addresses(GOOD) == full != ()


CONFIGS = {
    "an unknown key": ("zonse: [global]\n", "zones"),
    "a wrong value": ("grace: soon\n", "$.grace"),
    "a pool that overlaps another": (
        "vips: {pools: [240.128.0.0/10, 240.129.0.0/16]}\n",
        "$.vips.pools",
    ),
    "a quarantine that is too short": ("vips: {quarantine: 1s}\n", "$.vips.quarantine"),
    "broken YAML": ("vips: [\n", "globaldns.yaml"),
}


@pytest.mark.parametrize(("text", "says"), CONFIGS.values(), ids=CONFIGS)
def test_a_bad_configuration_does_not_start(text: str, says: str, mesh: Mesh) -> None:
    mesh.replace(mesh.config, f"cluster: east\nclusters: {{}}\n{text}")
    with Server(mesh) as server:
        assert server.wait_exit() == 1
        assert says in server.log
        assert "Traceback" not in server.log


def test_all_problems_of_a_configuration_are_told_at_once(mesh: Mesh) -> None:
    mesh.configure(grace="soon", zonse=["global"], vips={"pools": ["nowhere"]})
    with Server(mesh) as server:
        assert server.wait_exit() == 1
        for place in ("$.grace", "zonse", "$.vips.pools"):
            assert place in server.log
