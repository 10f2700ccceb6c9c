"""Releasing what clusters claimed that are not configured any more, once the quarantine is over.

Until then they are as if fenced: a person may have taken one out by mistake, or for a day.
"""

from __future__ import annotations

import asyncio
import logging

from globaldns.admin.reports import ForgetReport
from globaldns.app.copying import LedgerCopier
from globaldns.app.mesh import Mesh
from globaldns.app.writing import LedgerWriter, WritableLedger
from globaldns.errors import LedgerError, RequestRefused
from globaldns.model.claim import format_time
from globaldns.model.host import Host
from globaldns.registry.registry import Registry

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0


class Releaser:
    """Looks for dropped clusters now and then."""

    def __init__(
        self, mesh: Mesh, ledger: WritableLedger, writer: LedgerWriter, copier: LedgerCopier
    ) -> None:
        self._mesh = mesh
        self._ledger = ledger
        self._writer = writer
        self._copier = copier

    async def run(self) -> None:
        """Look for ever."""
        await self._mesh.numbered.wait()
        while True:
            try:
                await self.release()
            except LedgerError as error:
                logger.error(
                    "what dropped clusters claimed is not released",
                    extra={"reason": str(error), "fix": error.hint},
                )
            await asyncio.sleep(LOOK_SECONDS)

    async def release(self) -> None:
        """Release what is due now.

        Raises:
            LedgerError: it is due again the next time.
        """
        registry, now = self._mesh.registry, self._mesh.clock.now()
        if self._ledger.rest_reason:
            return
        configured = frozenset(registry.settings.clusters)
        since = await self._ledger.dropped(configured, now)
        for cluster, at in since.items():
            if at == now:
                logger.warning(
                    "a cluster is not configured any more: its VIPs are held for the quarantine",
                    extra={"cluster": cluster, "until": format_time(at + self._quarantine)},
                )
            is_due = at + self._quarantine <= now and registry.may_write
            if not is_due or cluster in registry.settings.clusters:
                continue
            await self._release(cluster, now)
            logger.warning(
                "a cluster is not configured for the quarantine: its VIPs are released",
                extra={"cluster": cluster},
            )

    def foresee(self, cluster: str) -> ForgetReport:
        """Return what to forget a cluster would do.

        Raises:
            RequestRefused: it is configured, or not known.
        """
        return foresee_forgotten(self._mesh.registry, cluster)

    async def forget(self, cluster: str) -> ForgetReport:
        """Release what a dropped cluster claims now, because a person says so.

        Raises:
            RequestRefused: it is configured, or not known, or nothing may be written.
            LedgerError: not all of it is released; it may be done again.
        """
        registry, now = self._mesh.registry, self._mesh.clock.now()
        hosts = forgettable_hosts(registry, cluster)
        registry.refuse_unless_writing()
        await self._release(cluster, now)
        logger.warning("a cluster is forgotten: its VIPs are released", extra={"cluster": cluster})
        return report_forgotten(registry, cluster, hosts)

    async def _release(self, cluster: str, now: int) -> None:
        self._mesh.publish(self._mesh.registry.release(cluster, now))
        await self._writer.flush()
        await self._copier.forget(cluster)

    @property
    def _quarantine(self) -> int:
        return self._mesh.registry.settings.quarantine


def forgettable_hosts(registry: Registry, cluster: str) -> list[Host]:
    """Return the host of every claim that a cluster's end would end.

    Raises:
        RequestRefused: it is configured, or nothing is known of it.
    """
    configured = registry.settings.clusters
    if cluster in configured:
        raise RequestRefused(
            f"{cluster} is configured: its VIPs are its own",
            hint=f"globaldns cluster fence {cluster} ends its exports; to forget it, remove "
            f"clusters.{cluster} from the configuration, or its remote secret, first: it stays for "
            "ten minutes then",
        )
    claims = [claim for claim in registry.claims if claim.cluster not in configured]
    hosts = [one.host for one in claims if one.cluster == cluster and not one.is_retired]
    if not hosts:
        known = sorted({one.cluster for one in claims if not one.is_retired})
        names = f"those that do are {', '.join(known)}" if known else "none does"
        raise RequestRefused(f"no cluster {cluster!r} that was dropped has a VIP", hint=names)
    return hosts


def report_forgotten(registry: Registry, cluster: str, hosts: list[Host]) -> ForgetReport:
    """Return what became of the hosts that a cluster had claimed."""
    resting = {host for host in hosts if not registry.claims.held(host)}
    return ForgetReport(cluster=cluster, vips=len(hosts), resting=tuple(sorted(resting)))


def foresee_forgotten(registry: Registry, cluster: str) -> ForgetReport:
    """Return what would become of the hosts that a cluster claims, if it were forgotten.

    Raises:
        RequestRefused: it is configured, or nothing is known of it.
    """
    hosts = forgettable_hosts(registry, cluster)
    resting = {host for host in hosts if not _has_other_claims(registry, host, cluster)}
    return ForgetReport(
        cluster=cluster, vips=len(hosts), resting=tuple(sorted(resting)), done=False
    )


def _has_other_claims(registry: Registry, host: Host, cluster: str) -> bool:
    claims = registry.claims.of_host(host)
    return any(claim.cluster != cluster and not claim.is_retired for claim in claims)
