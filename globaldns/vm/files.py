"""The files of a machine, and the first line by which each is known for ours. Pure.

Standards:
    sysusers.d(5)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from globaldns.coredns.resolvers import negative_anchors, resolved_drop_in
from globaldns.documents import format_yaml
from globaldns.envoy.bootstrap import AdminPlace, bootstrap
from globaldns.envoy.rules import Role
from globaldns.vm.machine import Machine
from globaldns.vm.units import (
    ADMIN_SOCKET,
    BOOTSTRAP,
    ENVOY_UNIT,
    POOLS_UNIT,
    SERVE_UNIT,
    envoy_unit,
    pools_unit,
    serve_unit,
)
from globaldns.vm.words import ENVOY_USER, SERVE_USER

MARK = "globaldns vm install wrote this, and globaldns vm remove removes it."
"""Behind the sign of a comment, it is the first line of every file of ours."""
HEADS = (f"# {MARK}\n", f"; {MARK}\n")

UNIT_FOLDER = "/etc/systemd/system"
USERS = "/etc/sysusers.d/globaldns.conf"
DROP_IN = "/etc/systemd/resolved.conf.d/globaldns.conf"
ANCHORS = "/etc/dnssec-trust-anchors.d/globaldns.negative"

_UNITS = {SERVE_UNIT: serve_unit, POOLS_UNIT: pools_unit, ENVOY_UNIT: envoy_unit}
UNIT_FILES = {f"{UNIT_FOLDER}/{name}": name for name in _UNITS}
"""The unit that is in each of these files."""
PATHS = (USERS, *UNIT_FILES, str(BOOTSTRAP), DROP_IN, ANCHORS)
"""Every file that may be ours."""


def machine_files(machine: Machine) -> dict[str, str]:
    """Return the text of every file, by the path that the machine has it at."""
    number_sign, semicolon = HEADS
    units = {path: _UNITS[name](machine) for path, name in UNIT_FILES.items()}
    texts: Mapping[str, str] = {
        USERS: _users(),
        **units,
        str(BOOTSTRAP): _bootstrap(machine),
        DROP_IN: resolved_drop_in(machine.domains, [machine.resolver]),
    }
    marked = {path: f"{number_sign}{text}" for path, text in texts.items()}
    return {**marked, ANCHORS: f"{semicolon}{negative_anchors(machine.domains)}"}


def is_ours(text: str) -> bool:
    """Whether a file begins with our mark."""
    return text.startswith(HEADS)


def _users() -> str:
    return f'u {SERVE_USER} - "Global names of the mesh"\nu {ENVOY_USER} - "Envoy of globaldns"\n'


def _bootstrap(machine: Machine) -> str:
    document = bootstrap(
        node=Role.SIDECAR.value,
        cluster=machine.cluster,
        folder=str(PurePosixPath(machine.documents, Role.SIDECAR)),
        admin=AdminPlace(path=str(ADMIN_SOCKET)),
    )
    return format_yaml(document)
