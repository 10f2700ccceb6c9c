"""Which manifests a directory holds, and whether one has changed.

Symbolic links are followed: a ConfigMap mount is files that lead to ``..data/``, which leads to a
directory with a new name at every update. Names that begin with a dot are passed over, so nothing
in such a mount is read twice. Every real directory is entered once, under the first path that leads
to it: loops end, and links upon links cannot multiply.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

SUFFIXES = (".yaml", ".yml", ".json")
"""A file with another name is no manifest."""


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """What changes with a file's content, unless the kernel's clock did not tick in between."""

    mtime_ns: int
    size: int
    inode: int


class Scan(msgspec.Struct, frozen=True):
    """What a directory holds; paths are relative to it, with ``/``."""

    files: dict[str, Stamp]
    """Manifests, sorted by path."""
    unreadable: dict[str, str]
    """Why a file, or a directory with all below it, could not be looked at."""
    failure: str = ""
    """Why nothing is known at all; empty: the directory was read."""
    empty: frozenset[str] = frozenset()
    """Directories below it that hold no file: what is not mounted looks exactly so."""

    @property
    def octets(self) -> int:
        """How much there is to read."""
        return sum(stamp.size for stamp in self.files.values())

    def hides(self, path: str) -> bool:
        """Whether a file is silent: it or a directory above could not be looked at, or is empty."""
        if not (self.unreadable or self.empty):
            return False
        above = _above(path)
        return (
            path in self.unreadable
            or not self.unreadable.keys().isdisjoint(above)
            or not self.empty.isdisjoint(above)
        )

    def emptied(self, path: str) -> str:
        """Return the directory above a file that holds nothing now; empty: there is none."""
        if not self.empty:
            return ""
        return next((above for above in _above(path) if above in self.empty), "")


def scan(root: Path) -> Scan:
    """Look at a directory and all below it; nothing is opened but directories.

    A directory without any manifest is a failure: one that is not mounted looks exactly so.
    """
    try:
        walk = _Walk(root)
        walk.run()
    except OSError as error:
        return Scan({}, {}, f"its directory cannot be read: {describe(error)}")
    if not walk.files:
        return Scan({}, walk.unreadable, "its directory holds no manifest")
    return Scan(dict(sorted(walk.files.items())), walk.unreadable, empty=walk.empty)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file."""
    return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


def within(paths: Iterable[str], places: Iterable[str]) -> frozenset[str]:
    """Return the paths that are one of some places, or lie below it."""
    return frozenset(path for path in paths if any(is_within(path, place) for place in places))


def is_within(path: str, place: str) -> bool:
    """Whether a path is a place, or lies below it."""
    return path == place or path.startswith(f"{place}/")


def describe(error: OSError) -> str:
    """Return an error of the file system in its own words, lower case."""
    return (error.strerror or type(error).__name__).lower()


class _Walk:
    def __init__(self, root: Path) -> None:
        self.files: dict[str, Stamp] = {}
        self.unreadable: dict[str, str] = {}
        self._directories: set[str] = set()
        self._occupied: set[str] = set()
        """Those that hold a file, or one below them does."""
        self._root = os.fspath(root)
        self._entered: set[tuple[int, int]] = set()

    def run(self) -> None:
        """Walk everything.

        Raises:
            OSError: the root itself cannot be read.
        """
        self._is_new(os.stat(self._root))  # noqa: PTH116 (text paths: a third of the time)
        remaining = list(self._enter(self._root, ""))
        while remaining:
            path = remaining.pop()
            try:
                remaining.extend(self._enter(f"{self._root}/{path}", f"{path}/"))
            except OSError as error:
                self.unreadable[path] = describe(error)

    def _enter(self, directory: str, prefix: str) -> Iterator[str]:
        """Note the manifests of one directory, and return the directories in it, last first."""
        with os.scandir(directory) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
        self._directories.add(prefix.removesuffix("/"))
        below = []
        for entry in sorted(shown, key=lambda entry: entry.name):
            path = prefix + entry.name
            try:
                if self._is_directory_below(entry):
                    below.append(path)
                    continue
                self._occupied.update(_above(path))
                if entry.name.endswith(SUFFIXES) or _may_lead_to_directory(entry):
                    self._note(path, entry)
            except OSError as error:
                self.unreadable[_printable(path)] = describe(error)
        return reversed(below)

    @property
    def empty(self) -> frozenset[str]:
        """The directories that hold no file, and none below them."""
        return frozenset(self._directories - self._occupied - {""})

    def _is_directory_below(self, entry: os.DirEntry[str]) -> bool:
        return entry.is_dir() and self._is_new(entry.stat())

    def _is_new(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        if identity in self._entered:
            return False
        self._entered.add(identity)
        return True

    def _note(self, path: str, entry: os.DirEntry[str]) -> None:
        status = entry.stat()
        if stat.S_ISDIR(status.st_mode) or not path.endswith(SUFFIXES):
            return
        if not stat.S_ISREG(status.st_mode):
            self.unreadable[_printable(path)] = "is no regular file"
        elif _printable(path) != path:
            self.unreadable[_printable(path)] = "its name is no UTF-8"
        else:
            self.files[path] = stamp_of(status)


def _above(path: str) -> list[str]:
    """Return the directories above a path, the nearest last."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _may_lead_to_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link without a suffix: one that leads nowhere hides what was there."""
    return entry.is_symlink() and "." not in entry.name


def _printable(path: str) -> str:
    """Return a path in which octets that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
