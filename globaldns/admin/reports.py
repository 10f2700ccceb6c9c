"""What the API serves and the command line prints, as JSON: addresses as text, times RFC 3339.

One struct per resource. A command prints the same struct whether it came from a server or was built
from the files.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from globaldns.model.lost import Standing
from globaldns.model.reach import GatewayState


class Report(Struct, frozen=True):
    """A JSON object of the API; fields are only ever added."""


class PortReport(Report, frozen=True, gc=False):
    """A port of a service."""

    number: int
    name: str
    protocol: str
    transport: str


class ContributionReport(Report, frozen=True):
    """What one cluster adds to a service."""

    cluster: str
    object: str
    """``Kind namespace/name``."""
    file: str
    created_at: str | None
    endpoints: int
    ready: int
    standing: str = Standing.COUNTED
    """How its endpoints count: ``demoted`` or ``dropped`` where the cluster is lost."""


class ConflictReport(Report, frozen=True, gc=False):
    """Two exports that cannot both be true."""

    host: str
    rule: str
    winner_cluster: str
    winner: str
    loser_cluster: str
    loser: str
    detail: str


class ServiceReport(Report, frozen=True):
    """What a host is in the whole mesh."""

    host: str
    """Without a zone: ``reviews.bookinfo``."""
    names: tuple[str, ...]
    """What is asked over DNS: the host in each of its zones."""
    state: str
    rule: str
    vips: tuple[str, ...]
    would_get: tuple[str, ...]
    """Addresses that it has once they are remembered; empty for a host that has its number."""
    clusters: tuple[str, ...]
    endpoints: int
    """All but those that are dropped."""
    ready: int
    """Of these."""
    ports: tuple[PortReport, ...]
    allocated_at: str | None
    """Since when it has its VIP."""
    changed_at: str
    """When what is answered changed last."""
    contributions: tuple[ContributionReport, ...]
    conflicts: tuple[ConflictReport, ...]


class ConflictList(Report, frozen=True):
    """All conflicts, by host."""

    items: tuple[ConflictReport, ...]


class NoticeReport(Report, frozen=True, gc=False):
    """What the clients of our own cluster do not get, or what is wrong between networks, and why.

    In the words of ``globaldns check`` and ``globaldns diff``.
    """

    host: str
    """With its zone; of what several hosts have in common the first; empty: it is about none."""
    code: str
    detail: str
    hint: str
    """What to do about it."""
    severity: str
    cluster: str
    """Whose routes, or whose network or gateway."""


class NoticeList(Report, frozen=True):
    """All that is not served by routes, by host; before it what is about no host."""

    items: tuple[NoticeReport, ...]


class ServicePage(Report, frozen=True, omit_defaults=True):
    """Some services in the order of their hosts."""

    items: tuple[ServiceReport, ...]
    next: str | None = None
    """What to pass as ``continue=`` for the next page; absent on the last."""


class ClaimReport(Report, frozen=True, gc=False):
    """A cluster's word that a host has a VIP."""

    host: str
    vip: str
    cluster: str
    kind: str
    allocated_at: str
    retired_at: str | None
    reason: str


class VipReport(Report, frozen=True):
    """A VIP with all that is claimed about it."""

    vip: str
    state: str
    """``held``; ``lost`` where every claim on it is void or lost to another; ``resting`` or
    ``released`` where all are retired."""
    host: str
    """Its holder; of a VIP without one, the host that had it last."""
    holder: str
    """The cluster by whose claim the host has it; empty where none has."""
    kind: str
    since: str
    """When it was allocated, or retired where nobody holds it."""
    clusters: tuple[str, ...]
    """Those whose claim is not retired."""
    claims: tuple[ClaimReport, ...]
    """Oldest first."""


class PoolReport(Report, frozen=True, gc=False):
    """How full a pool is; ``size`` is the sum of what follows it."""

    pool: str
    size: int
    held: int
    resting: int
    reserved: int
    free: int


class VipPage(Report, frozen=True, omit_defaults=True):
    """Some VIPs in numerical order, IPv4 first, and every pool."""

    pools: tuple[PoolReport, ...]
    items: tuple[VipReport, ...]
    next: str | None = None
    """What to pass as ``continue=`` for the next page; absent on the last."""


class MoveReport(Report, frozen=True, gc=False):
    """A host whose VIPs change."""

    host: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    reason: str


class GatewayReport(Report, frozen=True, gc=False):
    """A network's way in from outside."""

    network: str
    address: str
    """An IP address or a name."""
    port: int
    addresses: tuple[str, ...] = ()
    """IP addresses; those of a name are the last that it had."""
    state: str = GatewayState.UNKNOWN
    """``unknown`` where it is not probed, as one of our own network is not."""
    since: str | None = None
    """When its state changed last."""
    reason: str = ""
    """Why it is down."""
    unresolved: str = ""
    """Why its name cannot be looked up now."""
    left_out: tuple[str, ...] = ()
    """Why addresses that its name has besides are none of a gateway, one by one."""
    down: dict[str, str] = field(default_factory=dict)
    """Its addresses that do not answer, and why."""


