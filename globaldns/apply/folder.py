"""Documents as files: one for each host, in a folder for each namespace.

The first line of a file says whose it is. What has no such line is never changed nor removed, and a
folder with files of another cluster is refused, for they would be taken for ours that are gone.
Symbolic links below the folder are not followed: they lead to where nobody has asked us to write.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from globaldns.errors import RequestRefused
from globaldns.exports.marks import OWNED_BY

_SUFFIX = ".yaml"
_PART = ".part"
"""Of a file that is being written, which has a dot in front of its name."""
_HEAD_OCTETS = 256
"""As long as a first line of ours may be: a cluster's id has 63 octets."""


class Difference(msgspec.Struct, frozen=True):
    """What was done, by paths below the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    kept: tuple[str, ...] = ()
    """Those that are not wanted, and stand all the same."""


def first_line(owner: str) -> str:
    """Return the line by which a file is known for ours."""
    return f"# {OWNED_BY}: {owner}\n"


def write_folder(
    root: Path, owner: str, texts: Mapping[str, str], *, may_remove: bool
) -> Difference:
    """Make files of these texts, by paths below the folder, and remove those that are of no use.

    Each is replaced in one step; what is the same is not touched. All is looked at before anything
    is changed. Unless ``may_remove``, files that are not wanted stand.

    Raises:
        RequestRefused: a file is not ours, or another cluster's, or a symbolic link is in the way.
    """
    _refuse_links(root, texts)
    found = set(_find_owned(root, owner))
    head = first_line(owner)
    for path in texts.keys() - found:
        if (root / path).exists():
            raise RequestRefused(
                f"{root / path} is not ours: it does not begin with {head.strip()!r}",
                hint="move it away, or name another directory",
            )
    written = []
    for path, text in sorted(texts.items()):
        if _write(root / path, f"{head}{text}".encode()):
            written.append(path)
    idle = sorted(found - texts.keys())
    if not may_remove:
        return Difference(tuple(written), (), len(texts) - len(written), tuple(idle))
    for path in idle:
        _remove(root, root / path)
    return Difference(tuple(written), tuple(idle), len(texts) - len(written))


def _refuse_links(root: Path, paths: Iterable[str]) -> None:
    """Look at each path below the folder.

    Raises:
        RequestRefused: one leads by a symbolic link.
    """
    for path in sorted(paths):
        # The last of a path's parents is the folder itself, which may be one.
        for part in reversed((Path(path), *Path(path).parents[:-1])):
            if (root / part).is_symlink():
                raise RequestRefused(
                    f"{root / part} is a symbolic link, and files are written below {root} alone",
                    hint="remove it, or name the directory that it leads to",
                )


def _find_owned(root: Path, owner: str) -> Iterator[str]:
    """Yield the paths of all files of ours.

    Raises:
        RequestRefused: one is another cluster's.
    """
    ours, mark = first_line(owner).encode(), first_line("").rstrip().encode()
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.suffix != _SUFFIX or path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                line = file.readline(_HEAD_OCTETS)
            if line == ours:
                yield str(path.relative_to(root))
            elif line.startswith(mark):
                other = line.removeprefix(mark).decode(errors="replace").strip()
                raise RequestRefused(
                    f"{path} belongs to {other}, and all of a directory must be of {owner}",
                    hint="name a directory for each cluster",
                )


def _write(path: Path, content: bytes) -> bool:
    """Write a file in one step; return whether that changes it."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}{_PART}")
    part.unlink(missing_ok=True)
    with part.open("xb") as file:
        file.write(content)
    part.replace(path)
    return True


def _remove(root: Path, path: Path) -> None:
    """Remove a file, and its folder if nothing else is in it."""
    path.unlink()
    if path.parent != root and not any(path.parent.iterdir()):
        path.parent.rmdir()
