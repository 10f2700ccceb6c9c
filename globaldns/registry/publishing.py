"""What a host is in the whole mesh: its exports, its VIPs, and whether it may be answered now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from globaldns.model.address import Address, format_address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.export import Export, Origin, Port, Resolution
from globaldns.model.host import Host
from globaldns.model.service import Conflict, Service, ServiceState, Standings
from globaldns.model.snapshot import Entry, is_same_answer, to_entry
from globaldns.registry.former import FormerVips
from globaldns.registry.handover import Handovers
from globaldns.registry.merge import deciding_export, find_conflicts, merge_ports, merge_zones
from globaldns.registry.numbering import Numbering
from globaldns.registry.silence import Silence
from globaldns.registry.views import Views
from globaldns.registry.written import WrittenClaims

RULE_CLAIMS_ONLY = "claims-only"
RULE_LOCAL = "istio-local"
PIN_COLLISION = "pin-collision"


class Answer(NamedTuple):
    """Whether a host is answered, with what, and by which rule."""

    state: ServiceState
    vips: tuple[Address, ...]
    rule: str
    """A ``ClaimKind``, a ``ServiceState``, or one of the two above."""


def answered_vips(service: Service | None) -> tuple[Address, ...]:
    """Return the addresses that clients are told."""
    if service is None or not service.state.tells_addresses:
        return ()
    return service.vips


class Publisher:
    """Builds services from what the other parts of the registry know."""

    def __init__(
        self,
        views: Views,
        claims: WrittenClaims,
        numbering: Numbering,
        handovers: Handovers,
        *,
        silence: Silence,
        former: FormerVips,
        last: Mapping[Host, Entry],
    ) -> None:
        self._views = views
        self._claims = claims
        self._numbering = numbering
        self._handovers = handovers
        self._silence = silence
        self._former = former
        self._last = last
        """What the run before answered, for the time of the last change."""

    def build(self, host: Host, old: Service | None, now: int) -> Service | None:
        """Return what a host is now; None: nothing that anybody knows."""
        service = self._build(host, old, now)
        if service is not None and old is None:
            last = self._last.get(host)
            if last is not None and is_same_answer(to_entry(service), last):
                return msgspec.structs.replace(service, changed_at=last.changed_at)
        return service

    def forget_last(self) -> None:
        """What the run before answered has no say any more."""
        self._last = {}

    def _build(self, host: Host, old: Service | None, now: int) -> Service | None:
        exports = self._views.exports(host)
        if not exports:
            self._former.forget(host)
            return self._build_claimed(host, old, now)
        if old is not None and old.contributions is exports and self._still_waits(old):
            return old
        counting, standings = self._silence.judge(host, exports)
        pinnings = self._views.pinnings(host)
        conflicts = find_conflicts(counting, pinnings, self._views.overrules.of_host(host))
        if pinnings:
            conflicts = tuple(sorted((*conflicts, *self._pin_collisions(host))))
        answer = self._answer(host, counting, old, now)
        return _make_service(
            host,
            answer,
            # Also those of what is lost: a name that was answered there is not known to be absent.
            zones=merge_zones(exports, self._views.settings.zones),
            ports=merge_ports(counting),
            exports=counting,
            conflicts=conflicts,
            standings=standings,
            former=self._former.find(host, answer.vips, now),
            old=old,
            now=now,
        )

    def _still_waits(self, old: Service) -> bool:
        """Whether all that happened to a host without number is that the ledger is to get one."""
        return (
            old.state is ServiceState.UNNUMBERED
            and self._silence.is_idle
            and not self._views.pinnings(old.host)
            and self._claims.lacks(old.host)
            and old.host not in self._numbering.exhausted
        )

    def _build_claimed(self, host: Host, old: Service | None, now: int) -> Service | None:
        """A host that only the claims know, because a cluster that has it was not heard yet."""
        held = self._claims.held(host)
        told = [
            claim
            for claim in self._claims.of_host(host)
            if claim.retired_at is None and self._views.may_offer(claim)
        ]
        if not held or not told:
            return None
        if all(map(self._is_of_policy, told)):
            answer = _without(ServiceState.UNHEARD)
        else:
            answer = self._answer_held(host, ServiceState.CLAIMED, RULE_CLAIMS_ONLY, old, now)
        zones = self._views.settings.zones
        return _make_service(
            host, answer, zones=zones, ports=(), exports=(), conflicts=(), old=old, now=now
        )

    def _is_of_policy(self, claim: Claim) -> bool:
        """Whether a GlobalService is why a claim was made: it says nothing of a service."""
        policy = self._views.cluster(claim.cluster).policies.get(claim.host)
        return claim.kind is ClaimKind.PINNED and policy is not None and bool(policy.pins)

    def _answer(
        self, host: Host, exports: tuple[Export, ...], old: Service | None, now: int
    ) -> Answer:
        if exports and deciding_export(exports).resolution is Resolution.NONE:
            return _without(ServiceState.NONE)
        held = self._claims.held(host)
        if (silent := self._silent_state(exports)) is not None:
            return _without(silent, _vips(held))
        if self._numbering.is_local(host):
            return Answer(ServiceState.READY, self._local_addresses(host), RULE_LOCAL)
        if self._views.pinnings(host) and not self._claims.is_pinned(host):
            return self._answer_unclaimed_pin(host, old, now)
        if not held:
            return self._answer_nothing(host)
        return self._answer_held(host, ServiceState.READY, held[0].kind, old, now)

    def _silent_state(self, exports: tuple[Export, ...]) -> ServiceState | None:
        """Return why no contributor is answered from; None: one is."""
        if not exports:
            return ServiceState.LOST
        too_old = self._silence.too_old
        is_stale = too_old and all(export.cluster in too_old for export in exports)
        return ServiceState.STALE if is_stale else None

    def _local_addresses(self, host: Host) -> tuple[Address, ...]:
        """Return Istio's own allocation in our cluster; it stays while that is lost, as a VIP."""
        own = self._views.settings.cluster
        found = (e.local_addresses for e in self._views.exports(host) if e.cluster == own)
        return tuple(sorted(next(found), key=lambda vip: (len(vip), vip)))

    def _answer_unclaimed_pin(self, host: Host, old: Service | None, now: int) -> Answer:
        """A pin that no ledger has: refused by our settings, or on its way."""
        pins = (pin for pinning in self._views.pinnings(host) for pin in pinning.pins)
        if not any(map(self._numbering.may_pin, pins)):
            return _without(ServiceState.PIN_OUTSIDE)
        held = self._claims.held(host)
        if not held:
            return _without(ServiceState.UNNUMBERED)
        return self._answer_held(host, ServiceState.READY, held[0].kind, old, now)

    def _answer_nothing(self, host: Host) -> Answer:
        if self._claims.is_pinned(host):
            return _without(ServiceState.PIN_LOST)
        if host in self._numbering.exhausted:
            return _without(ServiceState.EXHAUSTED)
        return _without(ServiceState.UNNUMBERED)

    def _answer_held(
        self, host: Host, state: ServiceState, rule: str, old: Service | None, now: int
    ) -> Answer:
        vips = self._numbering.remembered(host)
        if not vips:
            return self._keep(host, old, state)
        if state is ServiceState.READY and self._lacks_family(host, vips):
            state = ServiceState.PARTIAL
        if self._handovers.is_idle:
            return Answer(state, vips, rule)
        for vip in vips:
            if self._handovers.is_waiting(host, vip, now):
                return _without(ServiceState.HANDOVER, vips)
        return Answer(state, vips, rule)

    def _lacks_family(self, host: Host, vips: tuple[Address, ...]) -> bool:
        """Whether we are to give a host a VIP of a family of which none is remembered."""
        families = self._views.families
        if len(families) == 1 == len(vips):  # as almost always
            return False
        return (
            not {len(vip) for vip in vips}.issuperset(families)
            and self._numbering.needs_number(host)
            and not self._numbering.refused_families(host)
            and any(self._views.is_written_by_us(one.cluster) for one in self._views.exports(host))
        )

    def _keep(self, host: Host, old: Service | None, state: ServiceState) -> Answer:
        """While its new number is not remembered, a host keeps the old one if nobody has it."""
        vips = answered_vips(old)
        if old is None or not vips or old.rule == RULE_LOCAL:
            return _without(ServiceState.UNNUMBERED)
        holders = (self._claims.holder(vip) for vip in vips)
        if any(holder is not None and holder.host != host for holder in holders):
            return _without(ServiceState.UNNUMBERED)
        return Answer(state, vips, old.rule)

    def _pin_collisions(self, host: Host) -> Iterable[Conflict]:
        for claim in self._claims.of_host(host):
            if claim.kind is not ClaimKind.PINNED or claim.is_retired:
                continue
            winner = self._claims.holder(claim.vip)
            if winner is not None and winner.host != host:
                yield Conflict(
                    host=host,
                    rule=PIN_COLLISION,
                    winner_cluster=winner.cluster,
                    winner=self._pinner(winner),
                    loser_cluster=claim.cluster,
                    loser=self._pinner(claim),
                    detail=f"{format_address(claim.vip)} is pinned for {winner.host} too",
                )

    def _pinner(self, claim: Claim) -> Origin:
        pinning = self._views.pinning(claim.cluster, claim.host)
        return pinning.origin if pinning else Origin("Claim", "", claim.host)


