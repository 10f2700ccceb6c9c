"""Gateways of another network that die and come back, by address and by name."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.nameserver import NameServer
from tests.probes.gateways import answer
from tests.system.running import Mesh, Server, free_port, wait_until

UP = 'globaldns_gateway_up{cluster="west",network="network2"}'
ALL = 'globaldns_gateways{cluster="west",network="network2"}'
NAME = "gw.west.example"


@contextmanager
def gateway(port: int) -> Iterator[None]:
    """Listen as a gateway does; the kernel takes the connections."""
    with socket.create_server(("127.0.0.1", port), backlog=128):
        yield


@pytest.fixture
def port() -> int:
    return free_port()


def watching(make_mesh: Callable[..., Mesh], address: str, port: int, **probes: object) -> Mesh:
    """Return the example with a gateway of west that a test holds."""
    return make_mesh(
        clusters={"west": {"gateways": [{"address": address, "port": port}]}},
        routing={"probes": {"interval": "1s", "timeout": "1s", **probes}},
    )


def column(server: Server) -> str:
    """Return what ``cluster list`` shows of west's gateways."""
    shown = server.mesh.run("cluster", "list")
    assert shown.returncode == 0, shown.stderr
    heads, *rows = (re.split(r" {2,}", line) for line in shown.stdout.splitlines())
    return next(row[heads.index("GATEWAYS")] for row in rows if row[0] == "west")


def ways(server: Server) -> set[str]:
    """Return the gateways of west that east's clients are sent to."""
    shown = server.mesh.run("explain", "reviews.bookinfo.global")
    return {*re.findall(r"127\.0\.0\.[12]:\d+", shown.stdout)}


def reported(server: Server) -> dict[str, object]:
    """Return what the API says of west's gateway."""
    clusters = json.loads(server.get("/api/v1/clusters")[1])["items"]
    (found,) = next(one["gateways"] for one in clusters if one["cluster"] == "west")
    return dict(found)


def test_routes_without_a_server_lead_where_a_gateways_name_does(
    make_mesh: Callable[..., Mesh], port: int
) -> None:
    names = NameServer()
    try:
        mesh = watching(make_mesh, NAME, port, resolvers=[names.at])
        names.over_udp = lambda query: [answer(query, f"{NAME}. 60 A 203.0.113.77")]
        done = mesh.run("export", "--cluster", "east")
        assert "address: 203.0.113.77" in done.stdout
        assert NAME not in done.stderr
        astray = [f"{NAME}. 60 A {one}" for one in ("0.0.0.0", "240.128.0.9", "203.0.113.77")]
        names.over_udp = lambda query: [answer(query, *astray)]
        done = mesh.run("export", "--cluster", "east")
        assert "address: 203.0.113.77" in done.stdout
        assert not re.search("address: (0|240)", done.stdout)
        assert "0.0.0.0 lies in 0.0.0.0/8 (this network), 240.128.0.9 lies in" in done.stderr
    finally:
        names.close()
    done = mesh.run("export", "--cluster", "east")
    assert "203.0.113.77" not in done.stdout
    assert f"{NAME}: the gateway of west is left out: its name has no address now" in done.stderr


def test_a_gateway_goes_down_and_comes_back(make_mesh: Callable[..., Mesh], port: int) -> None:
    with Server(watching(make_mesh, "127.0.0.1", port)) as server:
        with gateway(port):
            server.wait_ready()
            wait_until(lambda: reported(server)["state"] == "up", "it is found to be up")
            assert server.metric(UP) == server.metric(ALL) == 1
            assert column(server) == "127.0.0.1"
        wait_until(lambda: server.metric(UP) == 0, "it is found to be down")
        assert server.metric(ALL) == 1
        assert column(server) == "127.0.0.1(down)"
        assert reported(server)["reason"] == "connection refused"
        with gateway(port):
            wait_until(lambda: server.metric(UP) == 1, "it is found to be up again")
            assert column(server) == "127.0.0.1"
        assert server.log.count("a gateway is down no more") == 1
        lines = [line for line in server.log.splitlines() if "a gateway is down" in line]
        assert len(lines) <= 3
        assert "connection refused" in lines[0]


