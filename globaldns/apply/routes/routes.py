"""The routes of our cluster, kept as the mesh has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from globaldns.apply.bucket import TokenBucket
from globaldns.apply.routes.progress import Progress, Stage
from globaldns.apply.routes.term import Term, TermSeams, TermSettings
from globaldns.apply.terms import Terms, TermsSeams
from globaldns.istio.notices import Notice
from globaldns.kube.client import Client
from globaldns.model.host import Host


class Routes(Terms[Term]):
    """Those of our cluster; ``until_writable`` returns when a term may begin."""

    def __init__(
        self,
        client: Client,
        settings: TermSettings,
        seams: TermSeams,
        until_writable: Callable[[], Awaitable[None]],
    ) -> None:
        bucket = TokenBucket()
        super().__init__(
            "routes",
            client,
            lambda: Term(client, settings, seams, bucket),
            TermsSeams(until_writable, seams.may_write),
        )

    @property
    def hindered(self) -> Mapping[Host, tuple[Notice, ...]]:
        """What is not written, and why; of who writes."""
        return self.term.hindered if self.term is not None else {}

    def hindrances(self, host: Host) -> tuple[Notice, ...]:
        """Return what of a host is not written, and why; of who writes."""
        return self.term.hindrances(host) if self.term is not None else ()

    def progress(self, host: Host) -> Progress:
        """Return whether what is wanted of a host stands; of who writes."""
        if self.term is None:
            return Progress(Stage.PENDING, reason="this replica has not begun to write yet")
        return self.term.progress(host)

    def note(self, hosts: Iterable[Host]) -> None:
        """Have hosts looked at, because something about them has changed."""
        if self.term is not None:
            self.term.note(hosts)
