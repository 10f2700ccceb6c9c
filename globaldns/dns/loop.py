"""The event loop of a worker: datagrams are served while it waits, without a turn of the loop.

A turn of asyncio's loop costs as much as an answer. So what is read by ``add_reader`` is none of
its events: these sockets stand beside the selector that has all of them, and as long as nothing
else is ready or due, they are served from inside the wait::

    epoll ──┬─ a UDP socket      served, and waited again
            └─ the selector      connections, signals: the loop has its turn

When something else is ready or due, each socket is served once and the loop has its turn: neither
starves the other.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import time
from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

_Arguments = TypeVarTuple("_Arguments")


class DatagramLoop(asyncio.SelectorEventLoop):
    """A loop whose readers are served while it waits.

    What they schedule begins when the loop has its turn; so they are not for what schedules.
    """

    def __init__(self) -> None:
        self._wait = _Wait(self.call_exception_handler)
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
        """Call it no more; return whether it was."""
        return self._wait.remove(_number(fd))


class _Wait(selectors.EpollSelector):
    """The loop's selector, which serves readers until there is something for the loop."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._report = report
        self._readers: dict[int, Callable[[], object]] = {}
        self._epoll = select.epoll()
        self._epoll.register(self.fileno(), select.EPOLLIN)

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
        while not is_over:
            for number, _ in self._epoll.poll(pause, len(self._readers) + 1):
                reader = self._readers.get(number)
                if reader is None:
                    is_over = True
                    continue
                try:
                    reader()
                except Exception as error:  # noqa: BLE001 - as a turn of the loop does
                    self._report({"message": "a reader failed", "exception": error})
            if timeout is not None:
                pause = max(0.0, due - time.monotonic())
                is_over = is_over or not pause
        return super().select(0)

    def close(self) -> None:
        """Wait no more."""
        self._epoll.close()
        super().close()


def _number(descriptor: FileDescriptorLike) -> int:
    return descriptor if isinstance(descriptor, int) else descriptor.fileno()
