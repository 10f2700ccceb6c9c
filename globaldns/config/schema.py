"""Every key of the configuration, typed and frozen.

Each section is a value of its own, and each component gets its section and nothing else. A key is
here only if something obeys it. The docstring below a field is its line in ``config/README.md`` and
in the JSON Schema; how each type of text is written and read stands in ``config.values``.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from msgspec import Meta, field

from globaldns.config.kinds import (
    AddressOrName,
    Cidr,
    ClusterId,
    ContextName,
    FileName,
    IpAddress,
    Label,
    LabelValue,
    ListenAddress,
    NetworkId,
    Octets,
    Pattern,
    PortNumber,
    QualifiedName,
    Seconds,
    Section,
    ShortText,
    Ttl,
    Wait,
    WholeSeconds,
    Workers,
    ZoneName,
)
from globaldns.config.routing import EnvoySettings, RoutingSettings
from globaldns.config.stub import ForeignNames, StubSettings

SOME = Meta(min_length=1)
"""Of a list or a mapping that is never empty."""
MAX_LOST_SECONDS = 366 * 86400
"""A year is as long as a VIP may rest."""
LostAge = Annotated[WholeSeconds, Meta(ge=1, le=MAX_LOST_SECONDS)]
AS_SOON_AS_LOST = WholeSeconds(0)
"""The age that the words demote and drop stand for."""


class KubernetesSource(Section, frozen=True):
    """An API server."""

    kubeconfig: Path | None = None
    """A kubeconfig; default: the service account of the pod that this runs in."""
    context: ContextName = ContextName("")
    """The context of it; default: its current one."""


class SourceSettings(Section, frozen=True):
    """Where a cluster's objects come from: one of these, or else its remote secret."""

    directory: Path | None = None
    """A directory of Kubernetes and Istio manifests, read with everything below it."""
    kubernetes: KubernetesSource | None = None
    """The cluster's API server; write {} where this runs in a pod of it."""


class GatewayAddress(Section, frozen=True):
    """A gateway of a cluster's network, by hand."""

    address: AddressOrName
    """An IP address or, where the load balancer has nothing else, a domain name."""
    port: PortNumber = 15443
    """Istio's port for mutual TLS between networks."""


class Allow(Section, frozen=True):
    """What a cluster may export."""

    namespaces: tuple[Pattern, ...] = (Pattern("*"),)
    """Namespaces, with ``*`` and ``?`` as in a shell."""
    hosts: tuple[Pattern, ...] = ()
    """Hosts of other shapes than name.namespace.zone that it may export, written with their zone;
    ``*`` and ``?`` as in a shell."""


class LostNames(Section, frozen=True):
    """When the names of a lost cluster cease to be its."""

    expire: LostAge | None = None
    """Without contact for so long its exports cease to count; a name that no other cluster exports
    is SERVFAIL, and keeps its VIP."""


class LostEndpoints(Section, frozen=True):
    """When the endpoints of a lost cluster come last, and when they cease to count."""

    demote: LostAge | None = None
    """Without contact for so long its endpoints come after those of all other clusters."""
    expire: LostAge | None = None
    """Without contact for so long its endpoints cease to count."""


class LostSettings(Section, frozen=True):
    """What becomes of a cluster that has gone quiet."""

    after: Annotated[WholeSeconds, Meta(ge=45, le=86400)] = WholeSeconds(60)
    """A cluster without contact for so long is lost; a directory is looked at every 30 s."""
    names: LostNames = LostNames()
    """Those of a lost cluster. keep: SERVFAIL once no cluster with the name was in contact for half
    of vips.quarantine; drop: its exports cease to count. A GlobalService overrules it."""
    endpoints: LostEndpoints = LostEndpoints(demote=AS_SOON_AS_LOST)
    """Those of a lost cluster. demote: they come last; drop: they cease to count. A GlobalService
    overrules it."""


class ClusterSettings(Section, frozen=True):
    """One cluster of the mesh."""

    source: SourceSettings = SourceSettings()
    """Where its objects come from: a directory or an API server; default: its remote secret."""
    network: NetworkId = NetworkId("")
    """Network of its endpoints; default: the label of the system namespace, else unknown."""
    control_plane: ClusterId | None = None
    """The cluster whose istiod serves its clients and has their routes; default: itself."""
    gateways: tuple[GatewayAddress, ...] = ()
    """Default: discovered from labelled Services."""
    allow: Allow = Allow()
    """What it may export."""
    lost: LostSettings = LostSettings()
    """What becomes of it when it has gone quiet."""
    namespace_selector: dict[QualifiedName, LabelValue] = field(default_factory=dict)
    """Labels that a Namespace must have for anything in it to be exported; default: none."""
    fenced: bool = False
    """Its exports do not count; its VIP claims still do."""


