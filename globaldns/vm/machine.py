"""What of a configuration the units of a machine depend on. Pure."""

from __future__ import annotations

from pathlib import Path

import msgspec

from globaldns.config.schema import Config
from globaldns.config.tls import TLS_PORT, is_tls_on
from globaldns.config.values import split_listen
from globaldns.coredns.stub import StubZone
from globaldns.dns.listen import DEFAULT_LISTEN

PREFIX = Path("/opt/globaldns/bin")
"""Where programs are in an image, unless somebody says otherwise."""
CONFIG = Path("/etc/globaldns/globaldns.yaml")
STATE = Path("/var/lib/globaldns")
DOCUMENTS = Path("/var/cache/globaldns")
"""What an Envoy is told can be made again; it stays over a restart, so that none waits for it."""

_DEFAULT_LISTENS = tuple(map(str, DEFAULT_LISTEN))
_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # read, not bound
_PRIVILEGED = 1024
"""The first port that everybody may listen on (ip_unprivileged_port_start)."""


class Programs(msgspec.Struct, frozen=True):
    """What is started, by absolute paths as the machine has them."""

    globaldns: Path = PREFIX / "globaldns"
    envoy: Path = PREFIX / "envoy"


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One machine; paths are as it has them itself, absolute."""

    cluster: str
    programs: Programs
    config: Path
    state: Path
    documents: Path
    """Where serve keeps the documents of Envoys."""
    domains: tuple[str, ...]
    """Whose names the machine asks serve for: zones, or the namespaces of them that are chosen."""
    pools: tuple[str, ...]
    """CIDRs that are routed to the machine itself."""
    dns: tuple[str, ...]
    """Where serve answers DNS, address:port each."""
    others: tuple[str, ...]
    """Where it listens besides: DNS over TLS, and the admin endpoint."""
    lame_duck_seconds: float

    @property
    def resolver(self) -> str:
        """Where the machine itself asks: a loopback address if serve listens there."""
        return min(map(_from_here, self.dns), key=lambda text: not _is_loopback(text))

    @property
    def has_privileged_port(self) -> bool:
        """Whether serve needs CAP_NET_BIND_SERVICE."""
        return any(0 < split_listen(text)[1] < _PRIVILEGED for text in (*self.dns, *self.others))


def machine_of(config: Config, *, programs: Programs, file: Path, root: Path) -> Machine:
    """Return a machine whose file system is at ``root`` while it is built; ``file`` is there."""
    return Machine(
        cluster=config.cluster,
        programs=programs,
        config=inside(root, file),
        state=inside(root, config.state),
        documents=inside(root, config.envoy.directory or DOCUMENTS),
        domains=tuple(
            name
            for zone in config.zones
            for name in StubZone(zone.name, namespaces=zone.namespaces).names
        ),
        pools=config.vips.pools,
        dns=config.dns.listen or _DEFAULT_LISTENS,
        others=(*_tls_listens(config), config.admin.listen),
        lame_duck_seconds=config.lame_duck,
    )


def inside(root: Path, path: Path) -> Path:
    """Return a path as the machine has it; one beside its root is the same there."""
    return Path("/", path.relative_to(root)) if path.is_relative_to(root) else path


def _tls_listens(config: Config) -> tuple[str, ...]:
    if not is_tls_on(config.dns):
        return ()
    plain = config.dns.listen or _DEFAULT_LISTENS
    default = tuple(f"{text.rpartition(':')[0]}:{TLS_PORT}" for text in plain)
    return config.dns.tls.listen or default


def _from_here(listen: str) -> str:
    host, port = split_listen(listen)
    host = _LOOPBACKS.get(host, host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_loopback(listen: str) -> bool:
    host, _ = split_listen(listen)
    return host == "::1" or host.startswith("127.")
