"""Changing a machine: its files, each in one step, and its services."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from pathlib import Path

from globaldns.errors import GlobalDnsError
from globaldns.state.replacing import replace_file
from globaldns.vm.plan import Change, Command

_READABLE = 0o644
_UNREADABLE = "not a text file\n"
"""Stands for what is no file or no text: none of ours is, so it is foreign."""


def read_standing(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the text of each file that is there, by its path on the machine."""
    return {path: _read(place(root, path)) for path in paths if _is_there(place(root, path))}


def place(root: Path, path: str) -> Path:
    """Return where a file of the machine is while its file system is at ``root``."""
    return root / path.lstrip("/")


def change_files(root: Path, changes: Iterable[Change]) -> None:
    """Replace or remove files.

    Raises:
        OSError: not all are; those before it are as they should be.
    """
    for change in changes:
        path = place(root, change.path)
        if change.after:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, change.after.encode(), mode=_READABLE)
        else:
            path.unlink(missing_ok=True)


def run_command(command: Command) -> None:
    """Run a command to its end.

    Raises:
        GlobalDnsError: it failed; the message has what it said.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise GlobalDnsError(f"{shlex.join(command)}: {reason}", hint=_hint(command)) from error
    if done.returncode:
        reason = " ".join(f"{done.stderr} {done.stdout}".split())
        raise GlobalDnsError(
            f"{shlex.join(command)} ended with {done.returncode}: {reason}", hint=_hint(command)
        )


def _hint(command: Command) -> str:
    return f"what comes before it is done: mend this, then go on from {shlex.join(command)}"


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _read(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return _UNREADABLE
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return _UNREADABLE