class Zone(Section, frozen=True):
    """A zone that is served."""

    name: ZoneName
    """Its domain name."""
    foreign: ForeignNames = ForeignNames.NXDOMAIN
    """What the cluster's own DNS is told of its names that are not ours: they do not exist
    (nxdomain), or are asked for where all others are (fallthrough; CoreDNS 1.11.4)."""
    namespaces: tuple[Label, ...] = ()
    """What the cluster's own DNS, or a machine's, sends to us of it: these alone, `ns1` for
    `ns1.global`; default: all of it."""


class IstioAddresses(StrEnum):
    """What becomes of Istio's own allocation in ``status.addresses``."""

    IGNORE = "ignore"
    LOCAL = "local"


class ExportSettings(Section, frozen=True):
    """What counts as an export."""

    annotation: QualifiedName = QualifiedName("globaldns.io/export")
    """Annotation of a Service, or label of a Namespace, that exports when ``"true"``."""
    service_exports: bool = True
    """A ServiceExport exports the Service of its name."""
    service_entries: bool = True
    """A ServiceEntry with a host in a served zone is an export."""
    istio_addresses: IstioAddresses = IstioAddresses.IGNORE
    """``local``: an entry without addresses answers ``status.addresses``, which is outside the
    promise of one VIP."""


class KubernetesLedger(Section, frozen=True):
    """VIPLedger objects in our namespace of our own cluster."""


class LedgerSettings(Section, frozen=True):
    """Where VIPs are remembered: one of these."""

    sqlite: FileName | None = None
    """File name in the state directory; default, where no ledger is named: ledger.db."""
    kubernetes: KubernetesLedger | None = None
    """VIPLedger objects in `namespace` of our own cluster; write {}."""

    @property
    def file(self) -> str:
        """The SQLite file's name."""
        return self.sqlite or "ledger.db"


class VipSettings(Section, frozen=True):
    """Virtual IPs."""

    pools: tuple[Cidr, ...] = (Cidr("240.128.0.0/10"),)
    """Where new VIPs come from, tried in this order."""
    reserved: tuple[Cidr, ...] = ()
    """Ranges inside a pool that are not given out."""
    pins: tuple[Cidr, ...] = (Cidr("240.0.0.0/4"),)
    """Where pinned addresses may lie beside the pools."""
    allow_special: tuple[Cidr, ...] = ()
    """Ranges that a pool or pin may touch although they are special."""
    quarantine: Annotated[WholeSeconds, Meta(ge=10, le=366 * 86400)] = WholeSeconds(7 * 86400)
    """How long a released VIP rests before another host may get it; at least ten times the largest
    TTL."""
    overlap: Annotated[WholeSeconds, Meta(ge=0, le=86400)] = WholeSeconds(600)
    """How long the old VIP of a host that moved goes on being routed, unless another host has it by
    then; 0s: not at all."""
    ledger: LedgerSettings = LedgerSettings()
    """Where VIPs are remembered."""


class Chaos(StrEnum):
    """What CHAOS-class queries (version.bind, id.server) get."""

    HIDDEN = "hidden"
    VERSION = "version"


class Limits(Section, frozen=True):
    """Limits on what clients control."""

    tcp_connections: Annotated[int, Meta(ge=1, le=65535)] = 1024
    """TCP connections that a worker has open at once, those with TLS among them."""
    tcp_per_source: Annotated[int, Meta(ge=1, le=65535)] = 128
    """Of these, from one client address."""
    error_replies_per_second: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    """FORMERR, NOTIMP and BADVERS of a worker; beyond it they are dropped."""
    records_per_name: Annotated[int, Meta(ge=1, le=4096)] = 256
    """More VIPs or ports than this are refused at the source."""


class TlsSettings(Section, frozen=True):
    """DNS over TLS; off without a certificate."""

    listen: Annotated[tuple[ListenAddress, ...], SOME] | None = None
    """TCP; default: the addresses of dns.listen, port 853."""
    certificate: Path | None = None
    """PEM file: the certificate, then its chain; looked at every 5 s, and read when it changes."""
    key: Path | None = None
    """PEM file: the certificate's private key, without a passphrase."""


