"""What servers under test are started with."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tests.system.running import _free_ports, free_port

WORKERS = 2


def test_ports_are_given_once_and_are_none_that_the_kernel_chooses() -> None:
    least = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if least < 32768:
        pytest.skip(f"this machine's kernel chooses ports from {least} on")
    ports = [free_port() for _ in range(20)]
    assert len({*ports}) == 20
    assert max(ports) < least


def test_each_of_several_processes_has_ports_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[set[int]] = []
    for worker in range(WORKERS):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(WORKERS))
        shares.append({*islice(_free_ports(), 50)})
    assert not shares[0] & shares[1]


def test_runs_side_by_side_begin_at_different_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    firsts = set()
    for process in (1000, 1001, 1002):
        monkeypatch.setattr("os.getpid", lambda process=process: process)
        firsts.add(next(_free_ports()) // 100)
    assert len(firsts) == 3
