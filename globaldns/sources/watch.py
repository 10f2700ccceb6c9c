"""Wakes a source when something below its directory has changed (inotify(7)).

The directory and all below it are watched as they are when a watch begins. It ends when a directory
comes or goes, or the kernel has lost count, and begins anew: what happened in between is found by
reading after that. It ends too when the path leads elsewhere, by a link or a mount, of which nobody
tells: so every second the path is followed, and compared with what is watched. That is held open
while it is identified and the watch begins; from then on its removal is told, so another that gets
its number is not taken for it.

What lies behind a link that leads out of the directory is seen by regular readings only.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self

from inotify_simple import Event, INotify, flags

logger = logging.getLogger(__name__)

STEP_SECONDS = 0.01
"""How long after an event the next may come to go out with it."""
DEBOUNCE_SECONDS = 0.05
"""How long a stream of events may hold back the first."""
COMPARE_SECONDS = 1.0
"""How often the path is followed."""

_RETRY_SECONDS = 30.0
"""When a watch that cannot be had is asked for again."""

_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC))
_GONE = flags.DELETE_SELF | flags.MOVE_SELF
_FILES = flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.ATTRIB
_WRITING = flags.MODIFY | flags.CLOSE_WRITE
_WANTED = _GONE | _FILES | _WRITING | flags.ONLYDIR
_ENDING = _GONE | flags.UNMOUNT | flags.IGNORED | flags.Q_OVERFLOW | flags.ISDIR


def count_spare(most: int) -> int:
    """Return how many more inotify instances this user may have now, at most so many.

    Whoever watches files takes some, Envoys among them, of ``fs.inotify.max_user_instances``.
    """
    with ExitStack() as taken:
        for count in range(most):
            try:
                taken.enter_context(INotify())
            except OSError:
                return count
    return most


class _Identity(NamedTuple):
    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_dev, status.st_ino)


class _Watch:
    """Of a directory, and all below it as long as they are the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_over = False
        self._inotify: INotify | None = None
        self._identity: _Identity | None = None
        self._events: list[Event] = []
        self._has_events = asyncio.Event()

    def begin(self, directory: Path) -> bool:
        """Watch a directory from now on; return whether there is one that can be read.

        Called in a thread, which may end after ``close`` when its caller was cancelled.

        Raises:
            OSError: there are no more watches to be had.
        """
        inotify = INotify(nonblocking=True)
        with self._lock:
            if self._is_over:
                inotify.close()
                return False
            self._inotify = inotify
        try:
            root = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            _pass_over(error)
            return False
        try:
            path = f"/proc/self/fd/{root}"
            self._identity = _Identity.of(os.fstat(root))
            if not self._add(path, _WANTED):
                return False
            for folder, names, _ in os.walk(path, onerror=_pass_over):
                for name in names:
                    self._add(f"{folder}/{name}", _WANTED | flags.DONT_FOLLOW)
            return True
        finally:
            os.close(root)

    def _add(self, path: str, wanted: int) -> bool:
        """Watch one directory more; return whether it is there and can be read."""
        with self._lock:
            if self._is_over or self._inotify is None:
                return False
            try:
                self._inotify.add_watch(path, wanted)
            except OSError as error:
                _pass_over(error)
                return False
            return True

    async def wait(self, directory: Path, changed: asyncio.Event) -> None:
        """Set ``changed`` whenever something has, until the watch ends."""
        loop, inotify = asyncio.get_running_loop(), self._inotify
        if inotify is None:
            return
        loop.add_reader(inotify, self._take, inotify)
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(COMPARE_SECONDS):
                        await self._has_events.wait()
                events = await self._gather()
                if events:
                    changed.set()
                if any(event.mask & _ENDING for event in events):
                    return
                if await asyncio.to_thread(_identify, directory) != self._identity:
                    return
        finally:
            loop.remove_reader(inotify)

    def _take(self, inotify: INotify) -> None:
        self._events += inotify.read(timeout=0)
        self._has_events.set()

    async def _gather(self) -> list[Event]:
        """Return what has come, and what comes soon after."""
        until = asyncio.get_running_loop().time() + DEBOUNCE_SECONDS
        events: list[Event] = []
        while self._events:
            events += self._events
            self._events = []
            if asyncio.get_running_loop().time() < until:
                await asyncio.sleep(STEP_SECONDS)
        self._has_events.clear()
        return events

    def close(self) -> None:
        """Watch no more."""
        with self._lock:
            self._is_over = True
            if self._inotify is not None:
                self._inotify.close()


async def watch(directory: Path, changed: asyncio.Event) -> None:
    """Set ``changed`` whenever something below a directory may have changed; for ever."""
    while True:
        watching, pause = _Watch(), COMPARE_SECONDS
        try:
            is_there = await asyncio.to_thread(watching.begin, directory)
            changed.set()  # also where there is none: it may have been read a moment ago
            if is_there:
                await watching.wait(directory, changed)
                pause = 0.0
        except OSError as error:
            logger.warning(
                "directory is not watched, only read regularly",
                extra={"directory": str(directory), "reason": str(error)},
            )
            pause = _RETRY_SECONDS
        finally:
            watching.close()
        await asyncio.sleep(pause)


def _pass_over(error: OSError) -> None:
    """Go on without a directory that is gone or cannot be read, unless no more is to be had."""
    if error.errno in _EXHAUSTED:
        raise error


def _identify(directory: Path) -> _Identity | None:
    """Return what a path leads to; None: nothing."""
    try:
        return _Identity.of(directory.stat())
    except OSError:
        return None
