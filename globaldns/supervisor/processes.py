"""The supervisor: it holds the sockets and the shared memory, and sees that others do the work.

::

    supervisor ──┬─ control     the registry: writes the table        TERM: end after the lame duck
                 │                                                    USR1: end now; HUP: read again
                 ├─ worker 0    sits on seat 0: answers by the table   TERM: end
                 └─ worker 1 …

It does little that could fail, so it stays while the others come and go: whoever dies is followed
by another, a worker at once and with all that the former had, for neither the sockets nor the zones
nor the counters are its own. Only a control process that refuses to start ends all, with its exit
code. Workers begin when the control process says that there is something to answer from.

Signals for all of them come here: children are in process groups of their own, so a Ctrl-C does
not reach them.

A control process that a successor wants to follow (``takeover``)::

    running ── YIELD ──► yielding ── it has ended ──► yielded ── DONE ──► the end
       ▲                                                 │
       └──────────────── the successor is gone ──────────┘
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, IntEnum, auto
from math import inf
from typing import Protocol

from globaldns.dns.plane import Plane
from globaldns.dns.worker import work
from globaldns.errors import StateError
from globaldns.supervisor.children import (
    CONTROL,
    SIGNALS,
    Child,
    describe_end,
    fork,
    has_ended,
)
from globaldns.supervisor.priority import ask_for_short_turns, step_back
from globaldns.supervisor.takeover import Desk, Holder, Word

logger = logging.getLogger(__name__)

END_SECONDS = 5.0
"""How long workers may take for their last replies when all ends."""
RETAKE_SECONDS = 0.2
"""How often to try for the lock that a successor has had."""

LOOK_SECONDS = 1.0
"""How often it is looked whether who was told something does it."""
HUNG_SECONDS = 10.0
"""A control process confirms the zones every second, also while it ends; workers look around four
times a second."""
ASLEEP_SECONDS = 3.0
"""Who does not look for so long was halted itself, and all with it, as in a paused container."""
REMIND_SECONDS = 30.0

_TOLD = (-signal.SIGTERM, -signal.SIGKILL)
"""How a control process may end that was told to, beside by itself."""


class Stage(IntEnum):
    """How far a control process has come."""

    ANSWERING = 1
    """There is something to answer from."""
    STARTED = 2
    """It has all that it takes."""
    NUMBERED = 3
    """All that there is to answer is answered."""


Control = Callable[[Callable[[Stage], None]], int]
"""Does the control process's work and returns its exit code; tells how far it has come."""


class State(Protocol):
    """The state directory, whose lock whoever runs a control process must hold."""

    def open_desk(self) -> Desk | None:
        """Wait there for a successor; None: none can come."""

    def give_up(self) -> None:
        """Hold the lock no more."""

    def take_back(self) -> None:
        """Hold the lock again.

        Raises:
            StateError: it cannot be had.
        """


class Tenure(Enum):
    """Whether the control process is ours to run."""

    RUNNING = auto()
    YIELDING = auto()
    YIELDED = auto()
    STOPPING = auto()


