"""Why a host or a VIP answers what it answers, as it is told to people."""

from __future__ import annotations

import msgspec

from globaldns.model.host import Host
from globaldns.model.lost import Standing
from globaldns.model.service import Conflict


class Contributor(msgspec.Struct, frozen=True, gc=False):
    """One cluster that offers the host."""

    cluster: str
    kind: str
    object: str
    file: str
    created_at: str
    """RFC 3339; empty where the object does not say."""
    source: str
    """How its source stands: ``synced``, ``silent``, ``remembered``."""
    contact: str
    """When its source was known to be current last, RFC 3339; empty: never."""
    endpoints: int
    ready_endpoints: int
    pins: tuple[str, ...]
    lost: bool = False
    """Whether it was not in contact for so long that the policy for that applies."""
    standing: str = Standing.COUNTED
    """How its endpoints count: ``demoted`` or ``dropped`` where it is lost."""
    propagation_seconds: float | None = None
    """From receiving the last change of its cluster to answering it; None: there was none yet."""


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """Something that does not count, and by which rule."""

    cluster: str
    object: str
    rule: str
    detail: str


class ClaimLine(msgspec.Struct, frozen=True, gc=False):
    """One claim of the history of a host or VIP."""

    host: Host
    vip: str
    cluster: str
    kind: str
    allocated_at: str
    retired_at: str
    reason: str
    is_holding: bool


class RouteLine(msgspec.Struct, frozen=True, gc=False):
    """One place to which the clients of one cluster are sent, or why they are not."""

    seen_from: str
    """The cluster that has the clients' routes."""
    to: str
    """An endpoint's address, or a gateway's and its port; empty: nowhere."""
    network: str
    of: str
    """The cluster whose endpoints it leads to; empty: of several."""
    rank: str
    """``own`` comes before ``other``, and that before ``last``."""
    share: float
    """Of all that goes to its rank, from 0 to 1."""
    lack: str = ""
    """Why endpoints cannot be reached, or by which clients of ``of``."""


class RouteProgress(msgspec.Struct, frozen=True, gc=False):
    """Whether the routes of a host stand in our own cluster, as who writes them there knows."""

    state: str
    """``written``, ``pending``, ``refused``, ``none``; ``elsewhere``: another replica knows."""
    since: str = ""
    """When there came to be something to do, RFC 3339."""
    reason: str = ""


class NoticeLine(msgspec.Struct, frozen=True, gc=False):
    """What the clients of our own cluster do not get of a host."""

    code: str
    detail: str
    hint: str
    """What to do about it."""


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """All that is known about one host; times are RFC 3339, addresses text."""

    at: str
    """When this was so, by the clock that all its times are of."""
    host: Host
    names: tuple[str, ...]
    """The host in each of its zones."""
    state: str
    """``unknown`` where it is no service."""
    rule: str
    vips: tuple[str, ...]
    would_get: tuple[str, ...]
    """What it would be given if it were next, where it has no number."""
    ports: tuple[str, ...]
    changed_at: str
    contributors: tuple[Contributor, ...]
    dropped: tuple[Dropped, ...]
    conflicts: tuple[Conflict, ...]
    history: tuple[ClaimLine, ...]
    """Newest first: every claim of the host and of its VIPs."""
    unheard: tuple[str, ...] = ()
    """The clusters that were never read as a whole, or are waited for after a start: what no other
    has may be theirs."""
    below: int = 0
    """How many hosts lie below it, where it is none."""
    waits_until: str = ""
    """When a hand-over is over, RFC 3339."""
    routes: tuple[RouteLine, ...] = ()
    """Where the clients of each cluster are sent."""
    written: RouteProgress | None = None
    """Whether those of our own cluster stand there; None: none are written, or it is not known."""
    notices: tuple[NoticeLine, ...] = ()
    """What the clients of our own cluster do not get of it, and why."""
    former: tuple[str, ...] = ()
    """The VIPs that it had until a short while ago, which are routed still."""
    paused: str = ""
    """Why it is not numbered now, or nothing is; empty: it is."""
