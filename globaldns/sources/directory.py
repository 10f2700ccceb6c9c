"""A cluster whose objects are a directory of manifests.

Files are looked at and read in a thread, a batch at a time; what they mean is decided here, between
the batches, so that others get their turn and nothing needs a lock.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from globaldns.exports.rules import ExportRules
from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.view import Change, ClaimSet, Freshness, View
from globaldns.sources.bulk import MANY_OCTETS, BulkReader
from globaldns.sources.holdings import Record
from globaldns.sources.journal import Journal
from globaldns.sources.manifest import Reading, Unread, read_manifest
from globaldns.sources.places import Places
from globaldns.sources.reader import Job
from globaldns.sources.remembered import exporting_namespaces
from globaldns.sources.scan import scan
from globaldns.sources.source import Publish
from globaldns.sources.turns import Moment, Turns
from globaldns.sources.watch import watch
from globaldns.tasks import steady_clock, wall_clock

logger = logging.getLogger(__name__)

RESCAN_SECONDS = 30.0
"""How long nothing may have to be said about a directory until it is looked at anyway."""

_UNKNOWN = Record(None)


class DirectorySource:
    """One cluster, read from a directory; publishes its view and every change of it."""

    def __init__(
        self,
        root: Path,
        rules: ExportRules,
        *,
        grace: float,
        remembered: View | None = None,
        wall: Callable[[], int] = wall_clock,
        bulk: BulkReader | None = None,
    ) -> None:
        self.root = root
        self.cluster = rules.cluster
        self._turns = Turns(rules, grace=grace, remembered=remembered)
        self._places = Places(root)
        self._wall = wall
        self._bulk = bulk
        """Reads the first time, if there is much to be read."""
        self._journal = Journal(self.cluster)

    @property
    def freshness(self) -> Freshness:
        """How fresh the view is; its ``contact`` moves with every reading that succeeds."""
        return self._turns.freshness

    @property
    def files(self) -> int:
        """How many manifests there are."""
        return len(self._turns.holdings.files)

    @property
    def uid(self) -> str:
        """Which cluster this is, by its kube-system namespace; empty: nobody says so."""
        return ""

    @property
    def another(self) -> str:
        """The UID of the one that answers instead of the one whose view this is; empty: none."""
        return ""

    def view(self) -> View:
        """Return all that the cluster says."""
        return self._turns.view()

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces that the manifests show; until then, those of its exports."""
        if self._turns.has_read:
            return self._turns.namespaces()
        return exporting_namespaces(self._turns.view())

    def leaving_namespaces(self) -> frozenset[str]:
        """Return those that are being deleted, as far as they were read."""
        return self._turns.leaving_namespaces()

    def ambient_namespaces(self) -> frozenset[str]:
        """Return those for whose pods their nodes speak HBONE, as far as they were read."""
        return self._turns.ambient_namespaces()

    def services(self) -> frozenset[Host] | None:
        """Return the hosts of all its Services but ours; None: it was not read yet."""
        return self._turns.services() if self._turns.has_read else None

    def findings(self, of_mesh: Iterable[Finding] = ()) -> list[Finding]:
        """Return what is wrong now, with file and line; opens the files that it names.

        ``of_mesh`` are findings of others about objects of this cluster.
        """
        found = [*self._turns.findings(), *of_mesh]
        return self._places.add_lines(found, self._turns.holdings)

    def rejected(self) -> Counter[str]:
        """Return how many objects are refused now, by kind, and how many files cannot be read."""
        refused = [finding.object for finding in self._turns.refused()]
        named = {name for name in refused if name}
        counts = Counter(name.partition(" ")[0] for name in named)
        if nameless := refused.count(""):
            counts["Document"] = nameless
        if faults := len([*self._turns.unread()]):
            counts["File"] = faults
        return counts

    def refused(self) -> Iterator[Finding]:
        """Yield why an object is refused or missing now, or a file not read; opens no file."""
        yield from self._turns.refused()
        yield from self._turns.unread()
        yield from self._turns.missing(steady_clock())

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:
        """Learn the gateways of all other clusters; return what that changes."""
        return self._turns.set_foreign_gateways(addresses)

    def kept(self) -> ClaimSet:
        """Return what the cluster keeps of our own ledger.

        Raises:
            InvalidObject: a part of it cannot be read.
        """
        return self._turns.kept()

    def lead(self, access: Access) -> bool:  # noqa: ARG002 - every source's
        """Return that there is no API server."""
        return False

    def begin(self) -> list[Change]:
        """Return what is known already: what was read, else the remembered view, else nothing."""
        return self._turns.begin()

    def read_once(self, now: Moment) -> list[Change]:
        """Read what has changed, here and now; return what that changes."""
        turn = self._turns.turn(scan(self.root), now)
        try:
            batch = next(turn)
            while True:
                batch = turn.send(self._log_faults(self._read(batch, now)))
        except StopIteration as end:
            changes: list[Change] = end.value
            return changes

    async def read(self, now: Moment) -> list[Change]:
        """Read what has changed, elsewhere, and let others work between the batches."""
        found = await asyncio.to_thread(scan, self.root)
        bulk = self._bulk if not self._turns.has_read and found.octets >= MANY_OCTETS else None
        turn = self._turns.turn(found, now)
        try:
            batch = next(turn)
            while True:
                if bulk is None:
                    readings = await asyncio.to_thread(self._read, batch, now)
                else:
                    job = Job(str(self.root), batch, self.cluster, now.wall)
                    readings = await bulk.read(job)
                batch = turn.send(self._log_faults(readings))
        except StopIteration as end:
            changes: list[Change] = end.value
            return changes

    async def run(self, publish: Publish) -> None:
        """Publish what is known, then every change, for ever; ``publish`` may not wait."""
        publish(self.begin(), steady_clock())
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watch(self.root, changed))
            while True:
                changed.clear()
                now = Moment(self._wall(), steady_clock())
                changes = await self.read(now)
                if changes:
                    publish(changes, now.steady)
                self._journal.tell_standing(self.freshness, files=self.files)
                self._journal.tell_refusals(self._turns.refused(), self.findings)
                await self._wait(changed)

    async def _wait(self, changed: asyncio.Event) -> None:
        due = self._turns.next_turn(steady_clock())
        try:
            async with asyncio.timeout(RESCAN_SECONDS if due is None else min(due, RESCAN_SECONDS)):
                await changed.wait()
        except TimeoutError:
            return

    def _read(self, paths: Sequence[str], now: Moment) -> list[Reading]:
        files = self._turns.holdings.files
        return [
            read_manifest(
                self.root,
                path,
                cluster=self.cluster,
                now=now.wall,
                known=files.get(path, _UNKNOWN).digest,
            )
            for path in paths
        ]

    def _log_faults(self, readings: list[Reading]) -> list[Reading]:
        """Log what cannot be read, where that is news."""
        for reading in readings:
            former = self._turns.holdings.files.get(reading.path, _UNKNOWN)
            if isinstance(reading, Unread) and reading.finding != former.fault:
                logger.warning(
                    "file is not read",
                    extra={
                        "cluster": self.cluster,
                        "file": reading.path,
                        "line": reading.finding.line,
                        "reason": reading.finding.reason,
                    },
                )
        return readings
