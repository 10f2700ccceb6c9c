"""Wakes a source when something below its directory has changed.

A watch ends without a word when its directory is removed, replaced, mounted over, or was never
there, so every second the directory is compared with the one that is watched. Its number alone
proves little: a directory that is made again mostly gets the old one's. While a watch begins the
directory is held open, which keeps its number from being given again; from then on its removal is
an event. It is not held for longer: that would keep its file system from being unmounted.

What lies behind a link that leads out of the directory is seen by regular readings only.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from watchfiles import Change, awatch

logger = logging.getLogger(__name__)

STEP_MILLISECONDS = 10
"""How long after an event the next may come to go out with it; the default of 50 costs 100 ms."""
DEBOUNCE_MILLISECONDS = 50
"""How long a stream of events may hold back the first."""
COMPARE_MILLISECONDS = 1000
"""How often the directory is compared with the one that is watched."""

_RETRY_SECONDS = 30
"""When a watch that cannot be had is asked for again."""


class _Identity(NamedTuple):
    path: str
    """Without links."""
    device: int
    inode: int


class _Hold:
    """Keeps a directory's number from being given to another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._is_over = False

    def take(self, directory: Path) -> _Identity | None:
        """Hold a directory and return which one it is; None: there is none.

        Called in a thread, which may end after ``release`` when its caller was cancelled.
        """
        try:
            descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None
        with self._lock:
            if self._is_over:
                os.close(descriptor)
                return None
            self._descriptor = descriptor
        return _identify(directory)

    def release(self) -> None:
        """Let go, if it is held."""
        with self._lock:
            self._is_over = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


async def watch(directory: Path, changed: asyncio.Event) -> None:
    """Set ``changed`` whenever something below a directory may have changed; for ever."""
    while True:
        hold = _Hold()
        try:
            identity = await asyncio.to_thread(hold.take, directory)
            changed.set()  # also where there is none: it may have been read a moment ago
            if identity is not None:
                await _watch_while(directory, identity, hold, changed)
                changed.set()
        finally:
            hold.release()
        await asyncio.sleep(COMPARE_MILLISECONDS / 1000)


async def _watch_while(
    directory: Path, identity: _Identity, hold: _Hold, changed: asyncio.Event
) -> None:
    """Watch a directory as long as its path leads to it.

    The watch begins before this waits for the first time: what is set before is read after that.
    """
    try:
        async for events in awatch(
            directory,
            watch_filter=None,
            step=STEP_MILLISECONDS,
            debounce=DEBOUNCE_MILLISECONDS,
            rust_timeout=COMPARE_MILLISECONDS,
            yield_on_timeout=True,
            ignore_permission_denied=True,  # and of a directory that is missing, says nothing
        ):
            if events:
                changed.set()
            if _ends(events, {str(directory), identity.path}):
                return
            if await asyncio.to_thread(_identify, directory) != identity:
                return
            hold.release()
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:  # no more watches to be had; the watcher's own errors
        logger.warning(
            "directory is not watched, only read regularly",
            extra={"directory": str(directory), "reason": str(error)},
        )
        hold.release()
        await asyncio.sleep(_RETRY_SECONDS)


def _ends(events: Iterable[tuple[Change, str]], roots: set[str]) -> bool:
    """Whether the directory itself was removed: another may have its place and number already."""
    return any(kind is Change.deleted and path in roots for kind, path in events)


def _identify(directory: Path) -> _Identity | None:
    """Return which directory a path leads to; None: to none."""
    try:
        path = os.path.realpath(directory, strict=True)
        status = os.stat(path)  # noqa: PTH116 (as cheap as it gets, every second)
    except OSError:
        return None
    return _Identity(path, status.st_dev, status.st_ino)
