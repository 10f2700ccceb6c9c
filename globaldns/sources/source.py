"""What every source of a cluster is, wherever its objects come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.view import Change, ClaimSet, Freshness, View

Publish = Callable[[Sequence[Change], float], None]
"""Takes changes, and the steady time at which the first of them was received."""


class Source(Protocol):
    """Reads one cluster."""

    cluster: str

    @property
    def freshness(self) -> Freshness:
        """How fresh the view is; its ``contact`` moves without a change that says so."""

    @property
    def uid(self) -> str:
        """Which cluster this is, by its kube-system namespace; empty: nobody says so."""

    @property
    def another(self) -> str:
        """The UID of the one that answers instead of the one whose view this is; empty: none."""

    def view(self) -> View:
        """Return all that the cluster says."""

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces that the cluster has and keeps, as far as is known."""

    def leaving_namespaces(self) -> frozenset[str]:
        """Return those that are being deleted, as far as is known: nothing can be made there."""

    def ambient_namespaces(self) -> frozenset[str]:
        """Return those for whose pods their nodes speak HBONE, as far as is known."""

    def services(self) -> frozenset[Host] | None:
        """Return the hosts of all its Services but ours, exported or not; None: not known yet."""

    def findings(self, of_mesh: Iterable[Finding] = ()) -> list[Finding]:
        """Return what is wrong now, with places; ``of_mesh`` are others' findings about it."""

    def rejected(self) -> Counter[str]:
        """Return how many objects are refused now, by kind."""

    def refused(self) -> Iterator[Finding]:
        """Yield why an object is refused or missing now; cheap, without places."""

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:
        """Learn the gateways of all other clusters; return what that changes."""

    def kept(self) -> ClaimSet:
        """Return what the cluster keeps of our own ledger.

        Raises:
            InvalidObject: a part of it cannot be read.
        """

    def lead(self, access: Access) -> bool:
        """Reach its API server another way, if it has one; return whether it has."""

    async def run(self, publish: Publish) -> None:
        """Publish what is known, then every change, for ever; ``publish`` may not wait."""
