"""Processes are started, ended and started again by their names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from globaldns.demo.processes import Processes, python

SLEEP = ("sleep", "60")


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    made = Processes(tmp_path)
    yield made
    await made.close()


async def test_one_is_killed_and_comes_back(processes: Processes) -> None:
    await processes.start("one", SLEEP)
    assert processes.is_up("one")
    await processes.kill("one")
    assert not processes.is_up("one")
    assert [*processes.ended()] == ["one"]
    await processes.restart("one")
    assert processes.is_up("one")
    assert [*processes.ended()] == []


async def test_what_it_says_is_kept(processes: Processes) -> None:
    await processes.start("one", ("sh", "-c", "echo hello; exec sleep 60"))
    while "hello" not in processes.log("one"):
        assert processes.is_up("one")
    assert not processes.is_up("another")


async def test_all_end_with_them(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    await processes.start("one", SLEEP)
    await processes.close()
    assert [*processes.ended()] == ["one"]


def test_a_module_is_run_by_this_python() -> None:
    assert python("globaldns", "version")[1:] == ("-m", "globaldns", "version")
