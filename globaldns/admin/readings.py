"""What the admin endpoint and the read-only commands may read: the seams to ``app``.

``MeshReadings`` is what a mesh is, whether a server runs or its files were read once;
``Readings`` adds what only a running server has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from globaldns.admin.events import Subscription
from globaldns.admin.reports import ConfigReport, StubReport
from globaldns.config.schema import Config
from globaldns.errors import LedgerError, StateError
from globaldns.istio.notices import Notice
from globaldns.model.explanation import RouteProgress
from globaldns.model.export import Gateway
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.reach import Reach
from globaldns.model.service import Service
from globaldns.model.snapshot import Snapshot
from globaldns.model.view import Freshness
from globaldns.registry.registry import Registry
from globaldns.sources.secrets import Refused


class MeshReadings(Protocol):
    """A mesh as it stands."""

    @property
    def config(self) -> Config:
        """The configuration in force."""

    @property
    def registry(self) -> Registry:
        """Claims, conflicts, pools."""

    @property
    def services(self) -> Mapping[Host, Service]:
        """What is served; of a running server a map that never changes: threads read it."""

    @property
    def reach(self) -> Mapping[Gateway, Reach]:
        """How gateways are reached, of those that are watched; without a server none is."""

    def ambient_namespaces(self) -> Mapping[str, frozenset[str]]:
        """The namespaces of each cluster for whose pods their nodes speak HBONE."""

    def freshness(self) -> Mapping[str, Freshness]:
        """How each configured cluster's source stands."""

    @property
    def refused_secrets(self) -> tuple[Refused, ...]:
        """Which remote secrets are not used, or cannot be read."""

    @property
    def ledger_trouble(self) -> LedgerError | StateError | None:
        """Why nobody can write the ledger, with the remedy; None: somebody can."""

    def refused(self) -> Iterator[Finding]:
        """Why objects are refused now; without lines, opens no file."""


class Readings(MeshReadings, Protocol):
    """A running server."""

    @property
    def snapshot(self) -> Snapshot:
        """What is served now, with its serial."""

    @property
    def now(self) -> int:
        """Unix seconds, by the clock that claims are dated with."""

    @property
    def ledger_failure(self) -> str:
        """Why the ledger is not written here now; empty: it is."""

    def notices_of(self, service: Service) -> tuple[Notice, ...]:
        """Return what the clients of our own cluster do not get of a service."""

    def route_progress(self, host: Host) -> RouteProgress | None:
        """Return whether the routes of a host stand in our own cluster; None: none are written."""

    def notices(self) -> Callable[[], list[Finding]]:
        """Return what tells, in a thread, what clients do not get and what is wrong with networks.

        What the clients of our own cluster do not get is known where routes are written.
        """

    def live(self) -> tuple[str, ...]:
        """Why the process should be restarted, a line each; empty: it should not."""

    def readiness(self) -> tuple[str, ...]:
        """Why it should get no queries, a line each; empty: it is ready."""

    def metrics_text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""

    def config_report(self) -> ConfigReport:
        """What is in force, and how the last reload went."""

    def stub_report(self) -> StubReport:
        """How this replica keeps the cluster's own DNS."""

    def subscribe(self) -> Subscription:
        """Return a listener for all that changes from now on.

        Raises:
            RequestProblem: there are too many.
        """
