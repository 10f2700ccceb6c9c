"""The present view of one cluster, and how far what it lacks is known to be gone."""

from __future__ import annotations

from globaldns.model.address import Prefix
from globaldns.model.claim import Claim, ClaimKey
from globaldns.model.export import Export, Gateway, GatewayService
from globaldns.model.host import Host
from globaldns.model.view import ClaimSet, Doubt, Fence, Freshness, Policy, SourceState


class ClusterView:
    """The present view of one cluster."""

    __slots__ = (
        "exports",
        "fences",
        "freshness",
        "gateway_services",
        "gateways",
        "has_spoken",
        "ledger",
        "network",
        "pod_ranges",
        "policies",
        "propagation",
        "unheard",
    )

    def __init__(self, cluster: str) -> None:
        self.exports: dict[Host, Export] = {}
        self.policies: dict[Host, Policy] = {}
        self.fences: tuple[Fence, ...] = ()
        self.gateways: tuple[Gateway, ...] = ()
        self.gateway_services: tuple[GatewayService, ...] = ()
        self.network = ""
        self.pod_ranges: tuple[Prefix, ...] = ()
        self.ledger = ClaimSet()
        self.freshness = Freshness(cluster, SourceState.WAITING)
        self.has_spoken = False
        """Whether its whole view was given at least once."""
        self.unheard: set[ClaimKey] = set()
        """What others have claimed for it since it does not answer: they have heard more."""
        self.propagation: float | None = None
        """Seconds from receiving its last change to answering it, as it was measured."""

    @property
    def is_own_word(self) -> bool:
        """Whether what the view lacks is gone by the owner's own word."""
        return self.has_spoken and self.freshness.is_own_word

    @property
    def may_lack(self) -> bool:
        """Whether a host that the view lacks may be there all the same, unheard.

        A remembered view may be older than the ledger: a crash comes between the two.
        """
        is_remembered = self.freshness.state is SourceState.REMEMBERED
        return (
            is_remembered or not self.freshness.is_known or self.freshness.doubt is not Doubt.NONE
        )

    @property
    def is_silent(self) -> bool:
        """Whether it was read, and does not answer now."""
        return self.freshness.state is SourceState.SILENT

    def may_offer(self, claim: Claim) -> bool:
        """Whether the cluster may have the host that it claims, though the view lacks it."""
        return self.may_lack or claim.key in self.unheard

    def has_ended(self, claim: Claim) -> bool:
        """Whether a claim's host, which the view lacks, is gone by the owner's own word."""
        return self.is_own_word and claim.key not in self.unheard
