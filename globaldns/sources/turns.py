"""What each reading of a directory of manifests means: every decision, and no I/O.

What is silence and what is the owner's own word:

    directory missing, unreadable or without manifests    silence: the view stands
    file unreadable, broken or below an unreadable one    all that was last seen in it stands
    file below a directory that holds nothing any more    the same
    object of a wrong shape, or refused as Istio would    its last good version stands
    object in no file any more                            stands for ``grace``, then it is gone
    object that the first reading of a run lacks          may be late for ``grace``
    object in what could not be read until now            the same, from then on

What stands of a run before that served fewer zones says nothing of names in the others: they are
not known until all of it is read again.

A turn yields the files to be read, a batch at a time, and is sent what they say.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain

import msgspec

from globaldns.exports.cluster import ClusterExports
from globaldns.exports.rules import ExportRules
from globaldns.model.export import Origin
from globaldns.model.finding import Finding, Severity
from globaldns.model.view import (
    Change,
    ClaimSet,
    Doubt,
    Freshness,
    Reset,
    SetFreshness,
    SourceState,
    View,
)
from globaldns.objects import ObjectKey
from globaldns.objects.istio import ServiceEntry
from globaldns.objects.kubernetes import Service
from globaldns.objects.own import VIPLedger
from globaldns.sources.carryover import Carryover, IsDoubtful
from globaldns.sources.holdings import Holdings, changed_files
from globaldns.sources.manifest import Manifest, Reading, Unread
from globaldns.sources.remembered import as_remembered
from globaldns.sources.scan import Scan, is_within, within

YOUNG_SECONDS = 2.0
"""When files that were read while they were young are read again."""
_BATCH_OCTETS = 256 << 10
"""Manifests that are read and taken in one go: about 20 ms of work."""


class Moment(msgspec.Struct, frozen=True, gc=False):
    """Now, by both clocks."""

    wall: int
    """Unix seconds: dates what is said."""
    steady: float
    """Seconds that nobody sets: measures ``grace``."""


Turn = Generator[list[str], Sequence[Reading], list[Change]]


class Turns:
    """The view of one directory, from turn to turn."""

    def __init__(self, rules: ExportRules, *, grace: float, remembered: View | None) -> None:
        self.cluster = rules.cluster
        self.holdings = Holdings()
        self.has_read = False
        """Whether the directory was read completely at least once."""
        self._grace = grace
        self._zones = rules.zones
        self._exports = ClusterExports(rules, remembered)
        self.namespaces, self.services = self._exports.namespaces, self._exports.services
        """Return the namespaces, and the hosts of all Services but ours, once they were read."""
        self.ambient_namespaces = self._exports.ambient_namespaces
        self.leaving_namespaces = self._exports.leaving_namespaces
        self._scan = Scan({}, {})
        self._remembered = None if remembered is None else as_remembered(remembered)
        self._former_files = remembered.files if remembered is not None else ()
        """Those that the run before had read."""
        self._carryover: Carryover | None = None
        self._is_young = False
        self._unseen: frozenset[str] = frozenset()
        """What the first reading could not read, and nothing is remembered of: files, directories,
        refused ledgers; where zones are new, anything there, and refused entries."""
        self._unread: frozenset[str] = frozenset()
        """The same kinds, which the run before had read; and directories that are empty now."""
        self._emptied: frozenset[str] = frozenset()
        """Directories that hold nothing any more of what was read in them."""
        self._doubt_ends: float | None = None
        """When the first reading is old enough to be believed, and the first that could see all;
        None: it begins with the next."""
        self._is_turning = False
        self.freshness = Freshness(self.cluster, SourceState.WAITING)
        if self._remembered is not None and self._remembered.freshness is not None:
            self.freshness = self._remembered.freshness
        former = self._zones if remembered is None else self.freshness.zones
        self._new_zones = frozenset(self._zones).difference(former)
        """Zones with which what is remembered was not read; until all of it is read again."""
        self._published = self.freshness

    def view(self) -> View:
        """Return all that the cluster says."""
        if not self.has_read:
            view = self._remembered or View(self.cluster)
        else:
            view = self._exports.view()
            if self._carryover is not None:
                view = self._carryover.beside(view)
        files = tuple(sorted(self._files_read())) if self.has_read else view.files
        return msgspec.structs.replace(view, freshness=self.freshness, files=files)

    def _files_read(self) -> frozenset[str]:
        """Return the files of which what was read stands, in this run or in one before."""
        read = frozenset(self.holdings.files.keys() - self.holdings.unknown)
        unheard = self._unread | self._unseen
        return read | within(self._former_files, unheard) if unheard else read

    def findings(self) -> list[Finding]:
        """Return what is wrong now, but for documents that are not taken; without lines."""
        found = [*self._silences(), *self.holdings.findings(self.cluster)]
        return found + self._exports.findings()

    def refused(self) -> Iterator[Finding]:
        """Yield why an object is refused now, for each that is; without lines, opens no file."""
        misfits = (misfit.finding for _, misfit in self.holdings.misfits())
        for finding in (*self._exports.findings(), *misfits):
            if finding.severity is Severity.ERROR:
                yield finding

    def unread(self) -> Iterator[Finding]:
        """Yield why a file, or a directory below its own, cannot be read now."""
        yield from (silence for silence in self._silences() if silence.file)
        yield from self.holdings.faults

    def missing(self, now: float) -> Iterator[Finding]:
        """Yield which objects are in no file any more, and for how long they still stand."""
        ends: list[tuple[object, float]] = [*self.holdings.missing.items()]
        if self._carryover is not None:
            ends += self._carryover.missing()
        for what, end in ends:
            yield Finding(
                Severity.WARNING,
                "missing",
                f"is in no file any more: it stands for another {max(0.0, end - now):.0f}s",
                object=str(what),
                cluster=self.cluster,
            )

    def kept(self) -> ClaimSet:
        """Return what the cluster keeps of our own ledger; an InvalidObject: it cannot be read."""
        return self._exports.kept()

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:
        """Learn the gateways of all other clusters; return what that changes.

        In the middle of a turn that says so itself, or its changes would come in a wrong order.
        """
        self._exports.set_foreign_gateways(addresses)
        return self._said() if self.has_read and not self._is_turning else []

    def begin(self) -> list[Change]:
        """Return what is known already: what was read, else the remembered view, else nothing."""
        self._published = self.freshness
        if self._remembered is None and not self.has_read:
            return [SetFreshness(self.freshness)]
        return [Reset(self.view())]

    def turn(self, found: Scan, now: Moment) -> Turn:
        """Yield the files to be read, and return what they change."""
        self._is_turning = True
        try:
            return (yield from self._take_turn(found, now))
        finally:
            self._is_turning = False

    def _take_turn(self, found: Scan, now: Moment) -> Turn:
        self._scan = found
        self._is_young = False
        if found.failure:
            return self._fall_silent(found.failure)
        files = self.holdings.files
        known = chain(files, self._standing_files())
        self._emptied = frozenset(map(found.emptied, known)) - {""}
        for path in [path for path in files if path not in found.files and not found.hides(path)]:
            self.holdings.drop(path)
        changes: list[Change] = []
        for batch in _batches(changed_files(found.files.items(), files), found):
            self._take((yield batch))
            if self.has_read:
                changes += self._said()
            else:
                self._exports.settle()
        while heirs := self.holdings.inherit():
            self.holdings.forget(heirs)
            self._take((yield sorted(heirs)))
        if not self.has_read and len(self.holdings.unknown) == len(files):
            return self._fall_silent("no manifest in its directory can be read")
        return self._speak(changes, now)

    def _standing_files(self) -> Iterable[str]:
        """Return the files of what is only remembered."""
        if self._carryover is not None:
            return self._carryover.files
        return self._remembered.files if self._remembered is not None else ()

    def next_turn(self, now: float) -> float | None:
        """Return in how many seconds to read again even if nothing changes; None: no need."""
        carried = self._carryover.deadline if self._carryover is not None else None
        ends = [end - now for end in (self.holdings.deadline, carried) if end is not None]
        doubted = self._doubt_ends if self.freshness.doubt is Doubt.YOUNG else None
        if doubted is not None and doubted > now:
            ends.append(doubted - now)
        if self._is_young:
            ends.append(YOUNG_SECONDS)
        return max(0.0, min(ends)) if ends else None

    def _take(self, readings: Sequence[Reading]) -> None:
        for reading in readings:
            self._is_young |= reading.stamp is None and not isinstance(reading, Unread)
            if not isinstance(reading, Manifest):
                self.holdings.keep(reading)
                continue
            self.holdings.take(reading)
            for identity, found in reading.objects:
                if self.holdings.is_taken_from(identity, reading.path):
                    self._exports.put(found, reading.path, identity, is_valid=reading.is_valid)

    def _speak(self, changes: list[Change], now: Moment) -> list[Change]:
        """Return what a successful turn changes."""
        for identity in self.holdings.expire(now.steady, self._grace):
            self._exports.remove(identity)
        doubt = self._judge(now.steady)
        reason = self._say_unread()
        zones = tuple(zone for zone in self._zones if zone not in self._new_zones)
        self.freshness = Freshness(self.cluster, SourceState.SYNCED, now.wall, reason, doubt, zones)
        if not self.has_read:
            return [self._begin_anew(now)]
        return [*changes, *self._said(), *self._end_carryover(now), *self._freshness_changes()]

    def _say_unread(self) -> str:
        """Return which file could not be read though its directory was; empty: none."""
        if self._unseen:
            new = ", ".join(sorted(self._new_zones))
            since = f" since {new} is served" if new else ""
            return f"{min(self._unseen)} could never be read as a whole{since}"
        unread = dict.fromkeys(self._scan.unreadable, "cannot be read")
        unread |= {fault.file: "cannot be read" for fault in self.holdings.faults}
        unread |= dict.fromkeys(self._emptied, "is empty")
        if not unread:
            return ""
        first = min(unread)
        more = f" and {len(unread) - 1} more" if len(unread) > 1 else ""
        return f"{first}{more} {unread[first]}: what was read last stands"

    def _judge(self, now: float) -> Doubt:
        """Return whether what the view lacks is gone by the owner's own word."""
        unheard = self._unseen | self._unread
        if not self.has_read:
            self._unread, self._unseen = self._first_unheard()
        elif unheard:
            missing = self._missing_places()
            if self._new_zones:
                missing = missing.union(self._refused(ServiceEntry.kind))
            self._unread = within(missing, self._unread)
            self._unseen = within(missing, self._unseen)
        if not self._unseen:
            self._new_zones = frozenset()
        if self._doubt_ends is None or unheard - self._unseen - self._unread:
            self._doubt_ends = now + self._grace
        if self._unseen:
            return Doubt.PARTIAL
        return Doubt.YOUNG if self._unread or now < self._doubt_ends else Doubt.NONE

    def _first_unheard(self) -> tuple[frozenset[str], frozenset[str]]:
        """Return what the first reading could not read: what the run before had, and the rest."""
        missing = self._missing_places()
        if self._new_zones:
            return frozenset(), missing | self._seen_before(self._refused(ServiceEntry.kind))
        seen = self._seen_before(missing)
        return seen, missing - seen

    def _missing_places(self) -> frozenset[str]:
        """Return the files and directories of which not all is read."""
        unknown, ledgers = self.holdings.unknown, self._refused(VIPLedger.kind)
        return unknown.union(self._scan.unreadable, self._emptied, ledgers)

    def _seen_before(self, places: Iterable[str]) -> frozenset[str]:
        """Return those of some places of which the run before had read anything."""
        files = self._former_files
        return frozenset(place for place in places if any(is_within(f, place) for f in files))

    def _refused(self, kind: str) -> Iterator[str]:
        """Yield the files of objects of a kind that are refused: nobody knows what they meant."""
        for path, identity in self.holdings.of_kind(kind):
            if self.holdings.is_refused(identity) or self._exports.is_refused(identity):
                yield path

    def _begin_anew(self, now: Moment) -> Change:
        """Return the whole view after the first reading, beside which the remembered one ends."""
        self.has_read = True
        self._exports.begin()
        if self._remembered is not None:
            self._carryover = Carryover(self._remembered, self._exports.view())
            self._remembered = None
            self._end_carryover(now)
        self._published = self.freshness
        return Reset(self.view())

    def _end_carryover(self, now: Moment) -> list[Change]:
        if self._carryover is None:
            return []
        changes = self._carryover.expire(
            self._doubts(), self._exports.view, now.steady, self._grace
        )
        if not self._carryover:
            self._carryover = None
        return changes

    def _doubts(self) -> IsDoubtful:
        """Return whether an object may be there although nothing was read of it."""
        unknown = self.holdings.unknown
        is_partial = bool(unknown or self._scan.unreadable or any(self._refused(VIPLedger.kind)))

        def is_doubtful(origin: Origin | None) -> bool:
            if origin is None or origin.kind == Service.kind:
                return is_partial or (origin is not None and self._scan.hides(origin.file))
            identity = ObjectKey(origin.kind, origin.namespace, origin.name)
            return (
                origin.file in unknown
                or self._scan.hides(origin.file)
                or self.holdings.is_refused(identity)
                or (self.holdings.holds(identity) and self._exports.is_refused(identity))
            )

        return is_doubtful

    def _fall_silent(self, reason: str) -> list[Change]:
        """Keep all that is known."""
        self.holdings.pause()
        if self._carryover is not None:
            self._carryover.pause()
        if self.freshness.doubt is Doubt.YOUNG:
            self._doubt_ends = None
        state = self.freshness.state
        if state is SourceState.SYNCED:
            state = SourceState.SILENT
        self.freshness = msgspec.structs.replace(self.freshness, state=state, reason=reason)
        return self._freshness_changes()

    def _said(self) -> list[Change]:
        changes = self._exports.changes()
        return changes if self._carryover is None else self._carryover.amend(changes)

    def _freshness_changes(self) -> list[Change]:
        """Return the freshness if it differs from what was published, but for its contact."""
        former, self._published = self._published, self.freshness
        if msgspec.structs.replace(former, contact=self.freshness.contact) == self.freshness:
            return []
        return [SetFreshness(self.freshness)]

    def _silences(self) -> Iterator[Finding]:
        """Yield what could not be looked at."""
        reasons = dict(self._scan.unreadable)
        reasons |= dict.fromkeys(self._emptied, "holds nothing any more: what was read last stands")
        if self.freshness.reason and self.freshness.state is not SourceState.SYNCED:
            reasons[""] = self.freshness.reason
        mend = (
            f"mount it, or correct clusters.{self.cluster}.source.directory; "
            "if it is meant to export nothing, put its Namespace there"
        )
        for path, reason in reasons.items():
            yield Finding(
                Severity.ERROR,
                "unreadable",
                reason,
                file=path,
                hint="" if path else mend,
                cluster=self.cluster,
            )


def _batches(paths: Sequence[str], found: Scan) -> Iterator[list[str]]:
    """Yield files together that are small together."""
    batch: list[str] = []
    octets = 0
    for path in paths:
        batch.append(path)
        octets += found.files[path].size
        if octets >= _BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch
