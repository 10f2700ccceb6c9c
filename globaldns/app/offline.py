"""A mesh as its files and API servers say, read once, without a server; nothing is created.

Hosts without a number show the one that a server would give them; nothing is written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import TypeVar

import msgspec

from globaldns.app.fencing import Words, read_words
from globaldns.app.ledgers import read_claims
from globaldns.app.rules import export_rules, registry_settings
from globaldns.app.views import load_views, recognized, view_uids, with_ledgers
from globaldns.config.schema import Config
from globaldns.errors import LedgerError, StateError
from globaldns.model.claim import Claim
from globaldns.model.export import Gateway
from globaldns.model.finding import Finding, Severity
from globaldns.model.head import Uids, unite_uids
from globaldns.model.host import Host
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.model.view import ClaimSet, Freshness, Reset, View
from globaldns.registry.doubles import find_doubles
from globaldns.registry.findings import mesh_findings
from globaldns.registry.registry import Registry
from globaldns.routing.findings import routing_findings
from globaldns.sources.directory import DirectorySource
from globaldns.sources.secrets import Refused, report_refusals
from globaldns.sources.source import Source
from globaldns.sources.turns import Moment
from globaldns.state import StateDirectory
from globaldns.tasks import steady_clock

Sources = Mapping[str, Source]
T = TypeVar("T")
_NO_WORDS: Words = {}
_LEDGER = "ledger"
"""The code of findings about one that cannot be read."""


class OfflineMesh(msgspec.Struct, frozen=True):
    """What ``admin.readings.MeshReadings`` reads, without a server."""

    config: Config
    registry: Registry
    sources: Sources
    now: int
    """When it was read, in Unix seconds."""
    refused_secrets: tuple[Refused, ...] = ()
    """Which remote secrets are not used, or cannot be read."""
    unread: tuple[Finding, ...] = ()
    """What of our own state cannot be read: all else is as if it were empty."""
    unwritable: tuple[Finding, ...] = ()
    """Why our own ledger cannot be written, where that was asked."""

    @property
    def services(self) -> Mapping[Host, Service]:
        """What a server would serve."""
        return self.registry.services

    @property
    def files(self) -> int:
        """How many manifests were read."""
        directories = (one for one in self.sources.values() if isinstance(one, DirectorySource))
        return sum(source.files for source in directories)

    @property
    def reach(self) -> Mapping[Gateway, Reach]:
        """Nothing: it is a server that watches gateways."""
        return {}

    def ambient_namespaces(self) -> Mapping[str, frozenset[str]]:
        """Return the namespaces of each cluster for whose pods their nodes speak HBONE."""
        return {cluster: source.ambient_namespaces() for cluster, source in self.sources.items()}

    def freshness(self) -> Mapping[str, Freshness]:
        """Return how each cluster's directory could be read."""
        return {cluster: source.freshness for cluster, source in self.sources.items()}

    def findings(self) -> list[Finding]:
        """Return what is wrong with the manifests, conflicts between clusters included."""
        secrets = report_refusals(self.refused_secrets, own=self.config.cluster)
        found = all_findings(self.config, self.sources, self.registry)
        return [*self.unread, *self.unwritable, *secrets, *found]

    @property
    def ledger_trouble(self) -> LedgerError | None:
        """Why a server could not write the ledger."""
        unread = (one for one in self.unread if one.code == _LEDGER)
        for one in chain(unread, self.unwritable):
            what = f"{one.object}: " if one.object else ""
            return LedgerError(f"{what}{one.reason}", hint=one.hint)
        return None

    def refused(self) -> Iterator[Finding]:
        """Yield why objects are refused."""
        return chain.from_iterable(source.refused() for source in self.sources.values())


def read_offline(config: Config, now: int, *, numbered: bool = True) -> OfflineMesh:
    """Read every cluster's directory and the ledger.

    Unless ``numbered``, claims are those of the ledger alone: what follows from them is put off.

    Raises:
        LedgerError: the ledger is lost, damaged, too new, another cluster's, or cannot be read.
        StateError: what people said of fences cannot be read.
    """
    ledger = read_claims(config)
    claims, copies, uids = (ledger.claims, ledger.copies, ledger.uids) if ledger else ((), {}, ())
    return read_mesh(config, claims, copies, now, numbered=numbered, uids=uids)


def look_offline(config: Config, now: int) -> OfflineMesh:
    """Read every cluster, whatever of the ledger or of fences cannot be read.

    For who asks what is wrong: VIPs are as if they were given anew, where the ledger is not read.
    """
    unread: list[Finding] = []

    def read(call: Callable[[], T], otherwise: T) -> T:
        try:
            return call()
        except (LedgerError, StateError) as error:
            code = _LEDGER if isinstance(error, LedgerError) else "state"
            unread.append(
                Finding(Severity.ERROR, code, str(error), hint=error.hint, cluster=config.cluster)
            )
            return otherwise

    ledger = read(lambda: read_claims(config), None)
    words: Words = read(lambda: read_words(StateDirectory(config.state)), _NO_WORDS)
    claims, copies, uids = (ledger.claims, ledger.copies, ledger.uids) if ledger else ((), {}, ())
    mesh = read_mesh(config, claims, copies, now, words=words, uids=uids)
    odd = ledger.findings if ledger else ()
    unwritable = _find_unwritable(config)
    return msgspec.structs.replace(mesh, unread=(*unread, *odd), unwritable=unwritable)


def read_mesh(
    config: Config,
    claims: Iterable[Claim],
    copies: Mapping[str, ClaimSet],
    now: int,
    *,
    numbered: bool = True,
    words: Words | None = None,
    uids: Uids = (),
) -> OfflineMesh:
    """Read every cluster's directory, and number what they export beside these claims.

    What is in no file is gone at once: the files are asked, not how long a server waits for one.
    Fences are those that are kept, unless ``words`` are given; ``uids`` are what our ledger says.
    """
    state = StateDirectory(config.state)
    words = read_words(state) if words is None else words
    accepted = {word.target: word.uid for word in words.values() if word.uid}
    config, servers, secrets = _read_servers(config, state, copies, dict(uids) | accepted)
    views = with_ledgers(load_views(state, config), copies)
    moment = Moment(now, steady_clock())
    sources = servers | {
        cluster: _read(directory, config, cluster, views.get(cluster), moment)
        for cluster, directory in _directories(config)
    }
    share_gateways(sources)
    registry = Registry(registry_settings(config), claims, at_once=sys.maxsize)
    registry.views.set_words(words)
    registry.views.uids = unite_uids(view_uids(views), uids)
    read = {cluster: source.uid for cluster, source in sources.items()}
    known = {cluster: view.ledger for cluster, view in views.items()}
    registry.learn_copies({**copies, **known}, now)
    registry.apply([Reset(source.view()) for source in sources.values()], now)
    registry.count_once(find_doubles(read, registry.views), now)
    if numbered:
        registry.settle(now)
        registry.await_no_longer(now)
    return OfflineMesh(config, registry, sources, now, secrets)


def _directories(config: Config) -> Iterator[tuple[str, Path]]:
    for cluster, settings in config.clusters.items():
        if settings.source.directory is not None:
            yield cluster, settings.source.directory


def _read(
    directory: Path, config: Config, cluster: str, remembered: View | None, moment: Moment
) -> Source:
    rules = export_rules(config, cluster)
    source = DirectorySource(directory, rules, grace=0, remembered=remembered)
    source.read_once(moment)
    return source


def _read_servers(
    config: Config,
    state: StateDirectory,
    copies: Mapping[str, ClaimSet],
    known: Mapping[str, str],
) -> tuple[Config, dict[str, Source], tuple[Refused, ...]]:
    """Return the configuration with all clusters there are, and those that have no directory.

    And which remote secrets are not used.
    """
    listed = dict(_directories(config))
    if len(listed) == len(config.clusters) and config.remote_secrets.directory is None:
        return config, {}, ()
    # Here, because a mesh of directories needs no client of API servers.
    from globaldns.app.reaching import find_members, read_servers  # noqa: PLC0415

    config, remote = find_members(config)
    views = with_ledgers(recognized(load_views(state, config), known), copies)
    return config, read_servers(config, remote, views, known), remote.refused


def _find_unwritable(config: Config) -> tuple[Finding, ...]:
    if config.vips.ledger.kubernetes is None:
        return ()
    # Here, because a ledger in a file needs no client of API servers.
    from globaldns.app.rights import ledger_findings  # noqa: PLC0415

    return ledger_findings(config)


def share_gateways(sources: Sources) -> None:
    """Tell every cluster the gateways of all others, which make its entries routes."""
    gateways = {
        cluster: {gateway.address for gateway in source.view().gateways}
        for cluster, source in sources.items()
    }
    for cluster, source in sources.items():
        others = (known for other, known in gateways.items() if other != cluster)
        source.set_foreign_gateways(frozenset().union(*others))


def all_findings(config: Config, sources: Sources, registry: Registry) -> list[Finding]:
    """Return what every source finds, and what only the whole mesh shows, with lines."""
    of_mesh = mesh_findings(registry)
    complete = is_complete(config, sources)
    found = [*routing_findings(config, registry.views, is_complete=complete)]
    for cluster, source in sources.items():
        found += source.findings(of_mesh.get(cluster, ()))
    return found


def is_complete(config: Config, sources: Sources) -> bool:
    """Whether all of every cluster is known."""
    known = {cluster for cluster, source in sources.items() if source.freshness.is_known}
    return config.clusters.keys() <= known
