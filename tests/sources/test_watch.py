from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from globaldns.model.view import Change, Reset
from globaldns.sources.directory import DirectorySource
from globaldns.sources.watch import COMPARE_SECONDS, count_spare, watch
from tests.sources.manifests import GRACE, RULES, entry, hosts

CEILING_SECONDS = 20


class Running:
    """A source that runs, and the condition that something was published."""

    def __init__(self, root: Path) -> None:
        self.source = DirectorySource(root, RULES, grace=GRACE)
        self.published: list[Change] = []
        self._news = asyncio.Event()

    def publish(self, changes: Sequence[Change], _received: float) -> None:
        assert changes
        self.published += changes
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(CEILING_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until_hosts(self, *names: str) -> None:
        await self.until(lambda: hosts(self.source) == set(names))

    async def until_state(self, state: str) -> None:
        await self.until(lambda: self.source.freshness.state.value == state)


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[Running]:
    run = Running(root)
    task = asyncio.create_task(run.source.run(run.publish))
    try:
        yield run
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def test_a_new_file_is_published(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(entry("a"))
    async with running(tmp_path) as run:
        await run.until_hosts("a")
        (tmp_path / "g.yaml").write_text(entry("b"))
        await run.until_hosts("a", "b")
        assert sum(isinstance(change, Reset) for change in run.published) == 1


async def test_a_directory_that_comes_later_is_read_and_watched(tmp_path: Path) -> None:
    root = tmp_path / "later"
    async with running(root) as run:
        await run.until_state("waiting")
        root.mkdir()
        (root / "f.yaml").write_text(entry("a"))
        await run.until_hosts("a")
        (root / "g.yaml").write_text(entry("b"))
        await run.until_hosts("a", "b")


async def test_a_directory_that_was_removed_and_made_again_is_watched_again(tmp_path: Path) -> None:
    root = tmp_path / "east"
    root.mkdir()
    (root / "f.yaml").write_text(entry("a"))
    async with running(root) as run:
        await run.until_hosts("a")
        shutil.rmtree(root)
        await run.until_state("silent")
        root.mkdir()
        (root / "f.yaml").write_text(entry("a"))
        await run.until_state("synced")
        (root / "g.yaml").write_text(entry("b"))
        await run.until_hosts("a", "b")


async def test_a_directory_that_is_replaced_at_once_is_watched_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f.yaml").write_text(entry("a"))
    (tmp_path / "current").symlink_to("one")
    async with running(tmp_path / "current") as run:
        await run.until_hosts("a")
        (tmp_path / "two" / "g.yaml").write_text(entry("b"))
        (tmp_path / "next").symlink_to("two")
        (tmp_path / "next").rename(tmp_path / "current")
        await run.until_hosts("a", "b")
        (tmp_path / "two" / "h.yaml").write_text(entry("c"))
        await run.until_hosts("a", "b", "c")


async def test_a_new_directory_below_is_watched_too(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(entry("a"))
    async with running(tmp_path) as run:
        await run.until_hosts("a")
        (tmp_path / "sub" / "deep").mkdir(parents=True)
        (tmp_path / "sub" / "deep" / "g.yaml").write_text(entry("b"))
        await run.until_hosts("a", "b")


async def test_others_get_their_turn_during_a_first_reading(tmp_path: Path) -> None:
    for number in range(20):
        names = [f"s{number}-{one}" for one in range(100)]
        (tmp_path / f"f{number}.yaml").write_text("".join(map(entry, names)))
    async with running(tmp_path) as run:
        turns = 0
        while run.source.freshness.state.value != "synced":
            turns += 1
            await asyncio.sleep(0)
        assert turns > 2
        assert len(hosts(run.source)) == 2000


async def test_a_directory_that_is_gone_before_it_is_watched_is_looked_at(tmp_path: Path) -> None:
    changed = asyncio.Event()
    task = asyncio.create_task(watch(tmp_path / "gone", changed))
    async with asyncio.timeout(CEILING_SECONDS):
        await changed.wait()
    task.cancel()
    await asyncio.wait([task])


@asynccontextmanager
async def watching(directory: Path) -> AsyncIterator[asyncio.Event]:
    """Watch a directory; what was to be read at first is read."""
    changed = asyncio.Event()
    task = asyncio.create_task(watch(directory, changed))
    try:
        await seen(changed)
        yield changed
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def until(holds: Callable[[], bool]) -> None:
    """Look until a condition holds."""
    async with asyncio.timeout(CEILING_SECONDS):
        while not holds():  # noqa: ASYNC110 - what is looked at has no event
            await asyncio.sleep(0.01)


def most_events() -> int:
    """Return how many events the kernel keeps."""
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


def descriptors() -> int:
    """Return how many descriptors are open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def seen(changed: asyncio.Event) -> None:
    """Wait until something has changed."""
    async with asyncio.timeout(CEILING_SECONDS):
        await changed.wait()
    changed.clear()


async def quiet(changed: asyncio.Event) -> None:
    """Wait until everything that has happened was told."""
    while True:
        changed.clear()
        await asyncio.sleep(0.2)
        if not changed.is_set():
            return


async def test_nothing_is_told_where_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("a")
    async with watching(tmp_path) as changed:
        (tmp_path / "f.yaml").read_text()
        await asyncio.sleep(COMPARE_SECONDS * 1.5)
        assert not changed.is_set()


async def test_a_directory_that_is_moved_in_or_out_is_told_and_its_files_after_that(
    tmp_path: Path,
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    root.mkdir()
    async with watching(root) as changed:
        outside.rename(root / "inside")
        await seen(changed)
        await quiet(changed)
        (root / "inside" / "deep" / "f.yaml").write_text("a")
        await seen(changed)
        await quiet(changed)
        (root / "inside").rename(outside)
        await seen(changed)
        await quiet(changed)
        (outside / "deep" / "f.yaml").write_text("b")
        await asyncio.sleep(0.2)
        assert not changed.is_set()


async def test_where_the_kernel_loses_count_what_comes_later_is_told(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    async with watching(tmp_path) as changed:
        for number in range(most_events()):  # nothing is read meanwhile
            (tmp_path / f"{number % 2}").touch()
            (tmp_path / f"{number % 2}").unlink()
        await seen(changed)
        await quiet(changed)
        (tmp_path / "sub" / "f.yaml").write_text("a")
        await seen(changed)


@pytest.mark.parametrize(
    ("call", "error"),
    [("INotify.add_watch", errno.ENOSPC), ("os.open", errno.EMFILE), ("os.scandir", errno.ENOMEM)],
)
async def test_a_directory_that_cannot_be_watched_is_said_to_be_read_regularly(
    call: str,
    error: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr("globaldns.sources.watch._RETRY_SECONDS", 0.01)
    with monkeypatch.context() as patched:
        patched.setattr(f"globaldns.sources.watch.{call}", refuse)
        changed = asyncio.Event()
        task = asyncio.create_task(watch(tmp_path, changed))
        await until(lambda: bool(caplog.records))
    assert "is not watched, only read regularly" in caplog.text
    await seen(changed)
    await quiet(changed)
    (tmp_path / "f.yaml").write_text("a")
    await seen(changed)
    task.cancel()
    await asyncio.wait([task])


async def test_who_is_cancelled_while_a_watch_begins_leaves_no_descriptor(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}").mkdir()
    before = descriptors()
    for turns in range(6):
        task = asyncio.create_task(watch(tmp_path, asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await until(lambda: descriptors() <= before)


def test_what_may_be_watched_is_counted_and_given_back() -> None:
    assert [count_spare(0), count_spare(2), count_spare(2)] == [0, 2, 2]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, before[1]))
    try:
        assert count_spare(highest + 5) < highest + 5
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
