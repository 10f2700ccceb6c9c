"""All that the registry knows of one host that its GlobalService tells. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from globaldns.model.claim import Claim
from globaldns.model.export import Export
from globaldns.model.host import Host
from globaldns.model.lost import Standing
from globaldns.model.service import Service
from globaldns.model.view import SourceState
from globaldns.registry.delta import Move
from globaldns.registry.registry import Registry


class PartState(StrEnum):
    """How fresh what a cluster contributes is; the first five are worse and worse."""

    SYNCED = "synced"
    SILENT = "silent"
    REMEMBERED = "remembered"
    WAITING = "waiting"
    LOST = "lost"
    FENCED = "fenced"
    """It does not count, however fresh it is."""


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one cluster contributes."""

    cluster: str
    state: PartState
    endpoints: int
    ready: int
    contact: int | None
    """Unix seconds of the last proof that this is current; None: never."""
    is_counted: bool
    """Whether its endpoints count."""
    source: PartState
    """How fresh it is, fenced or not."""


class Moved(msgspec.Struct, frozen=True, gc=False):
    """A move, and when it came to pass."""

    move: Move
    at: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """What is wrong with a spec."""

    code: str
    """Kebab-case; empty: nothing is."""
    message: str = ""


FINE = Refusal("")
"""What is obeyed."""


class Facts(msgspec.Struct, frozen=True):
    """What there is to tell."""

    host: Host
    name: str
    """The host in its first zone."""
    service: Service | None
    held: tuple[Claim, ...]
    """The claims by which it has its VIPs."""
    parts: tuple[Part, ...]
    """Sorted by cluster."""
    is_complete: bool
    """Whether a host that is no service is known to be none."""
    moved: Moved | None = None
    refusal: str = ""
    """Why it was not renumbered as a person wanted."""
    spec_refusal: Refusal | None = None
    """Whether what people wrote into its GlobalService is obeyed; None: they wrote nothing."""
    renumbered_at: int | None = None
    """Which wish for another number was obeyed since the status was written."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody has it, by all words."""
        return self.service is None and not self.parts and self.is_complete


def collect(registry: Registry, host: Host, *, is_complete: bool) -> Facts:
    """Return what is known of a host."""
    service = registry.services.get(host)
    zones = (service.zones if service else ()) or registry.settings.zones
    return Facts(
        host=host,
        name=f"{host}.{zones[0]}",
        service=service,
        held=registry.claims.held(host),
        parts=tuple(sorted(_parts(registry, host), key=lambda part: part.cluster)),
        is_complete=is_complete,
    )


def part_state(registry: Registry, cluster: str) -> PartState:
    """Return how a cluster stands."""
    return source_state(registry, cluster) if registry.views.counts(cluster) else PartState.FENCED


def source_state(registry: Registry, cluster: str) -> PartState:
    """Return how fresh what a cluster says is, whether it counts or not."""
    if cluster in registry.silence.lost:
        return PartState.LOST
    return _STATES[registry.views.cluster(cluster).freshness.state]


_STATES = {
    SourceState.SYNCED: PartState.SYNCED,
    SourceState.SILENT: PartState.SILENT,
    SourceState.REMEMBERED: PartState.REMEMBERED,
    SourceState.WAITING: PartState.WAITING,
}


def _parts(registry: Registry, host: Host) -> Iterator[Part]:
    for export in registry.views.exports(host):
        fate = registry.silence.fate(export.cluster, host)
        is_counted = not fate.is_dropped and fate.endpoints is not Standing.DROPPED
        yield _part(registry, export, is_counted=is_counted)
    for _, export in registry.views.fenced_exports(host):
        yield _part(registry, export, is_counted=False)


def _part(registry: Registry, export: Export, *, is_counted: bool) -> Part:
    return Part(
        cluster=export.cluster,
        state=part_state(registry, export.cluster),
        endpoints=len(export.endpoints),
        ready=sum(endpoint.ready for endpoint in export.endpoints),
        contact=registry.views.cluster(export.cluster).freshness.contact,
        is_counted=is_counted,
        source=source_state(registry, export.cluster),
    )
