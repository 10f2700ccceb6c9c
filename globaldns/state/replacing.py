"""Replacing a file as a whole: who reads it finds the old one or the new one, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path

NEW = ".new"
"""Suffix of a file that is being written; one that a crash left is overwritten."""
_REPLACE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


def replace_file(path: Path, *parts: bytes, mode: int) -> None:
    """Write a file beside its name, sync it, rename it, and sync its folder, which exists.

    Raises:
        OSError: it cannot be written; the old file stands.
    """
    new = path.with_name(path.name + NEW)
    try:
        with os.fdopen(os.open(new, _REPLACE, mode), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
