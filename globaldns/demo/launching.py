"""The process that a person starts: it holds the directory, and the box ends with it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from globaldns.demo.inside import FAILURE
from globaldns.demo.layout import BOX_LOCK, SOCKET, Layout
from globaldns.demo.lines import ask
from globaldns.demo.processes import python
from globaldns.demo.requirements import check_machine, isolate
from globaldns.demo.words import Down, GetStatus, Reply, Request, Status
from globaldns.errors import RequestRefused, StateError, StateLocked
from globaldns.state import StateDirectory
from globaldns.state.directory import LOCK
from globaldns.state.lock import Lock

END_SECONDS = 30.0
"""How long a box has to end; what is left then is killed."""
_LOOK_SECONDS = 0.1
_KILL = "kill that process"
_OURS = ".globaldns-demo"
"""Marks what may be removed as a whole."""


class Launched:
    """A box that runs, as seen from outside."""

    def __init__(self, layout: Layout, process: subprocess.Popen[bytes]) -> None:
        self._layout = layout
        self._process = process

    def look(self) -> Status | None:
        """Return how it is; None: it does not say yet, or it has ended.

        Raises:
            RequestRefused: it did not start.
        """
        if self._process.poll() is not None:
            self._check_failure()
            return None
        try:
            reply = ask(self._layout.top / SOCKET, GetStatus(), Reply)
        except RequestRefused:
            return None  # it has just ended
        return reply.status if reply else None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _check_failure(self) -> None:
        failure = self._layout.box / FAILURE
        if failure.exists():
            said = msgspec.json.decode(failure.read_bytes(), type=Reply)
            raise RequestRefused(said.error, hint=said.hint)
        if self._process.returncode:
            log = self._layout.box / "box.log"
            said_last = log.read_text(errors="replace").splitlines()[-5:]
            raise RequestRefused("the box has ended: " + "; ".join(said_last))


@contextmanager
def launched(layout: Layout, now: int) -> Iterator[Launched]:
    """Run a box until the end of the block; what a dead one left is removed before.

    Raises:
        RequestRefused: the machine lacks something, or the directory has files of others.
        StateError: the directory cannot be used.
    """
    state = StateDirectory(layout.top)
    is_new = not layout.top.exists()
    with _by_option():
        _hold(state, now)
    try:
        remove_files(layout)
        envoy = check_machine(layout)
        layout.box.mkdir()
        (layout.box / _OURS).touch()
        with (layout.box / "box.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603
                [*isolate(), *python("globaldns.demo.inside", str(layout.top), envoy)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C is for us: the box ends in order.
                start_new_session=True,
            )
        box = Launched(layout, process)
        try:
            yield box
        finally:
            box.end()
            remove_files(layout)
    finally:
        _let_go(layout, state)
        if is_new and not [*layout.top.iterdir()]:
            layout.top.rmdir()


@contextmanager
def _by_option() -> Iterator[None]:
    """Have remedies name the option that names the directory, which no configuration does.

    Raises:
        StateError: as before.
    """
    try:
        yield
    except StateError as error:
        hint = error.hint.replace("the key state", "--state")
        raise type(error)(str(error), hint=hint) from error


def _hold(state: StateDirectory, now: int) -> None:
    try:
        state.lock(now)
    except StateLocked as error:
        raise StateLocked(str(error), hint="end it with globaldns demo down") from None


def _has_box(layout: Layout) -> bool:
    """Whether a box is there, or what one left; not where somebody else's files are."""
    return (layout.box / _OURS).exists()


def _let_go(layout: Layout, state: StateDirectory) -> None:
    """Give up the directory; where no box is left in it, without a trace."""
    if not _has_box(layout):
        for name in (BOX_LOCK, LOCK):
            (layout.top / name).unlink(missing_ok=True)
    state.unlock()


def _wait_for(lock: Lock) -> None:
    """Wait until nobody holds a lock.

    Raises:
        RequestRefused: who holds it does not end.
    """
    deadline = time.monotonic() + END_SECONDS
    while (holder := lock.holder()) is not None:
        if time.monotonic() > deadline:
            raise RequestRefused(f"{lock.path} is held by {holder}, which does not end", hint=_KILL)
        time.sleep(_LOOK_SECONDS)


def remove_files(layout: Layout) -> None:
    """Remove what a box has written, once that has ended.

    Raises:
        RequestRefused: it is no box's, or that does not end.
    """
    _wait_for(Lock(layout.top / BOX_LOCK))
    (layout.top / SOCKET).unlink(missing_ok=True)
    if not layout.box.exists():
        return
    if not _has_box(layout):
        raise RequestRefused(
            f"{layout.box} is no box's, and is left alone",
            hint="name another directory with --state",
        )
    shutil.rmtree(layout.box)


def request(layout: Layout, wanted: Request) -> Reply:
    """Have the box that runs do something.

    Raises:
        RequestRefused: none runs, or it refuses.
    """
    reply = ask(layout.top / SOCKET, wanted, Reply)
    if reply is None:
        raise RequestRefused(f"no box runs in {layout.top}", hint="start one: globaldns demo up")
    if reply.error:
        raise RequestRefused(reply.error, hint=reply.hint)
    return reply


def bring_down(layout: Layout, now: int) -> bool:
    """End the box that runs, or remove what one left that died; return whether one ran.

    Raises:
        RequestRefused: it does not end.
        StateError: the directory cannot be used.
    """
    if not layout.top.exists():
        return False
    ran = ask(layout.top / SOCKET, Down(), Reply) is not None
    _wait_for(Lock(layout.top / LOCK))
    if layout.box.exists():
        state = StateDirectory(layout.top)
        with _by_option():
            state.lock(now)
        try:
            remove_files(layout)
        finally:
            _let_go(layout, state)
    return ran
