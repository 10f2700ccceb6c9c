"""Whether services see what they are to read, and may: who starts them is root, and may all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from stat import S_IRGRP, S_IROTH, S_IRUSR

from globaldns.config.schema import Config
from globaldns.model.finding import Finding, Severity
from globaldns.vm.installing import place
from globaldns.vm.machine import Machine, inside
from globaldns.vm.words import ENVOY_USER, SERVE_USER

_HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome hides from services (systemd.exec(5))."""
_SHEBANG = b"#!"
_SHEBANG_OCTETS = 256
"""The kernel reads so much of a script's first line (binfmt_script)."""


def look_at_access(config: Config, machine: Machine, root: Path) -> Iterator[Finding]:
    """Yield what services do not see, or may not read, below ``root``."""
    programs = (machine.programs.globaldns, machine.programs.envoy)
    executed = (one for path in programs for one in _executed(place(root, str(path)), root))
    files = (place(root, str(machine.config)), *_named_files(config, root))
    envoy = config.envoy
    named = (envoy.certificate, envoy.key, envoy.authority)
    certificates = tuple(place(root, str(inside(root, path))) for path in named)
    for path in dict.fromkeys((*executed, *files, *certificates)):
        yield from _look_at_place(path, inside(root, path))
    yield from (found for path in files for found in _look_at_rights(path, SERVE_USER))
    yield from (found for path in certificates for found in _look_at_rights(path, ENVOY_USER))


def _look_at_place(path: Path, shown: Path) -> Iterator[Finding]:
    """Yield that a path, which services have as ``shown``, is hidden from them."""
    for hidden in _HIDDEN:
        if shown.is_relative_to(hidden):
            yield Finding(
                Severity.ERROR,
                "hidden",
                f"services do not see what is below {hidden}",
                file=str(path),
                hint="have it in another place: /opt/globaldns, /etc/globaldns",
            )


def _executed(program: Path, root: Path) -> Iterator[Path]:
    """Yield a program, and what runs it if it is a script; here, where they are in truth too.

    Links of an image lead somewhere else here than they will there.
    """
    found = [program]
    if program.is_file():
        with program.open("rb") as file:
            first = file.readline(_SHEBANG_OCTETS)
        if first.startswith(_SHEBANG) and (words := first[len(_SHEBANG) :].split()):
            found.append(place(root, words[0].decode(errors="replace")))
    yield from found
    if root == Path("/"):
        yield from (path.resolve() for path in found)


def _named_files(config: Config, root: Path) -> Iterator[Path]:
    """Yield what of a configuration serve reads, below the root."""
    sources = [cluster.source for cluster in config.clusters.values()]
    servers = [source.kubernetes for source in sources if source.kubernetes is not None]
    tls = config.dns.tls
    named = (
        *(source.directory for source in sources),
        *(server.kubeconfig for server in servers),
        *(config.remote_secrets.directory, tls.certificate, tls.key),
    )
    yield from (place(root, str(inside(root, path))) for path in named if path is not None)


def _look_at_rights(path: Path, user: str) -> Iterator[Finding]:
    """Yield that a file, if it is there, is not for a user who may not be there yet."""
    try:
        mode, owner, group = path.stat().st_mode, path.owner(), path.group()
    except (OSError, KeyError):
        return
    may = mode & S_IROTH or (group == user and mode & S_IRGRP) or (owner == user and mode & S_IRUSR)
    if not may:
        yield Finding(
            Severity.WARNING,
            "unreadable",
            f"user {user} may not read it",
            file=str(path),
            hint=f"once there is that user: chgrp {user} {path} && chmod g+r {path}",
        )
