"""What the admin endpoint and the read-only commands may read: the seams to ``app``.

``MeshReadings`` is what a mesh is, whether a server runs or its files were read once;
``Readings`` adds what only a running server has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from globaldns.admin.events import Subscription
from globaldns.admin.reports import ConfigReport
from globaldns.config.schema import Config
from globaldns.model.finding import Finding
from globaldns.model.host import Host
from globaldns.model.service import Service
from globaldns.model.snapshot import Snapshot
from globaldns.model.view import Freshness
from globaldns.registry.registry import Registry


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

    def freshness(self) -> Mapping[str, Freshness]:
        """How each configured cluster's source stands."""

    def findings(self) -> list[Finding]:
        """What is wrong with the manifests, conflicts included."""

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
        """Why the ledger cannot be written now; empty: it can."""

    def live(self) -> tuple[str, ...]:
        """Why the process should be restarted, a line each; empty: it should not."""

    def readiness(self) -> tuple[str, ...]:
        """Why it should get no queries, a line each; empty: it is ready."""

    def metrics_text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""

    def config_report(self) -> ConfigReport:
        """What is in force, and how the last reload went."""

    def subscribe(self) -> Subscription:
        """Return a listener for all that changes from now on.

        Raises:
            RequestProblem: there are too many.
        """