class Supervisor:
    """Runs a control process and a worker for each seat."""

    def __init__(
        self, plane: Plane, control: Control, state: State, holder: Holder | None = None
    ) -> None:
        self._plane = plane
        self._control = control
        self._state = state
        self._holder = holder
        """Whom we follow, until we answer as well."""
        self._desk: Desk | None = None
        self._children = [Child(CONTROL)]
        self._selector = selectors.DefaultSelector()
        self._tenure = Tenure.RUNNING
        self._stage = 0
        """How far any control process has come."""
        self._exit_code: int | None = None
        self._told_at = 0.0
        """When the control process was told last to end, or a successor that it may have it."""
        self._has_lock = True
        self._looked_at = self._awake_since = 0.0
        """When it was looked last who lives, and since when that was done all the time."""

    def run(self) -> int:
        """Run until told to stop, and return the exit code; the lock is held."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in SIGNALS:
            signal.signal(number, _wake)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, self._on_signals)
        if self._holder is None:
            self._open_desk()
        else:
            self._selector.register(self._holder, selectors.EVENT_READ, self._on_holder)
        while self._exit_code is None:
            self._start_due()
            ready = [key for key, _ in self._selector.select(self._pause())]
            # What a process said before it died counts: that it died is heard last.
            for key in sorted(ready, key=lambda key: key.fd == reader):
                key.data(key.fd)
            self._look()
        self._end_workers()
        return self._exit_code

    def _on_signals(self, reader: int) -> None:
        for number in os.read(reader, 4096):
            if number == signal.SIGCHLD:
                self._reap()
            elif number == signal.SIGHUP:
                self._tell_control(signal.SIGHUP)
            else:
                self._tenure, self._told_at = Tenure.STOPPING, time.monotonic()
                if not self._tell_control(signal.SIGTERM):
                    self._exit_code = 0

    def _tell_control(self, number: signal.Signals) -> bool:
        """Send the control process a signal; return whether there is one."""
        pid = self._children[0].pid
        if pid:
            os.kill(pid, number)
        return bool(pid)

    def _pause(self) -> float:
        """Return for how long nothing is to be done."""
        due = min((child.due for child in self._children if not child.pid), default=inf)
        return min(max(0.0, due - time.monotonic()), LOOK_SECONDS)

    def _look(self) -> None:
        """See whether who is to do something still lives, as far as that can be seen."""
        now = time.monotonic()
        if now - self._looked_at > ASLEEP_SECONDS:
            self._awake_since = now  # whoever hung did so with us
        self._looked_at = now
        if self._tenure is Tenure.STOPPING:
            if self._hangs(now, self._told_at, self._plane.table.confirmed_at):
                self._told_at = now
                self._tell_control(signal.SIGKILL)
                logger.error("the control process does not end: it is killed")
        elif self._tenure is Tenure.YIELDED and now - self._told_at > REMIND_SECONDS:
            logger.warning("the successor has the control, and does not answer yet")
            self._told_at = now
        for child in self._children:
            if child.role != CONTROL and child.pid:
                self._look_at_worker(child, now)

    def _look_at_worker(self, worker: Child, now: float) -> None:
        """Kill a worker that does not look around any more: its flows wait."""
        if self._hangs(now, worker.started, worker.killed, self._plane.looked_at(worker.role)):
            worker.killed = now
            os.kill(worker.pid, signal.SIGKILL)
            logger.error("a worker hangs: it is killed", extra={"worker": worker.role})

    def _hangs(self, now: float, *lived_at: float) -> bool:
        """Whether a process that lived at some times has not for too long, while we did."""
        return now - max(self._awake_since, *lived_at) > HUNG_SECONDS

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.pid and child.due <= now:
                child.started = now
                try:
                    self._start(child)
                except OSError as error:
                    child.put_off()
                    logger.error(
                        "a process cannot be started: it is tried again",
                        extra={"who": child.who, "reason": str(error)},
                    )
        if self._holder is not None and self._stage == Stage.NUMBERED:
            self._let_go(self._holder.end)

    def _start(self, child: Child) -> None:
        if child.role == CONTROL:
            self._start_control(child)
        else:
            self._start_worker(child)

    def _on_holder(self, _: int) -> None:
        """Answer as soon as can be where whoever was followed answers no more."""
        if self._holder is not None and self._holder.is_gone():
            logger.warning("the server that is followed has ended by itself")
            self._let_go(self._holder.close)
            self._begin_workers()

    def _let_go(self, close: Callable[[], None]) -> None:
        """Follow nobody any more."""
        if self._holder is not None:
            self._selector.unregister(self._holder)
            self._holder = None
        close()
        self._open_desk()

    def _start_worker(self, child: Child) -> None:
        child.pid = fork(f"gdns-worker-{child.role}", lambda: _work(self._plane, child.role))

    def _start_control(self, child: Child) -> None:
        if self._tenure is Tenure.YIELDED and not self._take_back(child):
            return
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            child.pid = fork("gdns-control", lambda: _control(self._control, writer))
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._selector.register(reader, selectors.EVENT_READ, self._on_stage)

    def _on_stage(self, reader: int) -> None:
        """Have workers begin when the control process says that they can."""
        said = os.read(reader, len(Stage))
        if not said:
            self._selector.unregister(reader)
            os.close(reader)
        self._stage = max(self._stage, *said, 0)
        self._begin_workers()

    def _begin_workers(self) -> None:
        """Have workers begin when there is enough to answer from."""
        # Until all is known whoever is followed answers more than we do.
        wanted = Stage.ANSWERING if self._holder is None else Stage.NUMBERED
        if self._stage >= wanted and len(self._children) == 1:
            self._children += [Child(number) for number, _ in enumerate(self._plane.seats)]

    def _reap(self) -> None:
        """Take note of all that have died."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                for child in self._children:
                    if child.pid == pid:
                        child.pid = 0
                        self._follow(child, os.waitstatus_to_exitcode(status))

    def _follow(self, child: Child, code: int) -> None:
        """Have a process that died followed by another, or end."""
        if child.role == CONTROL and self._tenure is Tenure.YIELDING:
            self._yield(child)
            return
        if child.role == CONTROL and self._is_last(code):
            if not self._stage and code < 0:
                logger.error(
                    "the first control process has died", extra={"end": describe_end(code)}
                )
            was_told = self._tenure is Tenure.STOPPING and code in _TOLD
            self._exit_code = 0 if was_told else code if code >= 0 else 128 - code
            return
        delay = child.put_off()
        self._plane.count_restart(worker=child.role != CONTROL)
        logger.error(
            "a process has died: another follows",
            extra={
                "who": child.who,
                "end": describe_end(code),
                "delay_seconds": round(delay, 1),
            },
        )

    def _is_last(self, code: int) -> bool:
        """Whether a control process that has ended was to end, or cannot do its work at all."""
        has_refused = not self._stage or (self._stage < Stage.STARTED and code >= 0)
        return self._tenure is Tenure.STOPPING or has_refused

    def _open_desk(self) -> None:
        """Wait for a successor."""
        self._desk = self._state.open_desk()
        if self._desk is not None:
            self._selector.register(self._desk.listener, selectors.EVENT_READ, self._on_connect)

    def _on_connect(self, _: int) -> None:
        successor = self._desk.receive() if self._desk else None
        if successor is not None:
            self._selector.register(successor, selectors.EVENT_READ, self._on_word)

    def _on_word(self, descriptor: int) -> None:
        """Do what the successor wants."""
        word = self._desk.hear() if self._desk else None
        if word is Word.YIELD and self._tenure is Tenure.RUNNING:
            logger.info("a successor wants the control: it gets it when all is saved")
            self._tenure = Tenure.YIELDING
            if not self._tell_control(signal.SIGUSR1):
                self._yield(self._children[0])
        elif word is Word.DONE and self._tenure is Tenure.YIELDED:
            logger.info("a successor answers: this server ends")
            self._exit_code = 0
        elif self._desk is None or self._desk.successor is None:
            self._selector.unregister(descriptor)
            if self._tenure is Tenure.YIELDED:
                logger.warning("the successor is gone: this server goes on")
                self._children[0].due = time.monotonic()

    def _yield(self, child: Child) -> None:
        """Let the successor have the lock."""
        self._tenure, self._told_at = Tenure.YIELDED, time.monotonic()
        child.due = inf
        self._state.give_up()
        self._has_lock = False
        if self._desk is not None and not self._desk.say_yielded():
            child.due = time.monotonic()

    def _take_back(self, child: Child) -> bool:
        """Hold the lock again, and run a control process; return whether it could be had."""
        try:
            self._state.take_back()
        except StateError as error:
            logger.info("the lock is not free yet", extra={"reason": str(error)})
            child.due = time.monotonic() + RETAKE_SECONDS
            return False
        self._tenure, self._has_lock = Tenure.RUNNING, True
        return True

    def _end_workers(self) -> None:
        """Have workers send their last replies, and wait for them."""
        workers = [child.pid for child in self._children if child.pid]
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + END_SECONDS
        while workers and time.monotonic() < deadline:
            time.sleep(0.005)
            workers = [pid for pid in workers if not has_ended(pid)]
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        if self._desk is not None:
            self._desk.close(remove=self._has_lock)


def _work(plane: Plane, seat: int) -> None:
    ask_for_short_turns()
    work(plane, seat)


def _control(control: Control, writer: int) -> int:
    step_back()
    return control(lambda stage: _say(writer, stage))


def _say(writer: int, stage: Stage) -> None:
    os.write(writer, bytes((stage,)))


def _wake(_number: int, _frame: object) -> None:
    """Let the signal be: its number comes through the pipe."""
