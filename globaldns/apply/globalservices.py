"""One GlobalService per service, kept as the registry has it: after the fact, at a bounded rate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from globaldns.apply.bucket import TokenBucket
from globaldns.apply.term import Term, TermSeams, TermSettings
from globaldns.apply.terms import Terms, TermsSeams
from globaldns.kube.client import Client
from globaldns.model.host import Host
from globaldns.registry.delta import Move


class GlobalServices(Terms[Term]):
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
            "GlobalServices",
            client,
            lambda: Term(client, settings, seams, bucket),
            TermsSeams(until_writable, seams.may_write),
        )

    def note(self, hosts: Iterable[Host], moves: Iterable[Move] = ()) -> None:
        """Have hosts looked at, because something about them has changed."""
        if self.term is not None:
            self.term.note(hosts, moves)
