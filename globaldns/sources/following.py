"""What an API server tells, into one cluster's view: every decision, and no I/O.

What is silence and what is the owner's own word:

    no answer, 401, 403, 404 after success     silence: the view stands
    a kind that was never served               nothing of that kind: no error; unless every API
                                               server has it: then this is none, and is silent
    a kind that may not be read                the view may lack what it says; but nothing at all is
                                               said before the ledger can be read, or anything else
    another kube-system than before            silence, until a person forgets the old cluster
    object removed, or in a whole list no more gone, at once
    the same of a kind that a definition       gone, once the server is seen to keep the kind
    defines
    the same where the kind goes               silence, until a list lacks it for ``grace``, or the
                                               cluster says that the kind was removed for good
    object that the first lists of a run lack  may be late for ``grace``, silence aside
    object of a wrong shape, or refused        its last good version stands
    ledger that was refused in the first lists the view may lack what it says

Pods and EndpointSlices are followed in namespaces that export something; in all, where those are
many.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from globaldns.errors import ApiError
from globaldns.exports.cluster import ClusterExports
from globaldns.exports.rules import ExportRules
from globaldns.kube.resources import SERVICE_ENTRIES, VIP_LEDGERS, Resource
from globaldns.kube.watch import Absent, Begun, Failed, Found, Listed, Notice, Put, Removed, Scope
from globaldns.model.claim import format_time
from globaldns.model.export import Origin
from globaldns.model.finding import Finding, Severity
from globaldns.model.view import (
    Change,
    Doubt,
    Freshness,
    Reset,
    SetFreshness,
    SourceState,
    View,
)
from globaldns.objects import ObjectKey, key
from globaldns.objects.kubernetes import Service
from globaldns.sources.carryover import Carryover
from globaldns.sources.exporting import Exporting
from globaldns.sources.intake import Misshapen, identify_removed, take_in
from globaldns.sources.leaving import Leaving
from globaldns.sources.parts import Part, Parts, Standing, tell_failure
from globaldns.sources.remembered import as_remembered, kinds_of
from globaldns.sources.scopes import EVERYWHERE, MANY_NAMESPACES, WHERE_EXPORTED
from globaldns.sources.turns import Moment

RESTORED_SECONDS = 86_400
"""How long it is told that a server has gone back: somebody looks once a day."""


class Following:
    """The view of one API server, from notice to notice."""

    def __init__(
        self,
        rules: ExportRules,
        *,
        grace: float,
        ledger_namespace: str | None,
        remembered: View | None,
    ) -> None:
        self.cluster = rules.cluster
        self.has_read = False
        """Whether all was listed at least once in this run."""
        self._grace = grace
        self._zones = rules.zones
        self.exports = ClusterExports(rules, remembered)
        self._remembered = None if remembered is None else as_remembered(remembered)
        self._carryover: Carryover | None = None
        self._misshapen: dict[ObjectKey, Finding] = {}
        self._unread: frozenset[ObjectKey] = frozenset()
        """What the first lists had and no version could be taken of yet: parts of the ledger; where
        zones are new, entries too."""
        self._parts = Parts(EVERYWHERE, kinds_of(remembered))
        self._ledger = None
        if ledger_namespace is not None:
            self._ledger = Scope(VIP_LEDGERS, ledger_namespace)
            self._parts.add(self._ledger)
        self.leaving = Leaving(self._parts, self.exports, self._remove)
        self._exporting = Exporting()
        self._is_everywhere = False
        """Whether pods are followed in all namespaces."""
        self._alarm = ""
        """Why nothing that the server says counts."""
        self._silence = ""
        """Why the server as a whole does not answer."""
        self._remedy = ""
        self._doubt_ends: float | None = None
        """When the first lists are old enough to be believed; None: that begins once it speaks."""
        self.freshness = Freshness(self.cluster, SourceState.WAITING)
        if self._remembered is not None and self._remembered.freshness is not None:
            self.freshness = self._remembered.freshness
        self._restored_at = self.freshness.restored_at
        former = self._zones if remembered is None else self.freshness.zones
        self._new_zones = frozenset(self._zones).difference(former)
        """Zones with which what is remembered was not read."""
        self._published = self.freshness

    @property
    def scopes(self) -> frozenset[Scope]:
        """What is to be followed now."""
        return self._parts.scopes

    def take(self, scope: Scope, notice: Notice, now: Moment) -> None:
        """Take in what the server tells of a scope."""
        part = self._parts.find(scope)
        if part is None:
            return  # it is followed no more
        self._take(part, scope.resource, notice, now)
        if isinstance(notice, Absent):
            self.leaving.note_absent(scope, part)
        if isinstance(notice, Absent | Listed | Failed):
            self._choose_scopes()
        if not isinstance(notice, Failed | Absent | Begun):
            self.note_contact(now)

    def _take(self, part: Part, resource: Resource, notice: Notice, now: Moment) -> None:
        match notice:
            case Found(data) | Put(data):
                self._put(part, resource, data)
            case Removed(data):
                identity = identify_removed(data, resource)
                if identity is not None and part.lose(identity):
                    self.leaving.lose(part, resource, [identity], now.steady)
            case Listed(has_gone_back):
                if has_gone_back:
                    self._restored_at = now.wall
                delay = self._grace if part.is_away else 0.0
                self.leaving.lose(part, resource, part.complete(), now.steady + delay)
            case _:
                part.note(notice)

    def note_contact(self, now: Moment) -> None:
        """Take note that the server answers: all that is followed is current then."""
        self._silence = ""
        if self.has_read and not self._is_stale:
            self.freshness = msgspec.structs.replace(self.freshness, contact=now.wall)

    @property
    def _is_stale(self) -> bool:
        """Whether names or VIPs may have changed unheard."""
        return bool(self._alarm or self._silence) or self._parts.are_stale

    def note_silence(self, error: ApiError) -> None:
        """Take note that the server as a whole does not answer."""
        self._silence, self._remedy = tell_failure(error)

    def raise_alarm(self, reason: str) -> None:
        """Let nothing that the server says count from now on; empty: let it count again."""
        self._alarm = reason

    def _put(self, part: Part, resource: Resource, data: msgspec.Raw) -> None:
        taken = take_in(data, resource)
        if isinstance(taken, Misshapen):
            if taken.key is not None:
                part.hold(taken.key)
                self._misshapen[taken.key] = taken.finding(self.cluster)
            return
        identity = key(taken)
        part.hold(identity)
        self._misshapen.pop(identity, None)
        self.exports.put(taken, identity=identity)

    def _remove(self, identity: ObjectKey, resource: Resource) -> None:
        """Forget an object unless another scope holds it too."""
        if not self._parts.hold(resource, identity):
            self._misshapen.pop(identity, None)
            self.exports.remove(identity)

    def _choose_scopes(self) -> None:
        """Follow pods where something is exported, once it is known where."""
        if not self._parts.are_settled(scope.resource for scope in EVERYWHERE):
            return
        if not self.has_read:
            self._exporting.begin(self.exports.view().exports)
        wanted = {scope for resource in WHERE_EXPORTED for scope in self._wanted(resource)}
        for scope in wanted:
            self._parts.add(scope)
        for scope in self._parts.scopes - wanted:
            if scope.resource in WHERE_EXPORTED and self._is_covered(scope):
                for identity in self._parts.drop(scope):
                    self._remove(identity, scope.resource)

    def _wanted(self, resource: Resource) -> set[Scope]:
        """Return where a kind is to be followed: where it may not be everywhere, in each."""
        self._is_everywhere |= len(self._exporting.namespaces) >= MANY_NAMESPACES
        each = {Scope(resource, namespace) for namespace in self._exporting.namespaces}
        if not self._is_everywhere:
            return each
        everywhere = self._parts.find(Scope(resource))
        is_denied = everywhere is not None and everywhere.standing is Standing.DENIED
        return {Scope(resource)} | (each if is_denied else set())

    def _is_covered(self, scope: Scope) -> bool:
        """Whether a scope that is not wanted any more can go: what replaces it is there."""
        if not self._is_everywhere or scope.namespace not in self._exporting.namespaces:
            return True
        everywhere = self._parts.find(Scope(scope.resource))
        return everywhere is not None and everywhere.is_listed

    @property
    def _is_whole(self) -> bool:
        """Whether all was listed, or may never be; the ledger was, and anything else."""
        ledger = None if self._ledger is None else self._parts.find(self._ledger)
        is_unheard = ledger is not None and ledger.standing is Standing.DENIED
        return not is_unheard and not self._parts.are_denied and self._parts.are_settled()

    def begin(self) -> list[Change]:
        """Return what is known already: the remembered view, else nothing."""
        self._published = self.freshness
        if self._remembered is None and not self.has_read:
            return [SetFreshness(self.freshness)]
        return [Reset(self.view())]

    def drain(self, now: Moment) -> list[Change]:
        """Return what has changed since this was asked last."""
        self.leaving.let_go()
        if not self.has_read:
            self.exports.settle()
            if self._is_whole:
                self._choose_scopes()
            if self._alarm or not self._is_whole:
                self._judge(now)
                return self._freshness_changes()
            return [self._speak_first(now)]
        changes = self._said()
        self._judge(now)
        return [*changes, *self._end_carryover(now), *self._freshness_changes()]

    def _speak_first(self, now: Moment) -> Change:
        self.has_read = True
        self.exports.begin()
        self.note_contact(now)
        self._unread = self._refused(VIP_LEDGERS)
        if self._new_zones:
            self._unread |= self._refused(SERVICE_ENTRIES)
        if self._remembered is not None:
            self._carryover = Carryover(self._remembered, self.exports.view())
            self._remembered = None
        self._judge(now)
        self._end_carryover(now)
        self._published = self.freshness
        return Reset(self.view())

    def _judge(self, now: Moment) -> None:
        """Say how the source stands."""
        state, doubt, zones = self.freshness.state, self.freshness.doubt, self.freshness.zones
        if self.has_read:
            is_silent = bool(self._alarm or self._silence) or self._parts.are_silent
            state = SourceState.SILENT if is_silent else SourceState.SYNCED
            doubt = self._doubt(now.steady)
            unheard = self._new_zones if self._unread else ()
            zones = tuple(zone for zone in self._zones if zone not in unheard)
        reason = self._alarm or self._silence or self._parts.reason
        restored_at = self._restored_at
        if restored_at is not None and restored_at + RESTORED_SECONDS <= now.wall:
            restored_at = self._restored_at = None
        self.freshness = Freshness(
            self.cluster, state, self.freshness.contact, reason, doubt, zones, restored_at
        )

    def _doubt(self, now: float) -> Doubt:
        """Return whether what the view lacks is gone by the owner's own word."""
        self._unread = frozenset(filter(self._is_refused, self._unread))
        if self._parts.denied or self._unread:
            self._doubt_ends = None
            return Doubt.PARTIAL
        if self._is_stale:
            if self.freshness.doubt is not Doubt.NONE:
                self._doubt_ends = None
            return Doubt.YOUNG if self._doubt_ends is None else Doubt.NONE
        if self._doubt_ends is None:
            self._doubt_ends = now + self._grace
        return Doubt.YOUNG if now < self._doubt_ends else Doubt.NONE

    def _refused(self, resource: Resource) -> frozenset[ObjectKey]:
        return frozenset(one for one in self._parts.keys(resource) if self._is_refused(one))

    def _is_refused(self, identity: ObjectKey) -> bool:
        """Whether an object is there, and its latest version is not taken."""
        return identity in self._misshapen or self.exports.is_refused(identity)

    def next_turn(self, now: float) -> float | None:
        """Return in how many seconds time alone changes something; None: it does not."""
        carried = self._carryover.deadline if self._carryover is not None else None
        is_young = self.freshness.doubt is Doubt.YOUNG
        ends = (carried, self._doubt_ends if is_young else None)
        return min((max(0.0, end - now) for end in ends if end is not None), default=None)

    def view(self) -> View:
        """Return all that the cluster says."""
        if not self.has_read:
            view = self._remembered or View(self.cluster)
        else:
            view = self.exports.view()
            if self._carryover is not None:
                view = self._carryover.beside(view)
        return msgspec.structs.replace(view, freshness=self.freshness, kinds=self.leaving.kinds)

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:
        """Learn the gateways of all other clusters; return what that changes."""
        self.exports.set_foreign_gateways(addresses)
        return self._said() if self.has_read else []

    def findings(self) -> list[Finding]:
        """Return what is wrong now."""
        return [*self._silences(), *self._misshapen.values(), *self.exports.findings()]

    def refused(self) -> Iterator[Finding]:
        """Yield why an object is refused now, for each that is."""
        for finding in (*self.exports.findings(), *self._misshapen.values()):
            if finding.severity is Severity.ERROR:
                yield finding

    def _silences(self) -> Iterator[Finding]:
        if self._alarm:
            hint = f"globaldns cluster forget {self.cluster}, if it was rebuilt"
            yield Finding(
                Severity.ERROR, "other-cluster", self._alarm, hint=hint, cluster=self.cluster
            )
        elif self._silence:
            yield Finding(
                *(Severity.ERROR, "unreadable", self._silence),
                hint=self._remedy,
                cluster=self.cluster,
            )
            return  # so it says nothing of any kind
        yield from self._parts.findings(self.cluster)
        yield from self._restorations()
        yield from self.leaving.findings(self.cluster)

    def _restorations(self) -> Iterator[Finding]:
        if self.freshness.restored_at is not None:
            yield Finding(
                Severity.WARNING,
                "restored",
                f"its API server went back ({format_time(self.freshness.restored_at)}), as when "
                "etcd is restored from a backup: what was written since that is lost",
                hint="apply again what was written since; this is told for a day",
                cluster=self.cluster,
            )

    def _said(self) -> list[Change]:
        """Return what objects have changed; where that exports anything is followed from now on."""
        changes = self.exports.changes()
        self._exporting.note(changes)
        self._choose_scopes()
        return changes if self._carryover is None else self._carryover.amend(changes)

    def _end_carryover(self, now: Moment) -> list[Change]:
        if self._carryover is None:
            return []
        if self._is_stale:
            self._carryover.pause()
            return []
        denied = self._parts.denied
        is_partial = bool(denied or self._refused(VIP_LEDGERS))

        def is_doubtful(origin: Origin | None) -> bool:
            if origin is None or origin.kind == Service.kind:
                return is_partial
            identity = ObjectKey(origin.kind, origin.namespace, origin.name)
            return origin.kind in denied or self._is_refused(identity)

        changes = self._carryover.expire(is_doubtful, self.exports.view, now.steady, self._grace)
        if not self._carryover:
            self._carryover = None
        return changes

    def _freshness_changes(self) -> list[Change]:
        """Return the freshness if it differs from what was published, but for its contact."""
        former, self._published = self._published, self.freshness
        if msgspec.structs.replace(former, contact=self.freshness.contact) == self.freshness:
            return []
        return [SetFreshness(self.freshness)]
