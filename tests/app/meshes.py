"""A mesh of files and what stands around it, for the tests of what wires everything."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

import yaml

from globaldns.app.clock import BelievedClock
from globaldns.app.mesh import Mesh, MeshSeams
from globaldns.app.publication import Publication
from globaldns.app.serials import Serials
from globaldns.config.loading import load
from globaldns.config.schema import Config
from globaldns.dns.scribe import Scribe
from globaldns.dns.table import Table
from globaldns.ledger.opening import OnLoss, open_ledger
from globaldns.ledger.sqlite import SqliteLedger
from globaldns.model.claim import Claim
from globaldns.model.host import Host
from globaldns.model.snapshot import Entry, ZoneDelta
from globaldns.registry.delta import Delta
from globaldns.registry.registry import Registry
from globaldns.state import StateDirectory
from tests.registry.mesh import claim
from tests.sources.manifests import entries

START = 1767323045
CEILING_SECONDS = 20.0
"""For what must happen; nothing waits it out when it does."""
GATEWAY = """\
apiVersion: v1
kind: Service
metadata:
  name: eastwest
  namespace: istio-system
  labels: {topology.istio.io/network: network1}
spec:
  ports: [{name: tls, port: 15443}]
status: {loadBalancer: {ingress: [{ip: 203.0.113.9}]}}
"""
"""The way into east's network."""
CLAIM = claim(Host("a.ns"), "240.128.0.7", START)


class Place:
    """A folder with a configuration file, and manifests of two clusters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "globaldns.yaml"
        self._keys: dict[str, Any] = {
            "cluster": "east",
            "state": "state",
            "clusters": {"east": self.cluster("east"), "west": self.cluster("west")},
            "dns": {"listen": ["127.0.0.1:0"]},
            "admin": {"listen": "127.0.0.1:0"},
            "lame_duck": "0s",
        }
        self.config = self.configure()
        self.state = StateDirectory(self.config.state)

    def cluster(self, name: str, **keys: Any) -> dict[str, Any]:
        """Return a cluster's section of the configuration."""
        return {"source": {"directory": name}, **keys}

    def configure(self, **keys: Any) -> Config:
        """Write the file with some keys replaced."""
        self._keys |= keys
        return self.write_config(yaml.safe_dump(self._keys))

    def write_config(self, text: str) -> Config:
        part = self.path.with_suffix(".part")
        part.write_text(text)
        part.replace(self.path)
        self.config = load(self.path, {})
        return self.config

    def write(self, cluster: str, text: str, name: str = "f.yaml") -> None:
        """Write a cluster's manifest."""
        file = self.folder / cluster / name
        file.parent.mkdir(exist_ok=True)
        part = self.folder / f"{name}.part"
        part.write_text(text)
        part.replace(file)

    def open_ledger(self) -> SqliteLedger:
        """Open the ledger as a server does that holds the state directory."""
        self.state.path.mkdir(parents=True, exist_ok=True)
        return open_ledger(
            self.state, "ledger.db", cluster="east", now=START, on_loss=OnLoss.REFUSE
        )

    def remember(self, *claims: Claim) -> None:
        """Leave a ledger with claims behind, as a server that has ended does."""
        with self.open_ledger() as ledger:
            ledger.write(claims)

    def remembered(self) -> tuple[Claim, ...]:
        """Return what the ledger says."""
        with self.open_ledger() as ledger:
            return ledger.claims()

    def files(self) -> dict[str, bytes]:
        """Return every file below the folder with its content."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


def inhabit(place: Place, *claims: Claim) -> Place:
    """Have east export a.ns and b.ns, and west c.ns; of what is claimed there was a server once."""
    place.write("east", entries("a", "b"))
    place.write("west", entries("c"))
    if claims:
        place.remember(*claims)
    return place


class Hands:
    """A wall clock and a steady one that a test sets."""

    def __init__(self, wall: int = 10, steady: float = 0.0) -> None:
        self.wall = wall
        self.steady = steady

    def advance(self, seconds: int) -> None:
        """Let time go by."""
        self.wall += seconds
        self.steady += seconds

    def clock(self) -> BelievedClock:
        return BelievedClock(wall=lambda: self.wall, steady=lambda: self.steady)


class Turning:
    """A mesh without sources and ledger: what it asks and tells is the test's."""

    def __init__(self, registry: Registry, state: Path, remembered: Iterable[Entry] = ()) -> None:
        self.hands = Hands()
        self.scribe = Scribe(Table())
        self.registry = registry
        self.may_settle = True
        self.writes = 0
        self.confirmed = 0
        self.told: list[Delta] = []
        self.measured: list[tuple[str, float]] = []
        self.turned = asyncio.Event()
        serials = Serials(StateDirectory(state), self.hands.wall)
        entries = tuple(remembered)
        if entries:
            self.scribe.apply(ZoneDelta(serials.current, complete=False, puts=entries))
        publication = Publication(self.scribe, serials, entries)
        seams = MeshSeams(
            may_settle=lambda: self.may_settle,
            write=self._write,
            tell=self.told.append,
            confirm=self._confirm,
            measure=lambda cluster, at: self.measured.append((cluster, at)),
        )
        self.mesh = Mesh(registry, publication, self.hands.clock(), seams)

    def answers(self) -> dict[Host, Entry]:
        """Return what is answered, by host."""
        return {entry.host: entry for entry in self.scribe.entries()}

    def _write(self) -> None:
        self.writes += 1

    def _confirm(self) -> None:
        self.confirmed += 1
        self.turned.set()


class _Leaping(selectors.DefaultSelector):
    leaped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(0)
        if not events:
            self.leaped += timeout
        return events


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that leaps to its next timer where it would wait for it."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return super().time() + self._leaping.leaped


def run_leaping(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine whose waits take no time."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        runner.run(test())


async def until(holds: Callable[[], bool], *, every: float = 0.001) -> None:
    """Let others have their turns until a condition holds."""
    end = time.monotonic() + CEILING_SECONDS  # of real time, which threads take
    while not holds():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(every)


async def give_way() -> None:
    """Let others go as far as they can without waiting."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until_it_says(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again and again until a condition holds."""
    async with asyncio.timeout(CEILING_SECONDS):
        while not await holds():
            pass


def block(path: Path) -> Callable[[], None]:
    """Put a file where a directory is, so that nothing can be written; return what undoes it."""
    away = path.with_name(f"{path.name}-away")
    if path.exists():
        path.rename(away)
    path.touch()

    def unblock() -> None:
        path.unlink()
        if away.exists():
            away.rename(path)

    return unblock


def break_ledger(ledger: SqliteLedger) -> Callable[[], None]:
    """Have a ledger refuse to be written; return what mends it."""
    ledger._connection.execute("PRAGMA query_only=1")

    def mend() -> None:
        ledger._connection.execute("PRAGMA query_only=0")

    return mend
