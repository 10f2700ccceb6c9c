"""A small server: a real supervisor and real workers, and a control process that knows one host.

    python -m tests.supervisor.host FOLDER BEHAVIOUR WORKERS [--takeover]

It says on stdout, line by line, what happens in which process and when.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from globaldns import logs
from globaldns.app.hosting import HeldState
from globaldns.config.schema import LogSettings
from globaldns.dns.counters import Counts
from globaldns.dns.listen import parse_listen
from globaldns.dns.plane import Plane
from globaldns.dns.rules import DnsRules
from globaldns.dns.scribe import Scribe
from globaldns.dns.seats import ServerSettings, bind_seats
from globaldns.dns.worker import WorkerSettings, encode_settings
from globaldns.model.address import parse_address
from globaldns.model.host import Host
from globaldns.model.snapshot import Answering, Entry, ZoneDelta
from globaldns.state import StateDirectory
from globaldns.supervisor import children
from globaldns.supervisor.processes import Stage, Supervisor
from globaldns.supervisor.takeover import find_holder
from globaldns.tasks import wall_clock

NAME = "web.shop.global"
VIP = "240.128.2.3"
REFUSAL = 7
HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)

Tell = Callable[[Stage], None]


def say(word: str) -> None:
    """Tell the test what happens."""
    os.write(1, f"{os.getpid()} {time.monotonic()} {word}\n".encode())


def begin(plane: Plane) -> None:
    """Have something to answer from, and hear signals from now on."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    scribe = Scribe(plane.table)
    scribe.settings = encode_settings(
        WorkerSettings(rules=DnsRules(zones=("global",)), server=ServerSettings())
    )
    vips = (parse_address(VIP),)
    entry = Entry(Host("web.shop"), ("global",), vips, (), Answering.DATA, ("east",), 1, "given")
    scribe.apply(ZoneDelta(serial=1, complete=True, puts=(entry,)))
    scribe.confirm(time.monotonic())
    say("begins")


def stay(plane: Plane, tell: Tell, *, terms: int = 1) -> int:
    """Do what a control process does until it has heard so many SIGTERM, or a SIGUSR1."""
    begin(plane)
    tell(Stage.ANSWERING)
    tell(Stage.STARTED)
    tell(Stage.NUMBERED)
    while terms:
        heard = signal.Signals(signal.sigwait(HEARD))
        say(heard.name)
        if heard is signal.SIGUSR1:
            break
        terms -= heard is signal.SIGTERM
    return 0


def refuse(_plane: Plane, _tell: Tell) -> int:
    return REFUSAL


def refuse_later(plane: Plane, tell: Tell) -> int:
    begin(plane)
    tell(Stage.ANSWERING)
    return REFUSAL


def fail(_plane: Plane, _tell: Tell) -> int:
    raise ValueError("it is broken")


def die(_plane: Plane, _tell: Tell) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def die_once_later(plane: Plane, tell: Tell) -> int:
    if plane.table.settings:
        return stay(plane, tell)
    begin(plane)
    tell(Stage.ANSWERING)
    return die(plane, tell)


def fork_slowly() -> None:
    """Have the parent go on after its first fork only when that child has died."""
    waits = iter([os.P_ALL])

    def wait() -> None:
        for kind in waits:
            os.waitid(kind, 0, os.WEXITED | os.WNOWAIT)

    os.register_at_fork(after_in_parent=wait)


def end_soon(plane: Plane, tell: Tell) -> int:
    begin(plane)
    tell(Stage.ANSWERING)
    tell(Stage.STARTED)
    tell(Stage.NUMBERED)
    return REFUSAL


def know_too_little(plane: Plane, tell: Tell) -> int:
    begin(plane)
    tell(Stage.ANSWERING)
    say("knows too little")
    signal.pause()
    return 0


def hang(_plane: Plane, _tell: Tell) -> int:
    say("hangs")
    signal.pause()
    return 0


BEHAVIOURS: dict[str, Callable[[Plane, Tell], int]] = {
    "stays": stay,
    "waits for two": lambda plane, tell: stay(plane, tell, terms=2),
    "refuses": refuse,
    "refuses later": refuse_later,
    "fails": fail,
    "dies": die,
    "dies once later": die_once_later,
    "dies once unseen": die_once_later,
    "ends soon": end_soon,
    "knows too little": know_too_little,
    "hangs": hang,
}


def main(folder: str, behaviour: str, workers: str, *options: str) -> int:
    logs.configure(LogSettings())
    state = StateDirectory(Path(folder))
    holder = find_holder(state.path) if "--takeover" in options else None
    if holder is not None:
        holder.end_control()
    state.lock(wall_clock())
    settings = ServerSettings(listen=(parse_listen("127.0.0.1:0"),))
    seats = holder.seats if holder else bind_seats(settings, int(workers))
    plane = Plane(seats)
    say(f"port {plane.addresses[0].port}")
    held = HeldState(state, seats)
    run = BEHAVIOURS[behaviour]
    if behaviour == "dies once unseen":
        fork_slowly()
    if behaviour == "ends soon":
        children.LONG_SECONDS = inf  # however slow the machine is
    code = Supervisor(plane, lambda tell: run(plane, tell), held, holder).run()
    for block in plane.blocks:
        say(f"replies {sum(Counts((block,)).responses().values())}")
    say(f"restarts {plane.worker_restarts}")
    say(f"successors {plane.control_restarts}")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
