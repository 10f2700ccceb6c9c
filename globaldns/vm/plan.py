"""What is to be done to a machine: files to replace or remove, and commands. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from globaldns.vm.files import ANCHORS, DROP_IN, PATHS, UNIT_FILES, USERS, is_ours
from globaldns.vm.units import BOOTSTRAP, ENVOY_UNIT

Command = tuple[str, ...]

UNITS = tuple(UNIT_FILES.values())
RESOLVED = "systemd-resolved.service"
_RELOAD: Command = ("systemctl", "daemon-reload")
_RESOLVE: Command = ("systemctl", "reload-or-restart", RESOLVED)
_NOWHERE = "/dev/null"


class Change(msgspec.Struct, frozen=True):
    """One file that is to say something else."""

    path: str
    """As the machine has it, absolute."""
    before: str
    """Empty: it is not there."""
    after: str
    """Empty: it is not to be there."""


class Plan(msgspec.Struct, frozen=True):
    """What is to be done, and what is in the way."""

    changes: tuple[Change, ...] = ()
    foreign: tuple[str, ...] = ()
    """Files that do not begin with our mark, and have the names of ours."""
    first: tuple[Command, ...] = ()
    """Run before files are changed."""
    then: tuple[Command, ...] = ()
    """Run once they are."""


def plan_installation(files: Mapping[str, str], standing: Mapping[str, str]) -> Plan:
    """Return how files come to be as they should; ``standing`` has the text of each that is there.

    Where one is foreign nothing is to be done.
    """
    foreign = _foreign(standing)
    if foreign:
        return Plan(foreign=foreign)
    changes = tuple(
        Change(path, standing.get(path, ""), text)
        for path, text in files.items()
        if standing.get(path) != text
    )
    return Plan(changes, then=tuple(_start(changes)))


def plan_removal(standing: Mapping[str, str]) -> Plan:
    """Return how all files of ours go; what is foreign stays."""
    ours = [path for path in PATHS if is_ours(standing.get(path, ""))]
    changes = tuple(Change(path, standing[path], "") for path in ours)
    units = [UNIT_FILES[path] for path in ours if path in UNIT_FILES]
    first: list[Command] = [("systemctl", "disable", "--now", *reversed(units))] if units else []
    then = [_RELOAD] if units else []
    if _is_resolved_changed(changes):
        then.append(_RESOLVE)
    return Plan(changes, _foreign(standing), tuple(first), tuple(then))


def offline_commands(root: Path, verb: str) -> tuple[Command, ...]:
    """Return what enables or disables the units of a machine that does not run."""
    return (("systemctl", f"--root={root}", verb, *UNITS),)


def unified(change: Change) -> Iterator[str]:
    """Yield the lines of a unified diff of one file."""
    names = (
        change.path if change.before else _NOWHERE,
        change.path if change.after else _NOWHERE,
    )
    before, after = change.before.splitlines(), change.after.splitlines()
    yield from difflib.unified_diff(before, after, *names, lineterm="")


def _foreign(standing: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(path for path, text in standing.items() if not is_ours(text))


def _start(changes: Sequence[Change]) -> Iterator[Command]:
    """Yield what makes a machine use its files; what has not changed goes on undisturbed."""
    changed = {change.path for change in changes}
    if USERS in changed:
        yield ("systemd-sysusers", USERS)
    if not changed.isdisjoint(UNIT_FILES):
        yield _RELOAD
    if again := [*_running_before(changes)]:
        yield ("systemctl", "try-restart", *again)
    yield ("systemctl", "enable", "--now", *UNITS)
    if _is_resolved_changed(changes):
        yield _RESOLVE


def _running_before(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the units whose file, or whose process's first document, is another now."""
    replaced = {change.path for change in changes if change.before}
    for path, name in UNIT_FILES.items():
        if path in replaced or (name == ENVOY_UNIT and str(BOOTSTRAP) in replaced):
            yield name


def _is_resolved_changed(changes: Sequence[Change]) -> bool:
    return any(change.path in {DROP_IN, ANCHORS} for change in changes)
