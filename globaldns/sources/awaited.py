"""A cluster that cannot be read at present: nobody has said how, or not any more.

What was last known of it stands.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator

from globaldns.exports.rules import ExportRules
from globaldns.kube.kubeconfig import Access
from globaldns.model.finding import Finding, Severity
from globaldns.model.host import Host
from globaldns.model.view import Change, ClaimSet, Freshness, Reset, SetFreshness, SourceState, View
from globaldns.sources.remembered import as_remembered, exporting_namespaces
from globaldns.sources.secrets import Refused
from globaldns.sources.source import Publish
from globaldns.tasks import steady_clock

UNNAMED = "it has no remote secret"


def await_access(
    rules: ExportRules, refused: Refused | None, remembered: View | None
) -> AwaitedSource:
    """Return the source of a cluster that nobody says how to reach, or not as we would."""
    reason, hint = why_unreached(refused)
    return AwaitedSource(rules, reason=reason, hint=hint, remembered=remembered)


def why_unreached(refused: Refused | None) -> tuple[str, str]:
    """Return why an API server cannot be asked, and the remedy."""
    if refused is not None:
        return f"{refused.place} is not used: {refused.reason}", refused.hint
    return UNNAMED, "istioctl create-remote-secret --name CLUSTER makes one"


class AwaitedSource:
    """Publishes what is remembered, and waits."""

    def __init__(
        self, rules: ExportRules, *, reason: str, hint: str = "", remembered: View | None
    ) -> None:
        self.cluster = rules.cluster
        self._reason = reason
        self._hint = hint
        if remembered is None:
            freshness = Freshness(rules.cluster, SourceState.WAITING, reason=self._reason)
            self._view = View(rules.cluster, freshness=freshness)
        else:
            self._view = as_remembered(remembered, self._reason)

    @property
    def freshness(self) -> Freshness:
        """How fresh the view is."""
        return self._view.freshness or Freshness(self.cluster, SourceState.WAITING)

    @property
    def uid(self) -> str:
        """Which cluster this is, by its kube-system namespace; empty: nobody says so."""
        return self._view.uid

    @property
    def another(self) -> str:
        """The UID of the one that answers instead of the one whose view this is; empty: none."""
        return ""

    def view(self) -> View:
        """Return all that the cluster said."""
        return self._view

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces of what it exported."""
        return exporting_namespaces(self._view)

    def leaving_namespaces(self) -> frozenset[str]:
        """Return nothing: no Namespace is looked at."""
        return frozenset()

    def ambient_namespaces(self) -> frozenset[str]:
        """Return nothing: no Namespace is looked at."""
        return frozenset()

    def services(self) -> frozenset[Host] | None:
        """Return nothing: no Service is looked at."""
        return None

    def findings(self, of_mesh: Iterable[Finding] = ()) -> list[Finding]:
        """Return why it is not read."""
        finding = Finding(
            Severity.ERROR, "unreadable", self._reason, hint=self._hint, cluster=self.cluster
        )
        return [finding, *of_mesh]

    def rejected(self) -> Counter[str]:
        """Return nothing: no object is looked at."""
        return Counter()

    def refused(self) -> Iterator[Finding]:
        """Return nothing: no object is looked at."""
        return iter(())

    def set_foreign_gateways(self, addresses: frozenset[str]) -> list[Change]:  # noqa: ARG002 - every source's
        """Return nothing: what was an export when it was read stays one."""
        return []

    def kept(self) -> ClaimSet:
        """Return nothing: what was kept is not remembered."""
        return ClaimSet()

    def lead(self, access: Access) -> bool:  # noqa: ARG002 - every source's
        """Return that there is no API server."""
        return False

    async def run(self, publish: Publish) -> None:
        """Publish what is remembered, and wait for ever."""
        if self.freshness.state is SourceState.WAITING:
            publish([SetFreshness(self.freshness)], steady_clock())
        else:
            publish([Reset(self._view)], steady_clock())
        await asyncio.Event().wait()
