"""One manifest file into objects: read whole, or refused whole.

An object of a wrong shape does not refuse its file: it is held without being read, so that its last
good version stands.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from globaldns.documents import iterate_documents, locate
from globaldns.errors import DocumentError, InvalidObject
from globaldns.model.finding import Finding, Severity
from globaldns.objects import Object, ObjectKey, decode, expand, identify, key
from globaldns.sources.scan import Stamp, describe, stamp_of

MAX_FILE_OCTETS = 64 << 20
"""A larger manifest is a mistake, and would not fit in memory."""
_YOUNG_SECONDS = 1
"""Two clocks, read in whole seconds, may differ by that for one instant."""
_ATTEMPTS = 3
"""How often a file is read again that changes while it is read."""


class Misfit(msgspec.Struct, frozen=True, gc=False):
    """A document that is not taken, with its place in the file."""

    index: int
    """Which document of the file, from 0; empty ones do not count."""
    finding: Finding
    """Its path begins at the document."""


class Manifest(msgspec.Struct, frozen=True):
    """What a file says.

    The stamp of any reading is None where another change need not show in it.
    """

    path: str
    stamp: Stamp | None
    digest: bytes
    objects: tuple[tuple[ObjectKey, Object], ...] = ()
    refused: frozenset[ObjectKey] = frozenset()
    """Objects that are there and of a wrong shape."""
    misfits: tuple[Misfit, ...] = ()
    is_complete: bool = True
    """Whether each object in it is known by name, so that what it lacks is gone."""
    is_valid: bool = False
    """Whether it is known already that Istio would refuse none of its entries."""


class Unchanged(msgspec.Struct, frozen=True):
    """A file that says what it said before."""

    path: str
    stamp: Stamp | None


class Unread(msgspec.Struct, frozen=True):
    """A file that cannot be read; what was last seen in it stands."""

    path: str
    stamp: Stamp | None
    finding: Finding


Reading = Manifest | Unchanged | Unread

_STANDS = "mend the file: until then what was read of it last stands"


def read_manifest(root: Path, path: str, *, cluster: str, now: int, known: bytes = b"") -> Reading:
    """Read a file below a directory; ``known`` is the digest of what it said before."""
    try:
        with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123 (text paths are faster)
            steady, data = _read_steadily(file)
    except OSError as error:
        return _unread(path, None, describe(error), cluster=cluster, hint=_STANDS)
    stamp = None if is_young(steady, now) else steady
    digest = blake2b(data, digest_size=16).digest()
    if digest == known:
        return Unchanged(path, stamp)
    try:
        return _decode(_decode_text(data), Manifest(path, stamp, digest), cluster)
    except DocumentError as error:
        hint = error.hint or _STANDS
        return _unread(path, stamp, str(error), cluster=cluster, line=error.line, hint=hint)
    except RecursionError:
        return _unread(path, stamp, "nested too deeply", cluster=cluster, hint=_STANDS)


def is_young(stamp: Stamp, now: int) -> bool:
    """Whether a file was written so shortly ago that the next write may give it the same time.

    A time in the future proves nothing about the next one, and passes for an old one.
    """
    return abs(now - stamp.mtime_ns // 1_000_000_000) <= _YOUNG_SECONDS


def read_text(root: Path, path: str) -> str | None:
    """Return a manifest's text as it stands now; None if it cannot be read."""
    if not (root / path).is_file():  # opening a FIFO waits for who writes it
        return None
    try:
        with (root / path).open("rb") as file:
            return _decode_text(_read_steadily(file)[1])
    except (OSError, DocumentError):
        return None


def walk(text: str) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Yield the objects of a text as plain values: document, path in it, value.

    Raises:
        DocumentError: as ``documents.iterate_documents``, or an item of a list is no object.
    """
    for index, document in enumerate(iterate_documents(text)):
        try:
            for position, value in enumerate(expand(document)):
                whole = value is document
                yield index, "$" if whole else f"$.items[{position}]", value
        except InvalidObject as error:
            line = locate(text, index, error.path)
            raise DocumentError(f"{error.path}: {error}", line=line, hint=error.hint) from None


def _read_steadily(file: BinaryIO) -> tuple[Stamp, bytes]:
    """Return a file's stamp and content, read while nobody wrote it.

    Raises:
        OSError: it cannot be read, is too large, or does not hold still.
    """
    for _ in range(_ATTEMPTS):
        before = stamp_of(os.fstat(file.fileno()))
        if before.size > MAX_FILE_OCTETS:
            raise OSError(0, f"over {MAX_FILE_OCTETS >> 20} MiB, split it")
        file.seek(0)
        data = file.read(MAX_FILE_OCTETS + 1)
        if before == stamp_of(os.fstat(file.fileno())) and len(data) == before.size:
            return before, data
    raise OSError(0, "is being written")


def _decode_text(data: bytes) -> str:
    """Return a text; a byte order mark is left out.

    Raises:
        DocumentError: it is no UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError("is no UTF-8", line=line, hint="save it as UTF-8") from None


def _decode(text: str, empty: Manifest, cluster: str) -> Manifest:
    """Return the manifest of a text.

    Raises:
        DocumentError: it cannot be read as documents.
    """
    taken = _Taken(empty.path, cluster)
    for index, place, value in walk(text):
        taken.take(index, place, value)
    return msgspec.structs.replace(
        empty,
        objects=tuple(taken.objects.items()),
        refused=frozenset(taken.refused - taken.objects.keys()),
        misfits=tuple(taken.misfits),
        is_complete=taken.is_complete,
    )


class _Taken:
    """What was taken from a file so far."""

    def __init__(self, path: str, cluster: str) -> None:
        self.objects: dict[ObjectKey, Object] = {}
        self.refused: set[ObjectKey] = set()
        self.misfits: list[Misfit] = []
        self.is_complete = True
        self._blank = Finding(Severity.ERROR, "", "", file=path, cluster=cluster)

    def take(self, index: int, place: str, value: Mapping[str, Any]) -> None:
        try:
            found = decode(value)
        except InvalidObject as error:
            self._refuse(index, place, identify(value), error)
            return
        if found is None:
            return
        identity = key(found)
        if identity in self.objects:
            self._misfit(
                index,
                code="duplicate-object",
                severity=Severity.WARNING,
                reason="is in this file before; the first counts",
                object=str(identity),
                path=place,
                hint="keep one of the two",
            )
        else:
            self.objects[identity] = found

    def _refuse(
        self, index: int, place: str, identity: ObjectKey | None, error: InvalidObject
    ) -> None:
        if identity is None:
            self.is_complete = False
        else:
            self.refused.add(identity)
        self._misfit(
            index,
            code=error.code,
            reason=str(error),
            object="" if identity is None else str(identity),
            path=place + error.path.removeprefix("$"),
            hint=error.hint,
        )

    def _misfit(self, index: int, **said: Any) -> None:
        self.misfits.append(Misfit(index, msgspec.structs.replace(self._blank, **said)))


def _unread(
    path: str, stamp: Stamp | None, reason: str, *, cluster: str, line: int = 0, hint: str = ""
) -> Unread:
    return Unread(
        path,
        stamp,
        Finding(
            Severity.ERROR,
            "unreadable-file",
            reason,
            file=path,
            line=line,
            hint=hint,
            cluster=cluster,
        ),
    )
