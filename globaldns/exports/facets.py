"""What a view has beside its exports: gateways, claims, policies, fences, ranges in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from globaldns.errors import InvalidObject
from globaldns.exports.declared import (
    Shard,
    elsewhere,
    find_marker,
    is_part,
    read_claims,
    read_fence,
    read_ledger,
    read_marker,
    read_policy,
    unite_shards,
)
from globaldns.exports.gateways import gateways_by_hand, keep_last, read_gateway
from globaldns.exports.problem import as_problem, report, warning
from globaldns.exports.ranges import Ranges, pod_ranges, used_ranges
from globaldns.exports.rules import ExportRules
from globaldns.model.address import Prefix
from globaldns.model.claim import Claim
from globaldns.model.export import Gateway, GatewayService, Origin
from globaldns.model.finding import Finding
from globaldns.model.view import (
    Change,
    ClaimSet,
    Fence,
    Policy,
    SetEntrusted,
    SetFences,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SetRanges,
    View,
)
from globaldns.objects import Object, ObjectKey
from globaldns.objects.kubernetes import Service
from globaldns.objects.own import ClusterFence, GlobalService, LedgerRole, VIPLedger

_Value = TypeVar("_Value")

Declaration = VIPLedger | GlobalService | ClusterFence
"""An object that says one of these things, and nothing else."""
DECLARATIONS = (VIPLedger, GlobalService, ClusterFence)
"""The same, as ``isinstance`` takes it fastest."""


class Facets:
    """The parts of one cluster's view that are told as a whole when they change.

    ``former`` are the gateways of a former run.
    """

    def __init__(self, rules: ExportRules, former: Iterable[GatewayService] = ()) -> None:
        self._rules = rules
        self._ranges = Ranges(used_ranges)
        self._pod_ranges = Ranges(pod_ranges)
        self._gateways: dict[ObjectKey, GatewayService] = {}
        self._former = {
            ObjectKey(Service.kind, one.namespace, one.name): one.gateways for one in former
        }
        """Of Services that may still be read for the first time in this one."""
        self._shards: dict[ObjectKey, tuple[Shard, str]] = {}
        self._entrusted: dict[ObjectKey, tuple[Claim, ...]] = {}
        self._kept: dict[ObjectKey, VIPLedger] = {}
        """What this cluster keeps of our own ledger, for the day on which we lose it."""
        self._elsewhere: dict[ObjectKey, tuple[str, str]] = {}
        """Parts of other clusters' own ledgers, which say nothing: whose each is, and its file."""
        self._policies: dict[ObjectKey, Policy] = {}
        self._fences: dict[ObjectKey, Fence] = {}
        self._told = View(rules.cluster)
        self._now = self._told
        self._stale: set[str] = set()

    def put(self, key: ObjectKey, declaration: Declaration, file: str) -> None:
        """Take an object's word.

        Raises:
            InvalidObject: it is refused, and its last good version stands.
        """
        origin = Origin(key.kind, key.namespace, key.name, file)
        match declaration:
            case VIPLedger():
                self._put_ledger(key, declaration, file)
            case GlobalService():
                policy = read_policy(declaration, origin, self._rules)
                self._note("policies", self._policies, key, policy)
            case ClusterFence():
                self._note("fences", self._fences, key, read_fence(declaration, origin))

    def _put_ledger(self, key: ObjectKey, ledger: VIPLedger, file: str) -> None:
        """Take a ledger's word.

        Raises:
            InvalidObject: it is refused.
        """
        match ledger.spec.role:
            case LedgerRole.DEPUTY:
                claims = read_claims(ledger)
                self._remove_ledger(key)
                self._note("entrusted", self._entrusted, key, claims)
            case LedgerRole.COPY | LedgerRole.FORMER:
                self._remove_ledger(key)
                if ledger.spec.cluster == self._rules.home:
                    self._kept[key] = ledger
            case LedgerRole.OWN if key in self._shards:
                self._note("ledger", self._shards, key, (self._read(ledger), file))
            case LedgerRole.OWN:
                self._put_shard(key, ledger, file)

    def _put_shard(self, key: ObjectKey, ledger: VIPLedger, file: str) -> None:
        """Take a new part of a ledger; one that was always refused is there all the same, silent.

        Raises:
            InvalidObject: it is refused.
        """
        owner = ledger.spec.cluster
        if owner != self._rules.cluster:
            self._remove_ledger(key)
            self._elsewhere[key] = (owner, file)
            return
        try:
            shard = self._read(ledger)
        except InvalidObject:
            refused = Shard(read_marker(ledger), (), is_refused=True)
            self._note("ledger", self._shards, key, (refused, file))
            raise
        self._remove_ledger(key)
        self._note("ledger", self._shards, key, (shard, file))

    def _read(self, ledger: VIPLedger) -> Shard:
        return read_ledger(ledger, self._rules.cluster)

    def add_ranges(self, resource: Object) -> None:
        """Take the ranges that an object uses."""
        self._ranges.add(resource)
        self._pod_ranges.add(resource)

    def discard_ranges(self, resource: Object) -> None:
        """Forget the ranges of an object that was taken."""
        self._ranges.discard(resource)
        self._pod_ranges.discard(resource)

    def put_service(self, key: ObjectKey, service: Service) -> bool:
        """Take the gateways that a Service is; return whether they are new.

        A gateway whose Service has lost its address keeps the last one, that of a former run too.
        """
        found, former = read_gateway(service, self._rules), self._former.pop(key, ())
        if found is not None:
            known = self._gateways.get(key)
            found = keep_last(found, service, known.gateways if known else former)
        return self._note("gateways", self._gateways, key, found)

    def remove(self, key: ObjectKey) -> bool:
        """Forget what an object said; return whether that was a gateway."""
        self._remove_ledger(key)
        self._note("policies", self._policies, key, None)
        self._note("fences", self._fences, key, None)
        self._former.pop(key, None)
        return self._note("gateways", self._gateways, key, None)

    def has(self, key: ObjectKey) -> bool:
        """Whether an object is there by which a person has said anything."""
        return key in self._policies or key in self._fences

    def _remove_ledger(self, key: ObjectKey) -> None:
        """Forget what a ledger said, in whichever role."""
        self._note("ledger", self._shards, key, None)
        self._note("entrusted", self._entrusted, key, None)
        self._kept.pop(key, None)
        self._elsewhere.pop(key, None)

    def gateways(self, network: str) -> tuple[Gateway, ...]:
        """Return the gateways; those of the configuration lead into the cluster's network."""
        if self._rules.gateways:
            return gateways_by_hand(self._rules, network)
        return tuple(sorted({one for some in self._gateways.values() for one in some.gateways}))

    def gateway_service(self, key: ObjectKey) -> GatewayService | None:
        """Return a Service that is a gateway; None: it is none."""
        return self._gateways.get(key)

    def gateway_services(self) -> tuple[GatewayService, ...]:
        """Return the Services that are gateways; none where the configuration names those."""
        return () if self._rules.gateways else tuple(sorted(self._gateways.values()))

    def kept(self) -> ClaimSet:
        """Return what this cluster keeps of our own ledger.

        Raises:
            InvalidObject: a part of it cannot be read.
        """
        copies = [one for one in self._kept.values() if one.spec.role is LedgerRole.COPY]
        former = (one for one in self._kept.values() if one.spec.role is LedgerRole.FORMER)
        kept = unite_shards([Shard(read_marker(one), read_claims(one)) for one in copies])
        claims = tuple(claim for one in former for claim in read_claims(one))
        return msgspec.structs.replace(kept, former=claims)

    def view(self, network: str) -> View:
        """Return a view of these parts alone."""
        ledger, policies, fences = self._now.ledger, self._now.policies, self._now.fences
        if "ledger" in self._stale:
            ledger = unite_shards([self._shards[key][0] for key in sorted(self._parts())])
        if "policies" in self._stale:
            policies = _by_origin(self._policies, lambda policy: policy.origin)
        if "fences" in self._stale:
            fences = _by_origin(self._fences, lambda fence: fence.origin)
        entrusted = self._now.entrusted
        if "entrusted" in self._stale:
            entrusted = tuple(sorted(c for some in self._entrusted.values() for c in some))
        self._stale.clear()
        self._now = View(
            cluster=self._rules.cluster,
            gateways=self.gateways(network),
            network=network,
            ledger=ledger,
            entrusted=entrusted,
            policies=policies,
            fences=fences,
            ranges=self._ranges.all(),
            pod_ranges=self._pod_ranges.all(),
            gateway_services=self.gateway_services(),
        )
        return self._now

    def begin(self, network: str) -> None:
        """Take what there is for told, and for all that is left of a former run."""
        self._former.clear()
        self._told = self.view(network)

    def drain(self, network: str) -> Iterator[Change]:
        """Yield what changed since the last call."""
        told, now = self._told, self.view(network)
        self._told = now
        if (now.gateways, now.gateway_services) != (told.gateways, told.gateway_services):
            yield SetGateways(now.cluster, now.gateways, now.gateway_services)
        if now.network != told.network:
            yield SetNetwork(now.cluster, now.network)
        if now.ledger is not told.ledger and now.ledger != told.ledger:
            yield SetLedger(now.cluster, now.ledger)
        if now.entrusted is not told.entrusted and now.entrusted != told.entrusted:
            yield SetEntrusted(now.cluster, now.entrusted)
        if now.policies is not told.policies and now.policies != told.policies:
            yield SetPolicies(now.cluster, now.policies)
        if now.fences is not told.fences and now.fences != told.fences:
            yield SetFences(now.cluster, now.fences)
        if _ranges_of(now) != _ranges_of(told):
            yield SetRanges(now.cluster, *_ranges_of(now))

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong with objects of ledgers: of each other cluster's own once."""
        yield from self._misplaced()
        if not self._shards:
            return
        parts = self._parts()
        stands = find_marker([self._shards[key][0] for key in parts])
        for key, (shard, file) in self._shards.items():
            if key not in parts:
                code, path = "ledger-name", "$.metadata.name"
                reason = "has a name that no part of a ledger has, and says nothing"
            elif shard.marker != stands:
                code, path = "ledger-marker", "$.spec.marker"
                reason = f"belongs to ledger {shard.marker.id!r}, the cluster's is {stands.id!r}"
            else:
                continue
            problem = warning(code, path, reason, "delete it")
            yield report(problem, key=key, file=file, cluster=self._rules.cluster)

    def _misplaced(self) -> Iterator[Finding]:
        told: set[str] = set()
        for key, (owner, file) in sorted(self._elsewhere.items()):
            if owner not in told:
                told.add(owner)
                others = sum(one == owner for one, _ in self._elsewhere.values()) - 1
                problem = as_problem(elsewhere(owner, self._rules.cluster, others=others))
                yield report(problem, key=key, file=file, cluster=self._rules.cluster)

    def _parts(self) -> set[ObjectKey]:
        """Return the objects of the cluster's own ledger."""
        names = {key.name for key in self._shards}
        return {key for key in self._shards if is_part(key.name, names)}

    def _note(
        self, facet: str, values: dict[ObjectKey, _Value], key: ObjectKey, value: _Value | None
    ) -> bool:
        """Set or forget one object's word; return whether it is news."""
        if values.get(key) == value:
            return False
        if value is None:
            del values[key]
        else:
            values[key] = value
        self._stale.add(facet)
        return True


def _ranges_of(view: View) -> tuple[tuple[Prefix, ...], tuple[Prefix, ...]]:
    """Return all ranges, and those for Pods: the same values as long as nothing changes."""
    return view.ranges, view.pod_ranges


def _by_origin(
    values: dict[ObjectKey, _Value], origin: Callable[[_Value], Origin]
) -> tuple[_Value, ...]:
    return tuple(sorted(values.values(), key=origin))
