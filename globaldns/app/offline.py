"""A mesh as its files say, read once, without a server and without creating anything.

Hosts without a number show the one that a server would give them; nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import msgspec

from globaldns.app.ledgers import read_claims
from globaldns.app.rules import export_rules, registry_settings
from globaldns.app.views import load_views, with_ledgers
from globaldns.config.schema import Config
from globaldns.model.claim import Claim
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.model.view import ClaimSet, Freshness, Reset
from globaldns.registry.findings import mesh_findings
from globaldns.registry.registry import Registry
from globaldns.sources.directory import DirectorySource
from globaldns.sources.turns import Moment
from globaldns.state import StateDirectory
from globaldns.tasks import steady_clock

Sources = Mapping[str, DirectorySource]


class OfflineMesh(msgspec.Struct, frozen=True):
    """What ``admin.readings.MeshReadings`` reads, without a server."""

    config: Config
    registry: Registry
    sources: Sources
    now: int
    """When it was read, in Unix seconds."""

    @property
    def services(self) -> Mapping[Host, Service]:
        """What a server would serve."""
        return self.registry.services

    @property
    def files(self) -> int:
        """How many manifests were read."""
        return sum(source.files for source in self.sources.values())

    def freshness(self) -> Mapping[str, Freshness]:
        """Return how each cluster's directory could be read."""
        return {cluster: source.freshness for cluster, source in self.sources.items()}

    def findings(self) -> list[Finding]:
        """Return what is wrong with the manifests, conflicts between clusters included."""
        return all_findings(self.sources, self.registry)

    def refused(self) -> Iterator[Finding]:
        """Yield why objects are refused."""
        return chain.from_iterable(source.refused() for source in self.sources.values())


def read_offline(config: Config, now: int, *, numbered: bool = True) -> OfflineMesh:
    """Read every cluster's directory and the ledger.

    Unless ``numbered``, claims are those of the ledger alone: what follows from them is put off.

    Raises:
        LedgerError: the ledger is lost, damaged, too new, another cluster's, or cannot be read.
    """
    ledger = read_claims(config)
    claims, copies = (ledger.claims, ledger.copies) if ledger else ((), {})
    return read_mesh(config, claims, copies, now, numbered=numbered)


def read_mesh(
    config: Config,
    claims: Iterable[Claim],
    copies: Mapping[str, ClaimSet],
    now: int,
    *,
    numbered: bool = True,
) -> OfflineMesh:
    """Read every cluster's directory, and number what they export beside these claims.

    What is in no file is gone at once: the files are asked, not how long a server waits for one.
    """
    views = with_ledgers(load_views(StateDirectory(config.state), config), copies)
    sources: dict[str, DirectorySource] = {
        cluster: DirectorySource(
            settings.source.directory,
            export_rules(config, cluster),
            grace=0,
            remembered=views.get(cluster),
        )
        for cluster, settings in config.clusters.items()
    }
    moment = Moment(now, steady_clock())
    for source in sources.values():
        source.read_once(moment)
    share_gateways(sources)
    registry = Registry(registry_settings(config), claims, at_once=sys.maxsize)
    known = {cluster: view.ledger for cluster, view in views.items()}
    registry.learn_copies({**copies, **known}, now)
    registry.apply([Reset(source.view()) for source in sources.values()], now)
    if numbered:
        registry.settle(now)
        registry.await_no_longer(now)
    return OfflineMesh(config, registry, sources, now)


def share_gateways(sources: Sources) -> None:
    """Tell every cluster the gateways of all others, which make its entries routes."""
    gateways = {
        cluster: {gateway.address for gateway in source.view().gateways}
        for cluster, source in sources.items()
    }
    for cluster, source in sources.items():
        others = (known for other, known in gateways.items() if other != cluster)
        source.set_foreign_gateways(frozenset().union(*others))


def all_findings(sources: Sources, registry: Registry) -> list[Finding]:
    """Return what every source finds, and what only the whole mesh shows, with lines."""
    of_mesh = mesh_findings(registry)
    found: list[Finding] = []
    for cluster, source in sources.items():
        found += source.findings(of_mesh.get(cluster, ()))
    return found