def test_a_name_is_looked_up_and_its_last_address_stays(
    make_mesh: Callable[..., Mesh], port: int
) -> None:
    resolver = NameServer()
    rcodes = [dns.rcode.NOERROR]

    def reply(query: bytes) -> list[bytes]:
        message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
        message.set_rcode(rcodes[-1])
        if rcodes[-1] == dns.rcode.NOERROR:
            for record in (f"{NAME}. 60 IN CNAME lb.example.", "lb.example. 1 IN A 127.0.0.1"):
                owner, ttl, family, kind, data = record.split()
                message.answer.append(dns.rrset.from_text(owner, int(ttl), family, kind, data))
        return [message.to_wire()]

    resolver.over_udp = reply
    mesh = watching(make_mesh, NAME, port, resolvers=[resolver.at])
    try:
        with gateway(port), Server(mesh) as server:
            server.wait_ready()
            wait_until(lambda: reported(server)["state"] == "up", "its address is probed")
            assert reported(server)["addresses"] == ["127.0.0.1"]
            rcodes.append(dns.rcode.NXDOMAIN)
            wait_until(lambda: bool(reported(server)["unresolved"]), "its name is gone")
            assert "NXDOMAIN" in str(reported(server)["unresolved"])
            assert reported(server)["addresses"] == ["127.0.0.1"]
            assert column(server) == f"{NAME}(unresolved)"
            assert server.metric(UP) == 1
            rcodes.append(dns.rcode.NOERROR)
            wait_until(lambda: column(server) == NAME, "its name is back")
    finally:
        resolver.close()


def test_the_address_of_a_name_outlives_a_restart_while_dns_is_silent(
    make_mesh: Callable[..., Mesh], port: int
) -> None:
    names = NameServer()
    names.over_udp = lambda query: [answer(query, f"{NAME}. 60 A 127.0.0.1")]
    mesh = watching(make_mesh, NAME, port, resolvers=[names.at])
    with gateway(port):
        try:
            with Server(mesh) as server:
                server.wait_ready()
                wait_until(lambda: ways(server) == {f"127.0.0.1:{port}"}, "it is looked up")
                server.signal(signal.SIGTERM)
                server.wait_exit()
        finally:
            names.close()
        with Server(mesh) as server:
            server.wait_ready()
            wait_until(lambda: bool(reported(server)["unresolved"]), "nobody answers")
            assert reported(server)["addresses"] == ["127.0.0.1"]
            assert ways(server) == {f"127.0.0.1:{port}"}


def test_a_dead_address_of_a_name_is_shown_and_comes_back(
    make_mesh: Callable[..., Mesh], port: int
) -> None:
    names = NameServer()
    records = [f"{NAME}. 60 A 127.0.0.{last}" for last in (1, 2)]
    names.over_udp = lambda query: [answer(query, *records)]
    mesh = watching(make_mesh, NAME, port, resolvers=[names.at])
    try:
        with gateway(port), Server(mesh) as server:
            server.wait_ready()
            wait_until(lambda: column(server) == f"{NAME}(127.0.0.2 down)", "one is down")
            assert reported(server)["state"] == "up"
            assert reported(server)["down"] == {"127.0.0.2": "connection refused"}
            assert ways(server) == {f"127.0.0.1:{port}"}
            assert server.metric(UP) == 1
            with socket.create_server(("127.0.0.2", port), backlog=128):
                wait_until(lambda: column(server) == NAME, "it is back")
                assert ways(server) == {f"127.0.0.1:{port}", f"127.0.0.2:{port}"}
            assert "an address of a gateway is down no more" in server.log
    finally:
        names.close()


def test_who_is_cut_off_from_all_gateways_of_a_network_moves_no_weight(
    make_mesh: Callable[..., Mesh], port: int
) -> None:
    doors = ("127.0.0.1", "127.0.0.2")
    both = {f"{address}:{port}" for address in doors}
    mesh = watching(make_mesh, doors[0], port)
    gateways = [{"address": address, "port": port} for address in doors]
    mesh.configure(clusters={"west": {"gateways": gateways}})
    with Server(mesh) as server:
        with gateway(port), socket.create_server((doors[1], port), backlog=128):
            server.wait_ready()
            wait_until(lambda: column(server).count("down") == 0, "both are up")
            wait_until(lambda: server.metric(UP) == 2, "both count")
            assert ways(server) == both
        seen = set()
        while server.metric(UP) != 0:
            seen.add(frozenset(ways(server)))
        assert seen | {frozenset(ways(server))} == {frozenset(both)}
        notices = json.loads(server.get("/api/v1/notices")[1])["items"]
        down = [one["detail"] for one in notices if one["code"] == "gateway-down"]
        assert len(down) == 2
        assert all("nor does any other there, so that routes go on by it" in one for one in down)
        with gateway(port):
            wait_until(lambda: ways(server) == {f"{doors[0]}:{port}"}, "one answers again")


def test_probes_can_be_turned_off_while_it_runs(make_mesh: Callable[..., Mesh], port: int) -> None:
    with Server(watching(make_mesh, "127.0.0.1", port)) as server:
        server.wait_ready()
        wait_until(lambda: server.metric(UP) == 0, "nothing listens there")
        server.mesh.configure(routing={"probes": {"interval": "0s"}})
        server.signal(signal.SIGHUP)
        wait_until(lambda: server.metric(UP) == 1, "it counts as up")
        assert column(server) == "127.0.0.1"
        assert reported(server)["state"] == "unknown"


def test_the_example_probes_nobody(server: Server) -> None:
    assert server.metric(ALL) == server.metric(UP) == 1
    assert "a gateway is" not in server.log
