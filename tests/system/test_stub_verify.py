"""The ways of pods' questions, asked through real CoreDNSes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stubs.platforms import KUBEADM
from tests.system.corednses import CoreDNS, localize
from tests.system.running import Server
from tests.system.telling import Told

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Of a TLS connection whose farewell is under way when a command's loop ends, and its process."""


def test_the_way_is_seen_to_work_through_a_real_coredns(
    told: Callable[..., Told],
    shared_server: Server,
    tmp_path: Path,
    need: Callable[[str], str],
) -> None:
    dns = told(*KUBEADM)
    ours = f"127.0.0.1:{shared_server.mesh.dns_port}"
    dns.must("install", "--forward-to", ours)
    folder = tmp_path / "coredns"
    bare = localize(KUBEADM[0]["data"]["Corefile"], folder)
    with CoreDNS(need("coredns"), folder, bare) as server:
        through = ("verify", "--through", f"127.0.0.1:{server.port}", "-o", "json")
        direct, way = json.loads(dns.must(*through, code=3))["paths"]
        assert direct["outcome"] == "ok"
        assert way["outcome"] != "ok"
        assert way["hint"]
        server.write(localize(dns.corefile(), folder))
        direct, way = json.loads(dns.must(*through, "--wait", "60"))["paths"]
    assert way["outcome"] == direct["outcome"] == "ok"
    assert way["instance"] == direct["instance"]
    assert way["instance"].startswith("east/")
