"""All that one cluster says, with its freshness; and the changes that keep a view up to date."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from globaldns.model.address import Address, Prefix
from globaldns.model.claim import Claim, Marker, unite
from globaldns.model.export import Export, Gateway, GatewayService, Origin
from globaldns.model.fingerprint import Fingerprint
from globaldns.model.head import Uids
from globaldns.model.host import Host
from globaldns.model.lost import LostPolicy


class SourceState(StrEnum):
    """How a source stands."""

    WAITING = "waiting"
    """Nothing was read yet, and nothing is remembered."""
    REMEMBERED = "remembered"
    """Not read in this run; its remembered view stands for it."""
    SYNCED = "synced"
    """Read completely, and its last reading succeeded."""
    SILENT = "silent"
    """Read completely in this run, but it does not answer now; its last view stands."""


_READ = (SourceState.SYNCED, SourceState.SILENT)


class Doubt(StrEnum):
    """Whether what a view lacks is gone by the owner's own word."""

    NONE = ""
    """It is."""
    YOUNG = "young"
    """The first reading of this run is younger than ``grace``: what it lacks may be late. Or a file
    was not read in this run: what is remembered of it may be older than what was answered."""
    PARTIAL = "partial"
    """A file could never be read, and nothing is remembered of it: it may hold anything."""


class Freshness(msgspec.Struct, frozen=True, gc=False):
    """How fresh a view is."""

    cluster: str
    state: SourceState
    contact: int | None = None
    """Unix seconds of the last proof that the view is current; None: never."""
    reason: str = ""
    """Why it is not synced, for people."""
    doubt: Doubt = Doubt.NONE
    zones: tuple[str, ...] = ()
    """The zones with which all of it was read: of any other it may lack every name."""
    restored_at: int | None = None
    """When its API server was seen to have gone back, as etcd does that is restored from a backup,
    in Unix seconds; None: it was not lately."""

    @property
    def is_known(self) -> bool:
        """Whether all its names are known, so that an absent one is known to be absent."""
        return self.state is not SourceState.WAITING and self.doubt is not Doubt.PARTIAL

    def is_known_in(self, zones: Iterable[str]) -> bool:
        """Whether all its names in these zones are known."""
        return self.is_known and set(self.zones).issuperset(zones)

    @property
    def is_heard(self) -> bool:
        """Whether all that it holds was read in this run, its ledger among it."""
        return self.state is SourceState.SYNCED and self.is_known

    @property
    def is_read(self) -> bool:
        """Whether it was read in this run, even if it does not answer now."""
        return self.state in _READ

    @property
    def is_own_word(self) -> bool:
        """Whether what the view lacks is gone by the owner's own word."""
        return self.is_read and self.doubt is Doubt.NONE


class Policy(msgspec.Struct, frozen=True, gc=False):
    """What a person wrote about one service in a GlobalService."""

    host: Host
    origin: Origin
    created_at: int | None = None
    pins: tuple[Address, ...] = ()
    lost: LostPolicy | None = None
    """What becomes of what lost clusters offer of it; None: as the clusters' rules say."""


class Fence(msgspec.Struct, frozen=True, gc=False):
    """A word on a cluster: whether its exports count; the newest word per cluster wins."""

    target: str
    """The cluster that is fenced."""
    fenced: bool
    at: int
    """Unix seconds."""
    origin: Origin
    uid: str = ""
    """Of the kube-system namespace of the one that was rebuilt under its name, and is to be taken
    for it: no other is. Empty: nothing is said of that."""


_BLOCK = 512
"""Claims that are compared at once; where they are the very same values that takes microseconds."""

_FEW = 16
"""Claims that are looked for one by one."""


def missing(before: tuple[Claim, ...], now: tuple[Claim, ...]) -> list[Claim]:
    """Return the claims of a sequence that another lacks.

    Where a ledger has changed in one place that costs little, however long it is.
    """
    start = _count_same(before, now)
    end = _count_same_at_end(before, now, min(len(before), len(now)) - start)
    others = before[start : len(before) - end]
    if not others:
        return []
    known = set(now[start : len(now) - end])
    lacking = [claim for claim in others if claim not in known]
    anywhere = now if len(lacking) <= _FEW else set(now)
    return [claim for claim in lacking if claim not in anywhere]


def _count_same(some: tuple[Claim, ...], others: tuple[Claim, ...]) -> int:
    """Return how many claims, in whole blocks, two sequences begin with both."""
    most = min(len(some), len(others))
    at = 0
    while at < most and some[at : at + _BLOCK] == others[at : at + _BLOCK]:
        at += _BLOCK
    return min(at, most)


def _count_same_at_end(some: tuple[Claim, ...], others: tuple[Claim, ...], most: int) -> int:
    """Return how many claims, in whole blocks and at most so many, two sequences end with both."""
    size = 0
    while size + _BLOCK <= most:
        block = some[len(some) - size - _BLOCK : len(some) - size]
        if block != others[len(others) - size - _BLOCK : len(others) - size]:
            break
        size += _BLOCK
    return size


