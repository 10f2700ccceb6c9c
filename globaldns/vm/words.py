"""Words of unit files: whom they name, and how a path is written there. Pure.

Standards:
    systemd.service(5)     "Command lines"
    systemd.unit(5)        "Specifiers"
    systemd.exec(5)        "Sandboxing"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

SERVE_USER = "globaldns"
ENVOY_USER = "globaldns-envoy"

_PLAIN = re.compile(r"[\w./:=@+,-]+", re.ASCII)
_DIRECTORIES = {
    Path("/var/lib"): "StateDirectory",
    Path("/var/cache"): "CacheDirectory",
    Path("/run"): "RuntimeDirectory",
}
"""Below these systemd makes directories that belong to a unit's user."""


def word(value: Path | str) -> str:
    """Return one argument of a command as units have it."""
    text = str(value).replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def line(*command: Path | str) -> str:
    """Return a command as units have it."""
    return " ".join(map(word, command))


def section(name: str, settings: Iterable[tuple[str, str]]) -> str:
    """Return a section of a unit."""
    return "\n".join((f"[{name}]", *(f"{key}={value}" for key, value in settings), ""))


def unit(sections: Mapping[str, Iterable[tuple[str, str]]]) -> str:
    """Return a unit."""
    return "\n".join(section(name, settings) for name, settings in sections.items())


def sandbox(*families: str, user: str = "", capabilities: str = "") -> list[tuple[str, str]]:
    """Return how a service is kept from all that it does not need; without a user it is root's."""
    return [
        *((("User", user), ("AmbientCapabilities", capabilities)) if user else ()),
        ("CapabilityBoundingSet", capabilities),
        ("RestrictAddressFamilies", " ".join(families)),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("ProtectClock", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectHostname", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectProc", "invisible"),
        ("LockPersonality", "yes"),
        ("RemoveIPC", "yes"),
        ("RestrictNamespaces", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("SystemCallArchitectures", "native"),
        ("SystemCallFilter", "@system-service"),
        ("SystemCallErrorNumber", "EPERM"),
    ]


def directories(paths: Iterable[Path], state: Path) -> list[tuple[str, str]]:
    """Return what makes directories writable; ``state`` is systemd's own, and named first.

    One elsewhere has to be there already, and to belong to the user.
    """
    found: dict[str, list[str]] = {"StateDirectory": [state.name]}
    for path in paths:
        if path.is_relative_to(state):
            continue
        key, name = _directory(path)
        found.setdefault(key, []).append(name)
    settings = [(key, " ".join(dict.fromkeys(names))) for key, names in found.items()]
    if "RuntimeDirectory" in found:
        settings.append(("RuntimeDirectoryPreserve", "yes"))
    return settings


def _directory(path: Path) -> tuple[str, str]:
    for above, key in _DIRECTORIES.items():
        if path.is_relative_to(above) and path != above:
            return key, word(path.relative_to(above))
    return "ReadWritePaths", word(path)
