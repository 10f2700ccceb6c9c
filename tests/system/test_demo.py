"""A mesh in a box: requests to VIPs cross networks by mutual TLS, and survive what is broken."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from globaldns.demo.credentials import show
from globaldns.demo.launching import LOCK
from globaldns.demo.layout import Layout
from globaldns.demo.plan import CLUSTER_NAMES, SERVICES, WORKLOADS, client_id
from globaldns.demo.requirements import check_machine
from globaldns.errors import RequestRefused
from globaldns.tasks import wall_clock
from globaldns.trust.issuing import KeyType, issue_intermediate, issue_root
from globaldns.trust.verification import read_root
from tests.system.envoys import ask_admin
from tests.system.namespaces import skip
from tests.system.running import COMMAND, ROOT, wait_until

pytestmark = pytest.mark.timeout(900)

READY_SECONDS = 240.0
CHI_SQUARE = {1: 23.93, 2: 27.63}
"""By degrees of freedom, at p = 1e-6."""
SOON = 20.0
"""Seconds; an ejection lasts ten at most, and one that a restart has caused two or three."""


class Box:
    """``globaldns demo up`` and the commands beside it."""

    def __init__(self) -> None:
        # Short, because sockets are below it.
        self.layout = Layout(Path(tempfile.mkdtemp(prefix="gd")) / "box")
        self.output = self.layout.top.parent / "output"
        self.process = self.start()

    def start(self, *before: str) -> subprocess.Popen[bytes]:
        command = [*before, *COMMAND, "demo", "up", *self._state]
        with self.output.open("wb") as output:
            return subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while "\nready\n" not in self.output.read_text():
            assert process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.2)

    @property
    def _state(self) -> tuple[str, ...]:
        return ("--state", str(self.layout.top))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of its commands."""
        return subprocess.run(
            [*COMMAND, "demo", *arguments, *self._state],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def call(self, host: str, cluster: str, count: int = 1) -> list[dict[str, Any]]:
        """Call a host; return how the requests ended."""
        done = self.run("curl", host, "--from", cluster, "-n", str(count), "-o", "json")
        assert done.stdout, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)["answers"]
        assert (done.returncode == 0) is all(not one["failure"] for one in answers)
        assert sum(one["count"] for one in answers) == count
        return answers

    def answering(self, host: str, cluster: str) -> str:
        """The workload that answers one request; empty if none does."""
        return str(self.call(host, cluster)[0]["workload"])

    def status(self) -> dict[str, Any]:
        done = self.run("status", "-o", "json")
        assert done.returncode == 0, done.stderr
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    def heal(self) -> None:
        """Undo everything, and wait until each cluster's client is answered as before."""
        assert self.run("heal").returncode == 0
        wait_until(
            lambda: self.answering("reviews.bookinfo", "east") == "reviews-v1",
            "what is near comes first again",
            seconds=120,
        )
        for host in ("ratings.bookinfo", "httpbin.httpbin"):
            for name in CLUSTER_NAMES:
                wait_until(
                    lambda host=host, name=name: bool(self.answering(host, name)),
                    f"{host} answers {name}",
                    seconds=120,
                )

    def processes(self) -> list[str]:
        """The processes that are its own."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                line = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
            except OSError:
                continue
            if str(self.layout.top).encode() in line:
                found.append(line.replace(b"\0", b" ").decode())
        return found


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    if os.geteuid() != 0:
        pytest.skip("who is not root may not look into the namespaces of the box")
    try:
        check_machine(Layout(Path(tempfile.gettempdir(), "gd-0000000", "box")))
    except RequestRefused as error:
        # Those are lent out by what runs beside.
        (skip if "inotify instances" in str(error) else pytest.skip)(str(error))
    box = Box()
    try:
        box.wait_ready(box.process)
        yield box
    finally:
        box.process.kill()
        box.process.wait()
        box.run("down")
        shutil.rmtree(box.layout.top.parent)


def test_all_clusters_answer_the_same_vips(box: Box) -> None:
    status = box.status()
    assert len({*status["digests"].values()}) == 1
    assert [host["host"] for host in status["hosts"]] == sorted(one.host for one in SERVICES)
    for host in status["hosts"]:
        assert {*host["vips"]} == {*CLUSTER_NAMES}
        assert len({*map(tuple, host["vips"].values())}) == 1, host


@pytest.mark.parametrize(
    ("host", "cluster", "workload"),
    [
        ("ratings.bookinfo.global", "east", "ratings-v1"),  # HTTP, through a gateway
        ("mongodb.bookinfo.global", "east", "mongodb-v1"),  # TCP, likewise
        ("httpbin.httpbin.global", "west", "httpbin-v1"),
        ("httpbin.httpbin.global", "east", "httpbin-v1"),  # of the same network: directly
        ("ratings.bookinfo.global", "west", "ratings-v1"),  # of its own cluster
        ("mysqldb.bookinfo.global", "east", "mysqldb-vm"),  # a machine
        ("mysqldb.bookinfo.global", "west", "mysqldb-vm"),
        ("weather.partners.global", "flat", "weather"),  # outside of the mesh
        ("weather.partners.global", "west", "weather"),
        ("legacy.bookinfo.global", "west", "legacy-v1"),  # plain text, in its own network
    ],
)
def test_a_vip_leads_to_a_workload(host: str, cluster: str, workload: str, box: Box) -> None:
    assert [one["workload"] for one in box.call(host, cluster, 8)] == [workload]


@pytest.mark.parametrize("cluster", CLUSTER_NAMES)
def test_the_far_side_sees_who_calls(cluster: str, box: Box) -> None:
    [answer] = box.call("ratings.bookinfo", cluster)
    assert answer["caller"] == client_id(cluster)


def test_what_is_near_comes_first(box: Box) -> None:
    assert {one["cluster"] for one in box.call("reviews.bookinfo", "east", 100)} == {"east"}
    assert {one["cluster"] for one in box.call("reviews.bookinfo", "west", 100)} == {"west"}


def of_endpoints(box: Box, cluster: str, service: str, port: int, what: str) -> dict[str, str]:
    """Return what the Envoy of a cluster's client says of a service's endpoints, by address."""
    lines = ask_admin(box.layout.envoy(cluster), "/clusters").splitlines()
    start, end = f"outbound|{port}||{service}::", f"::{what}::"
    found = (line.removeprefix(start).partition(end) for line in lines if line.startswith(start))
    return {address: value for address, _, value in found if value}


def test_requests_are_shared_as_the_endpoints_are(box: Box) -> None:
    def counts() -> Counter[str]:
        found = of_endpoints(box, "flat", "reviews.bookinfo.global", 9080, "rq_total")
        return Counter({address: int(number) for address, number in found.items()})

    before = counts()
    answers = box.call("reviews.bookinfo", "flat", 10_000)
    # Three pods behind two gateways, and one that is reached directly.
    shares = {"203.0.113.20:15443": 3, "203.0.113.21:15443": 3, "10.10.1.12:9080": 2}
    assert deviation(counts() - before, shares) < CHI_SQUARE[len(shares) - 1], counts() - before
    answered: Counter[str] = Counter()
    for one in answers:
        assert one["failure"] == ""
        answered[one["cluster"]] += one["count"]
    endpoints = Counter(one.cluster for one in WORKLOADS if one.service.name == "reviews")
    assert deviation(answered, endpoints) < CHI_SQUARE[len(endpoints) - 1], answered


def deviation(counts: Counter[str], weights: Mapping[str, int]) -> float:
    """Return the chi-square of counts that ought to be as weights are."""
    assert counts.keys() <= weights.keys()
    unit = counts.total() / sum(weights.values())
    expected = {name: unit * weight for name, weight in weights.items()}
    return sum((counts[name] - of) ** 2 / of for name, of in expected.items())


@pytest.mark.parametrize("cluster", ["east", "flat"])
def test_a_pod_without_a_route_is_refused_and_nobody_else_answers(cluster: str, box: Box) -> None:
    [answer] = box.call("legacy.bookinfo", cluster, 8)
    assert (answer["failure"], answer["count"]) == ("connection refused", 8)


def test_a_name_that_is_not_there_is_not_called(box: Box) -> None:
    done = box.run("curl", "nothing.bookinfo.global")
    assert done.returncode == 1
    assert "NXDOMAIN" in done.stderr


def test_a_dead_gateway_beside_a_living_one_costs_no_request(box: Box) -> None:
    assert box.run("kill", "gateway", "west-gw1").returncode == 0
    try:
        answers = box.call("ratings.bookinfo", "east", 1000)
        assert [one["workload"] for one in answers] == ["ratings-v1"]
        down = [one["name"] for one in box.status()["gateways"] if not one["is_up"]]
        assert down == ["west-gw1"]
    finally:
        box.heal()


def test_a_gateway_that_dies_with_requests_under_way_costs_none_either(box: Box) -> None:
    def passed() -> int:
        """How many octets have come through the gateway."""
        stat = "/stats?filter=tcp.*downstream_cx_rx_bytes_total"
        lines = ask_admin(box.layout.envoy("west-gw1"), stat).splitlines()
        return sum(int(line.rpartition(" ")[2]) for line in lines)

    before = passed()
    try:
        with ThreadPoolExecutor(1) as beside:
            calls = beside.submit(box.call, "ratings.bookinfo", "flat", 20_000)
            wait_until(lambda: passed() > before + 100_000, "many are under way")
            assert not calls.done()
            assert box.run("kill", "gateway", "west-gw1").returncode == 0
            assert [one["workload"] for one in calls.result()] == ["ratings-v1"]
    finally:
        box.heal()


def test_gateways_that_restart_one_after_the_other_cost_next_to_no_connection(box: Box) -> None:
    def is_back(gateway: str) -> bool:
        envoy = box.layout.envoy(gateway)
        if ask_admin(envoy, "/ready").strip() != "LIVE" or not ask_admin(envoy, "/listeners"):
            return False
        found = of_endpoints(box, "east", "mongodb.bookinfo.global", 27017, "health_flags")
        return {*found.values()} == {"healthy"}

    try:
        for name in ("west-gw1", "west-gw2"):
            assert box.run("kill", "gateway", name).returncode == 0
            calls = [box.call("mongodb.bookinfo", "east", 8) for _ in range(3)]
            lost = [one for answers in calls for one in answers if one["failure"]]
            # Each has a connection of its own: one that died with the gateway is not made again.
            assert sum(one["count"] for one in lost) <= 1, lost
            assert box.run("heal").returncode == 0
            wait_until(lambda name=name: is_back(name), "it is tried again", seconds=SOON)
    finally:
        box.heal()


def test_a_cut_parts_two_clusters_and_no_others(box: Box) -> None:
    assert box.run("cut", "east", "west").returncode == 0
    try:
        assert box.answering("ratings.bookinfo", "east") == ""
        assert box.answering("ratings.bookinfo", "flat") == "ratings-v1"
        assert box.answering("reviews.bookinfo", "east") == "reviews-v1"
        assert box.status()["cuts"] == [["east", "west"]]
    finally:
        box.heal()


def test_what_cannot_be_broken_is_refused(box: Box) -> None:
    done = box.run("kill", "gateway", "nowhere")
    assert (done.returncode, "hint: one of east-gw1" in done.stderr) == (1, True)
    assert "name two" in box.run("cut", "east", "east").stderr


def test_the_last_endpoint_of_a_rank_costs_at_most_three_requests(box: Box) -> None:
    assert box.run("kill", "pod", "reviews-v1").returncode == 0
    answers = box.call("reviews.bookinfo", "east", 1000)
    lost = sum(one["count"] for one in answers if one["failure"])
    assert lost <= 3, answers
    assert {one["cluster"] for one in answers if not one["failure"]} == {"west"}


def refusals(box: Box, envoy: str, reason: str) -> int:
    """How often an Envoy has refused whom it spoke to, for a reason."""
    lines = ask_admin(box.layout.envoy(envoy), f"/stats?filter=ssl.{reason}").splitlines()
    return sum(int(line.rpartition(" ")[2]) for line in lines)


def test_who_has_another_root_or_is_not_of_the_service_is_refused(box: Box) -> None:
    now, layout = wall_clock(), box.layout
    names = {one.name: one.service.spiffe_id for one in WORKLOADS}
    mesh = issue_intermediate(read_root(layout.trust, now), "test", now=now, days=1)
    root = issue_root(organization="another", key_type=KeyType.EC, now=now, days=1)
    foreign = issue_intermediate(root, "test", now=now, days=1)

    def renew(*pods: str) -> None:
        """End connections that were made before: they go on."""
        for pod in pods:
            assert box.run("kill", "pod", pod).returncode == 0
        assert box.run("heal").returncode == 0

    def wait_refused(host: str, cluster: str, *, by: str, reason: str) -> None:
        """Call until it is refused for the reason; nobody answers meanwhile."""
        before = refusals(box, by, reason)

        def is_refused() -> bool:
            assert box.answering(host, cluster) == ""
            return refusals(box, by, reason) > before

        wait_until(is_refused, f"{by} refuses: {reason}", seconds=120)

    # A workload of the right name under another root; of the right root with another name.
    show(layout, "ratings-v1", foreign, names["ratings-v1"], now)
    show(layout, "httpbin-v1", mesh, names["reviews-v1"], now)
    renew("ratings-v1", "httpbin-v1")
    wait_refused("ratings.bookinfo", "west", by="west", reason="fail_verify_error")
    wait_refused("httpbin.httpbin", "west", by="west", reason="fail_verify_san")
    # And a caller under another root.
    show(layout, "ratings-v1", mesh, names["ratings-v1"], now)
    show(layout, "httpbin-v1", mesh, names["httpbin-v1"], now)
    show(layout, "flat", foreign, client_id("flat"), now)
    renew("ratings-v1", "httpbin-v1")
    wait_refused("ratings.bookinfo", "flat", by="ratings-v1", reason="fail_verify_error")
    show(layout, "flat", mesh, client_id("flat"), now)
    box.heal()


def test_a_second_box_of_the_directory_is_refused(box: Box) -> None:
    done = box.run("up")
    assert (done.returncode, "globaldns demo down" in done.stderr) == (1, True)


def test_all_ends_with_the_process_that_was_started_however_that_ends(box: Box) -> None:
    assert len(box.processes()) > 20
    box.process.kill()
    box.process.wait()
    wait_until(lambda: box.processes() == [], "no process is left")
    assert box.layout.box.exists()
    assert "no box runs" in box.run("status").stderr
    again = box.start()
    wait_until(lambda: box.output.read_text() != "", "it starts again")
    again.send_signal(signal.SIGINT)
    assert again.wait(60) == 0
    assert box.processes() == []
    assert not box.layout.box.exists()
    assert not (box.layout.top / LOCK).exists()


def test_who_is_not_root_has_a_box_too_and_down_ends_it(box: Box) -> None:
    """It is after the one before: two boxes at once need more than the kernel's defaults."""
    ordinary = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if subprocess.run([*ordinary, "true"], check=False).returncode:
        pytest.skip("this kernel lets nobody have user namespaces")
    process = box.start(*ordinary)
    box.wait_ready(process)
    assert box.answering("ratings.bookinfo", "east") == "ratings-v1"
    assert box.run("down").returncode == 0
    assert process.wait(60) == 0
    assert box.processes() == []
    assert not box.layout.box.exists()


def test_what_a_machine_lacks_is_said_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "globaldns", "demo", "up", "--state", f"/tmp/{'long' * 30}"],
        cwd=ROOT,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    for remedy in ("iproute2", "util-linux", "--state"):
        assert remedy in done.stderr
