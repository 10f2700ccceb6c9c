"""A process that reads many files says what reading them here would say."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from globaldns.sources.bulk import MANY_OCTETS, BulkReader
from globaldns.sources.reader import Job, read_job


async def test_several_may_ask_at_once(job: Job) -> None:
    reader = BulkReader()
    jobs = [Job(job.root, [path], job.cluster, job.now) for path in job.paths]
    found = await asyncio.gather(*map(reader.read, jobs))
    await reader.close()
    assert found == [read_job(one) for one in jobs]


async def test_a_process_that_is_killed_costs_nothing_but_time(job: Job) -> None:
    reader = BulkReader()
    await reader.read(job)
    child = reader._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    assert await reader.read(job) == read_job(job)
    assert await reader.read(job) == read_job(job)
    await reader.close()


async def test_after_it_is_closed_files_are_read_here(job: Job) -> None:
    reader = BulkReader()
    await reader.close()
    assert await reader.read(job) == read_job(job)
    assert reader._child is None


@pytest.mark.parametrize(("octets", "is_started"), [(MANY_OCTETS, True), (1, False)])
async def test_the_process_starts_ahead_where_there_is_much_to_read(
    tmp_path: Path, octets: int, *, is_started: bool
) -> None:
    (tmp_path / "some.yaml").write_text("#" * octets)
    reader = BulkReader()
    await reader.prepare([tmp_path, tmp_path / "missing"])
    assert (reader._child is not None) == is_started
    await reader.close()