class ClaimSet(msgspec.Struct, frozen=True, gc=False):
    """What a cluster's own ledger says; ``marker`` is None where the cluster keeps no ledger."""

    marker: Marker | None = None
    claims: tuple[Claim, ...] = ()
    former: tuple[Claim, ...] = ()
    """Unretired claims of a ledger that was lost, of hosts of which this one says nothing yet."""
    is_partial: bool = False
    """Whether a part of it was never taken: what it lacks may stand there."""
    fingerprint: Fingerprint = Fingerprint()
    """Of what its writer has configured."""
    uids: Uids = ()
    """Which cluster its writer takes each name for."""

    def following(self, old: ClaimSet) -> ClaimSet:
        """Return it as the ledger that replaces another: what was lost with that one stands.

        A ledger forgets claims only once they are retired: others that it lacks were lost too, as
        when an older etcd is restored.
        """
        if self.marker is None:
            return self
        if self.is_partial and self.marker == old.marker:
            return self._completed_by(old)
        lost = [claim for claim in missing(old.claims, self.claims) if not claim.is_retired]
        lost += old.former
        if not lost:
            return self
        is_same = old.marker == self.marker
        told = {claim.host for claim in self.claims if not (is_same and claim.is_retired)}
        keys = {claim.key for claim in self.claims}
        standing = {claim for claim in lost if claim.host not in told and claim.key not in keys}
        return msgspec.structs.replace(self, former=tuple(sorted(standing.union(self.former))))

    def united(self, other: ClaimSet) -> ClaimSet:
        """Return it with what another reading says besides; of two ledgers the one begun last."""
        if self.marker != other.marker:
            return max(self, other, key=lambda one: one.marker.begun if one.marker else (-1, ""))
        claims = tuple(sorted(unite(self.claims, other.claims).values()))
        return msgspec.structs.replace(self, claims=claims)

    def _completed_by(self, old: ClaimSet) -> ClaimSet:
        keys = {claim.key for claim in self.claims}
        kept = (claim for claim in old.claims if claim.key not in keys)
        claims = tuple(sorted((*self.claims, *kept)))
        return msgspec.structs.replace(self, claims=claims, former=old.former)


class View(msgspec.Struct, frozen=True, gc=False):
    """All that one cluster says."""

    cluster: str
    exports: tuple[Export, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    ledger: ClaimSet = ClaimSet()
    policies: tuple[Policy, ...] = ()
    fences: tuple[Fence, ...] = ()
    freshness: Freshness | None = None
    ranges: tuple[Prefix, ...] = ()
    """What its Services, Pods and Nodes use: no place for a VIP."""
    files: tuple[str, ...] = ()
    """The files that were read at least once, in whichever run, sorted."""
    entrusted: tuple[Claim, ...] = ()
    """What it claims for clusters that keep no ledger."""
    network: str = ""
    """Of its endpoints, where they name none; empty: not known."""
    uid: str = ""
    """Of the cluster's kube-system namespace, where it was read from an API server: another is
    another cluster."""
    pod_ranges: tuple[Prefix, ...] = ()
    """What its Nodes have for Pods."""
    kinds: tuple[str, ...] = ()
    """Those of which it had objects that count, where it was read from an API server; sorted."""
    revisions: tuple[tuple[str, int], ...] = ()
    """The resourceVersions up to which it was read there, by kind: each may have its own etcd."""
    gateway_services: tuple[GatewayService, ...] = ()
    """The Services that ``gateways`` come from, and those of which none is known; empty where the
    configuration names gateways."""

    def following(self, ledger: ClaimSet) -> View:
        """Return it with what stands of the ledger that its own follows."""
        return msgspec.structs.replace(self, ledger=self.ledger.following(ledger))


class Reset(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The whole view is this now; what it lacks is gone by the owner's own word."""

    view: View

    @property
    def cluster(self) -> str:
        """The cluster that changed."""
        return self.view.cluster


class Put(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An export is new or different."""

    export: Export

    @property
    def cluster(self) -> str:
        """The cluster that changed."""
        return self.export.cluster


class Remove(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An export is gone by the owner's own word."""

    cluster: str
    host: Host


class SetGateways(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The gateways are these now."""

    cluster: str
    gateways: tuple[Gateway, ...]
    services: tuple[GatewayService, ...] = ()
    """``View.gateway_services``."""


class SetNetwork(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The network of the cluster is this now."""

    cluster: str
    network: str


class SetRanges(msgspec.Struct, frozen=True, gc=False, tag=True):
    """All ranges that a cluster uses."""

    cluster: str
    ranges: tuple[Prefix, ...]
    pods: tuple[Prefix, ...] = ()
    """Those that its Nodes have for Pods."""


class SetLedger(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The cluster's own ledger says this now."""

    cluster: str
    ledger: ClaimSet


class SetEntrusted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What the cluster claims for clusters that keep no ledger is this now."""

    cluster: str
    claims: tuple[Claim, ...]


class SetPolicies(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The GlobalServices are these now."""

    cluster: str
    policies: tuple[Policy, ...]


class SetFences(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The ClusterFences are these now."""

    cluster: str
    fences: tuple[Fence, ...]


class SetFreshness(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The source stands like this now."""

    freshness: Freshness

    @property
    def cluster(self) -> str:
        """The cluster that changed."""
        return self.freshness.cluster


Change = (
    Reset
    | Put
    | Remove
    | SetGateways
    | SetNetwork
    | SetRanges
    | SetLedger
    | SetEntrusted
    | SetPolicies
    | SetFences
    | SetFreshness
)
"""One change of one cluster's view."""