class DnsSettings(Section, frozen=True):
    """The DNS server."""

    listen: Annotated[tuple[ListenAddress, ...], SOME] | None = None
    """UDP and TCP; default 127.0.0.1:1053 and [::1]:1053, skipping what the host does not have."""
    tls: TlsSettings = TlsSettings()
    """DNS over TLS (RFC 7858); off without a certificate."""
    workers: Workers = Workers(1)
    """Processes that answer, each of a part of the clients; auto: one a core within its quota."""
    ttl: Ttl = WholeSeconds(30)
    """How long a resolver may keep an answer."""
    negative_ttl: Ttl = WholeSeconds(10)
    """How long a resolver may keep that a name or type does not exist (RFC 2308)."""
    nameserver: Label = Label("ns")
    """One label below each zone: MNAME and NS; never a service's name."""
    advertise: tuple[IpAddress, ...] = ()
    """Addresses of the name server; default: the listen addresses that are no wildcards."""
    mailbox: Label = Label("hostmaster")
    """First label of RNAME."""
    udp_payload: Annotated[Octets, Meta(ge=512, le=4096)] = Octets(1232)
    """The largest answer over UDP; 1232 passes every path unfragmented (DNS flag day 2020)."""
    nsid: ShortText = ShortText("")
    """RFC 5001 identifier; empty: off."""
    chaos: Chaos = Chaos.HIDDEN
    """Whether version.bind tells the version."""
    explain: bool = True
    """Answer TXT at _explain.<host>."""
    limits: Limits = Limits()
    """Limits on what clients control."""


class AdminSettings(Section, frozen=True):
    """The HTTP endpoint for people and probes."""

    listen: ListenAddress = ListenAddress("127.0.0.1:8053")
    """HTTP: health, metrics, the read-only API."""


class RemoteSecrets(Section, frozen=True):
    """Kubeconfigs of other clusters, as Istio's multi-cluster set-up keeps them."""

    namespace: Label | None = None
    """Where Secrets labelled istio/multiCluster=true are read in our own cluster, if that is read
    from its API server; default: `namespace`."""
    directory: Path | None = None
    """A directory of kubeconfigs, read too; a file's name without its suffix is the cluster's
    id."""
    allow_exec: bool = False
    """Obey kubeconfigs that run programs or name files."""


class LogLevel(StrEnum):
    """The least severity that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How a log line looks."""

    CONSOLE = "console"
    JSON = "json"


class QueryLog(StrEnum):
    """Which DNS queries are logged."""

    NONE = "none"
    ALL = "all"
    ERROR = "error"
    DENIAL = "denial"


class LogSettings(Section, frozen=True):
    """The log, on stderr."""

    level: LogLevel = LogLevel.INFO
    """The least severity that is logged."""
    format: LogFormat = LogFormat.CONSOLE
    """How a log line looks."""
    queries: QueryLog = QueryLog.NONE
    """Which DNS queries are logged; error: SERVFAIL, FORMERR, NOTIMP, REFUSED; denial: NXDOMAIN,
    NODATA."""


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    cluster: ClusterId
    """Our own id, the sidecars' cluster name."""
    namespace: Label = Label("globaldns")
    """Our namespace in Kubernetes: ledger, Lease, and remote secrets."""
    state: Path = Path("~/.local/state/globaldns")
    """State directory; default: the cluster's id below $STATE_DIRECTORY, else below this."""
    zones: Annotated[tuple[Zone, ...], SOME] = (Zone(name=ZoneName("global")),)
    """Zones that are served; a name alone is short for {name: …}."""
    clusters: Annotated[dict[ClusterId, ClusterSettings], SOME]
    """Every cluster of the mesh, our own included."""
    remote_secrets: RemoteSecrets = RemoteSecrets()
    """Kubeconfigs of clusters that are not listed, or are listed without a source."""
    system_namespace: Label = Label("istio-system")
    """Its label topology.istio.io/network names a cluster's network; its ConfigMap
    istio-ca-root-cert has a cluster's root certificate, and istio the mesh configuration."""
    exports: ExportSettings = ExportSettings()
    """What counts as an export."""
    grace: Wait = Seconds(30.0)
    """How long readiness waits for a source, and how long an object may be missing before that
    counts."""
    vips: VipSettings = VipSettings()
    """Virtual IPs."""
    dns: DnsSettings = field(default_factory=DnsSettings)
    """The DNS server."""
    routing: RoutingSettings = RoutingSettings()
    """What is written into our own cluster."""
    envoy: EnvoySettings = EnvoySettings()
    """Envoys that no istiod configures."""
    stub: StubSettings = StubSettings()
    """What the cluster's own DNS is told of our zones."""
    admin: AdminSettings = AdminSettings()
    """The HTTP endpoint for people and probes."""
    lame_duck: Wait = Seconds(10.0)
    """How long a stopping server goes on answering, not ready."""
    log: LogSettings = LogSettings()
    """The log, on stderr."""