def _without(state: ServiceState, vips: tuple[Address, ...] = ()) -> Answer:
    return Answer(state, vips, state)


def _vips(held: Iterable[Claim]) -> tuple[Address, ...]:
    return tuple(claim.vip for claim in held)


def _make_service(
    host: Host,
    answer: Answer,
    *,
    zones: tuple[str, ...],
    ports: tuple[Port, ...],
    exports: tuple[Export, ...],
    conflicts: tuple[Conflict, ...],
    standings: Standings = (),
    former: tuple[Address, ...] = (),
    old: Service | None,
    now: int,
) -> Service:
    """Return a service; the old one itself if nothing is different."""
    state, vips, rule = answer
    changed_at = now
    if (
        old is not None
        and old.state is state
        and old.vips == vips
        and old.ports == ports
        and old.zones == zones
        and old.rule == rule
        and (old.contributions is exports or _clusters(old.contributions) == _clusters(exports))
    ):
        changed_at = old.changed_at
        is_same = old.contributions == exports and old.standings == standings
        if is_same and old.conflicts == conflicts and old.former == former:
            return old
    return Service(
        *(host, zones, state, vips, ports, exports, changed_at, rule),
        *(conflicts, standings, former),
    )


def _clusters(exports: Iterable[Export]) -> set[str]:
    return {export.cluster for export in exports}
