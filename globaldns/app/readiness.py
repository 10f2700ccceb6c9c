"""Why a server should get no queries yet, or any more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from globaldns.model.view import Freshness


class Standing(msgspec.Struct, frozen=True):
    """How a server stands."""

    is_draining: bool
    are_heard: bool
    """Whether every source was heard or its grace is over."""
    is_listed: bool
    """Whether the ledger is known: while it is out of reach, what is remembered is answered."""
    is_numbered: bool
    """Whether the ledger has had the chance to take the first numbers."""
    sources: tuple[Freshness, ...]


def reasons(standing: Standing) -> Iterable[str]:
    """Yield why the server is not ready, a line each; nothing if it is."""
    if standing.is_draining:
        yield "draining: it stops soon"
    if not standing.are_heard:
        yield from _unheard(standing.sources)
    elif not standing.is_numbered and standing.is_listed:
        yield "ledger: the first numbers are being written"


def _unheard(sources: Iterable[Freshness]) -> Iterator[str]:
    unheard = [source for source in sources if not source.is_heard]
    for source in unheard:
        yield f"source {source.cluster}: {source.reason or 'is being read'}"
    if not unheard:
        yield "names: being numbered"
