"""The services as they were published last, and what each publication changed.

Where many hosts are touched at once, the rest waits for the next publications: others get their
turn between, and the whole mesh is never built in one go.
"""

from __future__ import annotations

from itertools import chain, islice

from immutables import Map

from globaldns.model.address import Address
from globaldns.model.claim import ClaimKind
from globaldns.model.host import Host
from globaldns.model.service import Conflict, Service
from globaldns.registry.claiming import COLLISION, REPLACED
from globaldns.registry.delta import Move
from globaldns.registry.handover import Handovers
from globaldns.registry.publishing import RULE_LOCAL, Publisher, answered_vips
from globaldns.registry.written import WrittenClaims


class Publication:
    """What one publication changed, as it is collected."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.services: list[Service] = []
        self.removed: list[Host] = []
        self.conflicts: list[Conflict] = []
        self.moves: list[Move] = []


class Catalogue:
    """All services by host, in a persistent map: a snapshot shares it, publishing never copies."""

    def __init__(
        self, publisher: Publisher, claims: WrittenClaims, handovers: Handovers, *, at_once: int
    ) -> None:
        self.services: Map[Host, Service] = Map()
        self.waiting: set[Host] = set()
        """Hosts that have a service, and are to be looked at again."""
        self.waiting_anew: set[Host] = set()
        """Hosts that have none yet, or not in every zone: none is known to be absent meanwhile."""
        self.conflicts: dict[Host, tuple[Conflict, ...]] = {}
        self._publisher = publisher
        self._claims = claims
        self._handovers = handovers
        self._at_once = at_once
        self._kept: dict[Address, Host] = {}
        """VIPs that a host is still answered with though it does not hold them any more."""

    @property
    def is_behind(self) -> bool:
        """Whether any host waits."""
        return bool(self.waiting or self.waiting_anew)

    def publish(self, touched: set[Host], now: int, *, is_settled: bool) -> Publication:
        """Build the services of these hosts again, or of some of all that wait by now.

        Unless settled, nothing that is answered is withdrawn or answered otherwise.
        """
        publication = Publication(now)
        touched = self._end_answers(touched, now)
        new_services = self.services.mutate()
        for host in sorted(self._take(touched)):
            old = self.services.get(host)
            new = self._publisher.build(host, old, now)
            answered = answered_vips(old)
            if new is old or (answered and not is_settled and answered_vips(new) != answered):
                continue
            self._note(host, old, new, publication)
            if new is None:
                del new_services[host]
            else:
                new_services[host] = new
        self.services = new_services.finish()
        return publication

    def _take(self, touched: set[Host]) -> set[Host]:
        """Return whom to look at now: a half may be those that are touched only now.

        Takes the set over, which may be of all hosts.
        """
        if not self.is_behind and len(touched) <= self._at_once:
            return touched
        first = {*islice(touched, max(1, self._at_once // 2))}
        self.waiting_anew.update(host for host in touched if host not in self.services)
        touched -= self.waiting_anew
        few, self.waiting = sorted((touched, self.waiting), key=len)
        self.waiting |= few
        rest = (host for host in chain(self.waiting_anew, self.waiting) if host not in first)
        taken = first.union(islice(rest, self._at_once - len(first)))
        self.waiting_anew -= taken
        self.waiting -= taken
        return taken

    def _end_answers(self, touched: set[Host], now: int) -> set[Host]:
        """Let hand-overs begin before the new holders are looked at; return all that is touched."""
        if self._kept:
            held = (claim.vip for host in touched for claim in self._claims.held(host))
            touched |= {self._kept[vip] for vip in held if vip in self._kept}
        for host in touched:
            ended = self._not_held(host, self.services.get(host))
            if ended:
                self._handovers.begin(host, ended, now)
                self._kept.update(dict.fromkeys(ended, host))
        return touched

    def _not_held(self, host: Host, service: Service | None) -> list[Address]:
        """Return what a host is answered with and does not hold."""
        answered = answered_vips(service)
        if not answered or service is None or service.rule == RULE_LOCAL:
            return []
        held = self._claims.held(host)
        if len(held) == 1 and answered == (held[0].vip,):  # as almost all
            return []
        vips = [claim.vip for claim in held]
        return [vip for vip in answered if vip not in vips]

    def _note(
        self, host: Host, old: Service | None, new: Service | None, publication: Publication
    ) -> None:
        self._note_conflicts(host, new, publication)
        self._note_answer(host, old, new, publication)
        if new is None:
            publication.removed.append(host)
        else:
            publication.services.append(new)

    def _note_conflicts(self, host: Host, new: Service | None, publication: Publication) -> None:
        known = self.conflicts.pop(host, ())
        if new is not None and new.conflicts:
            self.conflicts[host] = new.conflicts
            publication.conflicts += [c for c in new.conflicts if c not in known]

    def _note_answer(
        self,
        host: Host,
        old: Service | None,
        new: Service | None,
        publication: Publication,
    ) -> None:
        before, now_answered = answered_vips(old), answered_vips(new)
        if self._kept:
            for vip in before:
                self._kept.pop(vip, None)
        if old is not None and old.rule != RULE_LOCAL:  # whoever holds its VIPs by now
            ended = (vip for vip in before if vip not in now_answered)
            self._handovers.begin(host, ended, publication.now)
        if new is None:
            self._handovers.set_last(host, ())
        elif not now_answered:
            if before:
                self._handovers.set_last(host, before)
        else:
            is_local = RULE_LOCAL in {one.rule for one in (old, new) if one is not None}
            self._note_move(host, before, now_answered, publication, is_local=is_local)
            self._handovers.resume(now_answered)
            if before:
                self._kept.update(dict.fromkeys(self._not_held(host, new), host))

    def _note_move(
        self,
        host: Host,
        before: tuple[Address, ...],
        new: tuple[Address, ...],
        publication: Publication,
        *,
        is_local: bool,
    ) -> None:
        last = before or self._handovers.last_answered(host)
        self._handovers.set_last(host, ())
        if last and last != new:
            reason = RULE_LOCAL if is_local else self._explain(host, last, new)
            publication.moves.append(Move(host, last, new, reason))

    def _explain(self, host: Host, old: tuple[Address, ...], new: tuple[Address, ...]) -> str:
        lost = [
            claim
            for claim in self._claims.of_host(host)
            if claim.vip in old and claim.vip not in new and claim.is_retired
        ]
        last = max(lost, key=lambda c: (c.retired_at or 0, c.allocated_at), default=None)
        if set(old) <= set(new) or set(new) <= set(old):
            if last is not None and last.reason == COLLISION:
                return COLLISION
            return "added" if len(new) > len(old) else "removed"
        gained = [claim.kind for claim in self._claims.held(host) if claim.vip not in old]
        if ClaimKind.PINNED in gained:
            return "pinned"
        if ClaimKind.CHOSEN in gained:
            return "renumbered"
        if last is not None:
            return last.reason
        holders = (self._claims.holder(vip) for vip in old)
        is_taken = any(holder is not None and holder.host != host for holder in holders)
        return COLLISION if is_taken else REPLACED
