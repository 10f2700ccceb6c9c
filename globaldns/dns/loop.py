"""The event loop of a worker: datagrams are served while it waits, without a turn of the loop.

A turn of asyncio's loop costs as much as an answer. So the sockets of ``add_reader`` are none of
its events: as long as nothing else is ready or due, they are served from inside the wait::

    epoll ──┬─ a UDP socket             served, and waited again
            └─ connections, signals     the loop has its turn

When something else is ready or due, each socket is served once and the loop has its turn: neither
starves the other.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_MASKS = {
    selectors.EVENT_READ: select.EPOLLIN,
    selectors.EVENT_WRITE: select.EPOLLOUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: select.EPOLLIN | select.EPOLLOUT,
}
_Arguments = TypeVarTuple("_Arguments")


class DatagramLoop(asyncio.SelectorEventLoop):
    """A loop whose readers are served while it waits.

    What they schedule begins when the loop has its turn; so they are not for what schedules.
    """

    def __init__(self) -> None:
        self._wait = _Selector(self.call_exception_handler)
        super().__init__(self._wait)

    def add_reader(
        self,
        fd: FileDescriptorLike,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
    ) -> None:
        """Call something whenever a descriptor can be read."""
        self._wait.add(_number(fd), partial(callback, *args))

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        """Call it no more, a listener's accepting neither; return whether it was."""
        return self._wait.remove(_number(fd)) or super().remove_reader(fd)


class _Selector(selectors.BaseSelector):
    """What the loop waits with; it serves readers until there is something for the loop."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
        self._readers: dict[int, Callable[[], object]] = {}
        self._keys: dict[FileDescriptorLike, selectors.SelectorKey] = {}
        self._epoll = select.epoll()

    def add(self, number: int, reader: Callable[[], object]) -> None:
        """Serve a descriptor from now on."""
        self._epoll.register(number, select.EPOLLIN)
        self._readers[number] = reader

    def remove(self, number: int) -> bool:
        """Serve it no more; return whether it was."""
        is_known = self._readers.pop(number, None) is not None
        if is_known:
            self._epoll.unregister(number)
        return is_known

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready for the loop within so many seconds; None: wait however long."""
        due = inf if timeout is None else time.monotonic() + timeout
        pause, is_over = timeout, False
        ready: list[tuple[selectors.SelectorKey, int]] = []
        while not (ready or is_over):
            for number, events in self._epoll.poll(pause, len(self._readers) + len(self._keys)):
                reader = self._readers.get(number)
                if reader is not None:
                    self._serve(reader)
                elif number in self._keys:
                    ready.append((self._keys[number], _events(events)))
            if timeout is not None:
                pause = max(0.0, due - time.monotonic())
                is_over = not pause
        return ready

    def _serve(self, reader: Callable[[], object]) -> None:
        try:
            reader()
        except Exception as error:  # noqa: BLE001 - as a turn of the loop does
            self._report({"message": "a reader failed", "exception": error})

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        """Tell the loop of a descriptor; it knows them by their numbers (selectors)."""
        number = _number(fileobj)
        self._epoll.register(number, _MASKS[events])
        key = self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return key

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        """Tell no more of it, which may be closed already."""
        key = self._keys.pop(_number(fileobj))
        with suppress(OSError):
            self._epoll.unregister(key.fd)
        return key

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        """Return what the loop is told of, by number."""
        return self._keys

    def close(self) -> None:
        """Wait no more."""
        self._epoll.close()


def _events(mask: int) -> int:
    """Return the loop's word for what epoll has seen; a failure is both."""
    reads = selectors.EVENT_READ if mask & ~select.EPOLLOUT else 0
    return reads | (selectors.EVENT_WRITE if mask & ~select.EPOLLIN else 0)


def _number(descriptor: FileDescriptorLike) -> int:
    return descriptor if isinstance(descriptor, int) else descriptor.fileno()