class ClusterReport(Report, frozen=True):
    """How a source stands and what it says."""

    cluster: str
    own: bool
    source: str
    state: str
    reason: str
    contact: str | None
    """The last proof that its view is current."""
    fenced: bool
    network: str
    exports: int
    gateways: tuple[GatewayReport, ...]
    lost: bool = False
    """Whether it was not in contact for ``lost.after``, whatever its state is."""
    double_of: str = ""
    """The id under which it counts, where it is read under two."""
    settings_differ: tuple[str, ...] = ()
    """What is configured there otherwise than here, and must be equal in all clusters."""
    doubt: str = ""
    """``young`` or ``partial`` where what it lacks may be there all the same: SERVFAIL."""
    restored_at: str | None = None
    """When its API server was seen to have gone back, as after a restore of etcd, within a day."""
    ledger: str = ""
    """Of our own cluster, why nobody writes its ledger, with the remedy: no new name gets a VIP."""


class RefusedSecretReport(Report, frozen=True):
    """A remote secret that is not used."""

    place: str
    """``Secret namespace/name`` or ``Kubeconfig path``; with ``*`` where none can be read."""
    cluster: str
    """The cluster that it names; empty where none can be read."""
    reason: str
    hint: str


class ClusterList(Report, frozen=True):
    """Every configured cluster, by id."""

    items: tuple[ClusterReport, ...]
    refused_secrets: tuple[RefusedSecretReport, ...] = ()


class FenceReport(Report, frozen=True):
    """What a word on a cluster does."""

    cluster: str
    fenced: bool
    changed: bool
    """Whether it was not so before."""
    at: str
    """The date of the word: the newest counts."""
    services: int
    """Those that lose the cluster, or gain it."""
    alone: tuple[str, ...]
    """Of these, the hosts that no other cluster exports."""
    spread: dict[str, str] = {}
    """By cluster with an API server, why it does not hold the word; empty: it does."""


class ForgetReport(Report, frozen=True):
    """What was released of a cluster that is not configured any more, or was rebuilt."""

    cluster: str
    vips: int
    """Its claims that ended."""
    resting: tuple[str, ...]
    """The hosts that have no VIP any more: it rests for the quarantine."""
    rebuilt: str = ""
    """The UID of the one that is taken for it, if it is configured: what it was is forgotten."""
    spread: dict[str, str] = {}
    """By cluster with an API server, why it does not hold that word; empty: it does."""
    done: bool = True
    """Whether it is done; otherwise this is what it would do."""


class DigestReport(Report, frozen=True, gc=False):
    """Hashes of what is served, equal on every instance that serves the same."""

    serial: int
    services: int
    zone: str
    vips: str


class ReloadReport(Report, frozen=True, gc=False):
    """How the last reading of the configuration file went."""

    at: str
    accepted: bool
    problems: tuple[str, ...] = ()
    restart_needed: tuple[str, ...] = ()
    """Keys whose new value waits for a restart."""


class ConfigReport(Report, frozen=True):
    """The configuration in force, secrets left out."""

    path: str
    cluster: str
    reload: ReloadReport
    config: dict[str, Any]
    """As the file would say it with every default written out."""


class StubPlaceReport(Report, frozen=True):
    """Where the cluster's own DNS is told of us."""

    platform: str
    place: str
    """Resource, object and key; empty: it is not told by us."""
    state: str
    """``told``; ``already-there``: somebody else wrote what we would; ``not-told``, for the reason
    of the whole; ``faulty``: what stands there is not read, or not as it is meant; ``contested``:
    others take it back, and it is left alone for an hour; ``managed-elsewhere``."""
    owner: str
    """Who has the configuration; empty: nobody beside us."""
    reasons: tuple[str, ...]
    """The facts that say whose DNS it is."""
    trouble: str = ""
    """Why it is ``faulty`` or ``contested``; empty: it is neither."""


class StubPathReport(Report, frozen=True):
    """Whether what pods ask on one way is answered by us."""

    path: str
    address: str
    name: str
    outcome: str
    reason: str
    hint: str
    instance: str
    """Who answered."""
    cause: str = ""
    """What is wrong, in a word that does not change; empty: nothing. A right answer may have one:
    what will end it."""


class StubReport(Report, frozen=True):
    """The cluster's own DNS, as this replica keeps it."""

    reason: str
    """Why it does not; empty: it does."""
    places: tuple[StubPlaceReport, ...] = ()
    paths: tuple[StubPathReport, ...] = ()
