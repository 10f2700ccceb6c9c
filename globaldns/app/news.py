"""What a turn changed, told: to the log, to counters, to whoever listens to events.

The log has a line for what a person may have to act on (a move, a conflict, a host without number,
a filling pool), and one line per turn for the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from globaldns.admin.events import (
    Broadcast,
    ClusterChanged,
    Event,
    ServiceChanged,
    ServiceRemoved,
    VipMoved,
)
from globaldns.admin.reporting import collect_unwritten, format_addresses, report_service
from globaldns.admin.reports import ClusterReport
from globaldns.metrics import Metrics
from globaldns.model.claim import format_time
from globaldns.model.host import Host
from globaldns.model.service import Conflict, Service, ServiceState
from globaldns.registry.agreement import differing_settings
from globaldns.registry.delta import Delta, Move
from globaldns.registry.registry import Registry

logger = logging.getLogger(__name__)
_Told = TypeVar("_Told")

FULL = 0.8
"""The part of a pool in use from which on a person should think of another one."""
MAX_LINES = 30
"""Lines of one kind about hosts that one turn may log: a first pool of a family, or a cluster that
is fenced, concerns all of them. The API has the rest."""

_WITHOUT_VIP = {
    ServiceState.EXHAUSTED: "no pool has a free address for a host: pools are exhausted",
    ServiceState.PIN_OUTSIDE: "a host is pinned outside the pools and vips.pins",
    ServiceState.PIN_LOST: "a host has lost its pin to another",
    ServiceState.LOST: "a host is not answered: its clusters are lost, and so their names",
    ServiceState.STALE: "a host is not answered: its clusters have been silent for too long",
    ServiceState.HANDOVER: "a host waits for a VIP that was answered for another",
}


class News:
    """Tells of one registry's turns."""

    def __init__(
        self,
        registry: Registry,
        metrics: Metrics,
        broadcast: Broadcast,
        clusters: Callable[[], Iterable[ClusterReport]],
    ) -> None:
        self._registry = registry
        self._metrics = metrics
        self._broadcast = broadcast
        self._clusters = clusters
        self._troubled: dict[Host, ServiceState] = {}
        """Hosts that were told to be without a VIP, and why."""
        self._full: set[str] = set()
        """Pools that were told to be filling."""
        self._standing: dict[str, ClusterReport] = {}
        self._fenced: frozenset[str] = registry.views.fenced
        self._doubles: Mapping[str, str] = {}
        self._lost: frozenset[str] = frozenset()
        self._differing: dict[str, tuple[str, ...]] = {}
        """What clusters were told to have configured otherwise."""

    def note_clusters(self) -> None:
        """Note how clusters stand, so that whoever listens from now on is told what changes."""
        self._changed_clusters()

    def tell_clusters(self) -> None:
        """Tell listeners of clusters that stand otherwise, by something else than a turn."""
        if self._broadcast.is_heard:
            self._broadcast.publish(self._cluster_events())

    def tell(self, delta: Delta) -> None:
        """Tell of a turn."""
        for move in delta.moves:
            self._metrics.vip_moves.labels(move.reason).inc()
        _log_some(delta.moves, _log_move, "more hosts have other VIPs")
        _log_some(delta.conflicts, _log_conflict, "more objects cannot both be true")
        self._tell_troubles(delta)
        self._tell_pools()
        self._tell_fences()
        self._tell_doubles()
        self._tell_losses()
        self._tell_settings()
        if delta.services or delta.removed:
            logger.info(
                "services changed",
                extra={
                    "changed": len(delta.services),
                    "removed": len(delta.removed),
                    "services": len(self._registry.services),
                },
            )
        if self._broadcast.is_heard:
            self._broadcast.publish(self._events(delta))

    def _tell_troubles(self, delta: Delta) -> None:
        for host in delta.removed:
            self._troubled.pop(host, None)
        troubled = [service for service in delta.services if self._is_new_trouble(service)]
        _log_some(troubled, self._log_trouble, "more hosts are without a VIP")

    def _log_trouble(self, service: Service) -> None:
        logger.warning(
            _WITHOUT_VIP[self._trouble(service)],
            extra={
                "host": service.host,
                "clusters": service.clusters,
                "fix": f"globaldns explain {service.host}",
            },
        )

    def _is_new_trouble(self, service: Service) -> bool:
        former = self._troubled.pop(service.host, None)
        trouble = self._trouble(service)
        if trouble not in _WITHOUT_VIP:
            return False
        self._troubled[service.host] = trouble
        return former is not trouble

    def _trouble(self, service: Service) -> ServiceState:
        """Return a service's state; exhausted too where it lacks the VIP of one family only."""
        is_refused = service.host in self._registry.numbering.exhausted
        is_ready = service.state in (ServiceState.READY, ServiceState.PARTIAL)
        return ServiceState.EXHAUSTED if is_refused and is_ready else service.state

    def _tell_fences(self) -> None:
        known = self._registry.settings.clusters.keys()
        former, self._fenced = self._fenced, self._registry.views.fenced & known
        for cluster in sorted(self._fenced - former):
            logger.warning(
                "a cluster is fenced: its exports do not count", extra={"cluster": cluster}
            )
        for cluster in sorted(former - self._fenced):
            logger.warning(
                "a cluster is fenced no more: its exports count", extra={"cluster": cluster}
            )

    def _tell_doubles(self) -> None:
        former, self._doubles = self._doubles, self._registry.views.doubles
        for cluster, counted in self._doubles.items():
            if former.get(cluster) != counted:
                logger.error(
                    "a cluster is read under two ids: it counts under one of them",
                    extra={"cluster": cluster, "counted": counted, "fix": "remove one of the two"},
                )
        for cluster in former.keys() - self._doubles.keys():
            logger.warning("a cluster counts under its own id", extra={"cluster": cluster})

    def _tell_losses(self) -> None:
        registry = self._registry
        former, self._lost = self._lost, registry.silence.lost
        for cluster in sorted(self._lost - former):
            contact = registry.views.cluster(cluster).freshness.contact
            since = "never" if contact is None else format_time(contact)
            logger.warning("a cluster is lost", extra={"cluster": cluster, "contact": since})
        for cluster in sorted(former - self._lost):
            logger.warning("a cluster is lost no more", extra={"cluster": cluster})

    def _tell_settings(self) -> None:
        registry = self._registry
        former, self._differing = self._differing, differing_settings(registry)
        for cluster, settings in self._differing.items():
            if former.get(cluster) != settings:
                logger.warning(
                    "a cluster is configured otherwise in what all must have alike",
                    extra={"cluster": cluster, "settings": settings},
                )
        for cluster in former.keys() - self._differing.keys():
            logger.info("a cluster is configured as we are", extra={"cluster": cluster})

    def _tell_pools(self) -> None:
        for usage in self._registry.usage():
            pool = str(usage.pool)
            if usage.filled < FULL:
                self._full.discard(pool)
            elif pool not in self._full:
                self._full.add(pool)
                logger.warning(
                    "a pool is filling: add another to vips.pools",
                    extra={"pool": pool, "held": usage.held, "free": usage.free},
                )

    def _events(self, delta: Delta) -> list[Event]:
        claims = self._registry.claims
        unwritten = collect_unwritten(self._registry.unwritten)
        events: list[Event] = [
            ServiceChanged(service=report_service(service, claims, unwritten))
            for service in delta.services
        ]
        events += (ServiceRemoved(host=host) for host in delta.removed)
        events += (
            VipMoved(
                host=move.host,
                old=format_addresses(move.old),
                new=format_addresses(move.new),
                reason=move.reason,
            )
            for move in delta.moves
        )
        return events + self._cluster_events()

    def _cluster_events(self) -> list[Event]:
        return [ClusterChanged(cluster=report) for report in self._changed_clusters()]

    def _changed_clusters(self) -> list[ClusterReport]:
        """Return how clusters stand that stand otherwise than when this was asked last."""
        former, self._standing = self._standing, {}
        changed = []
        for report in self._clusters():
            standing = msgspec.structs.replace(report, contact=None, exports=0)
            self._standing[report.cluster] = standing
            if former.get(report.cluster, standing) != standing:
                changed.append(report)
        return changed


def _log_some(news: Sequence[_Told], log: Callable[[_Told], None], more: str) -> None:
    """Log what is told first, and of the rest how much it is."""
    for one in news[:MAX_LINES]:
        log(one)
    if len(news) > MAX_LINES:
        logger.warning(more, extra={"count": len(news) - MAX_LINES})


def _log_move(move: Move) -> None:
    logger.warning(
        "a host has other VIPs",
        extra={
            "host": move.host,
            "old": format_addresses(move.old),
            "new": format_addresses(move.new),
            "reason": move.reason,
        },
    )


def _log_conflict(conflict: Conflict) -> None:
    logger.warning(
        "two objects cannot both be true",
        extra={
            "host": conflict.host,
            "rule": conflict.rule,
            "winner": f"{conflict.winner} of {conflict.winner_cluster}",
            "loser": f"{conflict.loser} of {conflict.loser_cluster}",
            "detail": conflict.detail,
        },
    )
