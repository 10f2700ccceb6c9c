from __future__ import annotations

import os
from pathlib import Path

import pytest

from globaldns.app import cores
from globaldns.app.cores import MOST_CORES, usable_cores
from globaldns.config.values import parse_workers
from globaldns.errors import InvalidValue

FREE = 64
"""Cores of the node."""


@pytest.fixture(autouse=True)
def node(monkeypatch: pytest.MonkeyPatch) -> None:
    have_cores(monkeypatch, FREE)


def have_cores(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _process: set(range(count)))


QUOTAS = [
    ("100000", "100000", 1),
    ("150000", "100000", 2),
    ("200000", "100000", 2),
    ("200001", "100000", 3),
    ("1000", "100000", 1),
    ("9000000", "100000", FREE),
    ("0", "100000", FREE),
    ("100000", "0", FREE),
    ("100000", "", FREE),
    ("", "", FREE),
    ("half", "100000", FREE),
    ("\N{ARABIC-INDIC DIGIT THREE}", "1", FREE),
]


@pytest.mark.parametrize(("quota", "period", "expected"), [("max", "100000", FREE), *QUOTAS])
def test_a_quota_of_version_2_bounds(
    tmp_path: Path, quota: str, period: str, expected: int
) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota} {period}\n")
    assert usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("quota", "period", "expected"), [("-1", "100000", FREE), *QUOTAS])
def test_a_quota_of_version_1_bounds(
    tmp_path: Path, quota: str, period: str, expected: int
) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text(f"{period}\n")
    assert usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("free", "expected"), [(1, 1), (2, 2), (99, 99), (100, 99), (1024, 99)])
def test_without_a_quota_it_is_the_affinity_up_to_what_a_person_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, expected: int
) -> None:
    have_cores(monkeypatch, free)
    assert usable_cores(tmp_path) == expected


def test_a_quota_that_cannot_be_read_bounds_nothing(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").mkdir()
    assert usable_cores(tmp_path) == FREE


def test_this_machine_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


def test_the_most_is_the_most_that_a_person_may_write() -> None:
    assert parse_workers(str(MOST_CORES)) == MOST_CORES
    with pytest.raises(InvalidValue):
        parse_workers(str(MOST_CORES + 1))
