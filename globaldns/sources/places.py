"""Lines for findings: looked up in the files when somebody asks, and kept while those stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from globaldns.documents import locate
from globaldns.errors import DocumentError
from globaldns.model.finding import Finding
from globaldns.objects import identify
from globaldns.sources.holdings import Holdings
from globaldns.sources.manifest import Misfit, read_text, walk

Place = tuple[int, str]
"""Document of a file, and JSON path in it."""


class Places:
    """The findings of one directory, with their lines."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[tuple[bytes, Finding], Finding] = {}

    def add_lines(self, findings: Iterable[Finding], holdings: Holdings) -> list[Finding]:
        """Return the findings with their lines, misfits included, sorted by place.

        Their files are named as they are opened.
        """
        texts = _Texts(self._root)
        former, self._known = self._known, {}
        found = []
        for finding, misfit in (
            *((finding, None) for finding in findings),
            *((misfit.finding, misfit) for _, misfit in holdings.misfits()),
        ):
            record = holdings.files.get(finding.file)
            key = (record.digest if record else b"", finding)
            known = former.get(key) or _placed(finding, misfit, texts)
            self._known[key] = known
            found.append(known)
        found.sort(key=lambda one: (one.file, one.line, one.object, one.path, one.code))
        return [msgspec.structs.replace(one, file=self._open_path(one.file)) for one in found]

    def _open_path(self, file: str) -> str:
        return str(self._root / file) if file else str(self._root)


class _Texts:
    """The files that were looked at for one list of findings."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = ""
        self._text = ""
        self._places: Mapping[str, Place] = {}

    def line(self, file: str, place: Place) -> int:
        """Return the line of a place; 0 if the file cannot be read."""
        self._open(file)
        return locate(self._text, *place)

    def place(self, file: str, name: str) -> Place | None:
        """Return where an object stands; None if it does not any more."""
        self._open(file)
        return self._places.get(name)

    def _open(self, file: str) -> None:
        """Keep one text at a time: findings come file by file."""
        if file == self._file:
            return
        self._file = file
        self._text = read_text(self._root, file) or ""
        self._places = _places_of(self._text)


def _placed(finding: Finding, misfit: Misfit | None, texts: _Texts) -> Finding:
    if finding.line or not finding.file:
        return finding
    if misfit is not None:
        place: Place | None = (misfit.index, finding.path)
    else:
        place = texts.place(finding.file, finding.object)
        if place is not None:
            place = (place[0], place[1] + finding.path.removeprefix("$"))
    if place is None:
        return finding
    return msgspec.structs.replace(finding, line=texts.line(finding.file, place))


def _places_of(text: str) -> dict[str, Place]:
    """Return where each object of a text stands; where two have one name, the first."""
    places: dict[str, Place] = {}
    try:
        for index, path, value in walk(text):
            identity = identify(value)
            if identity is not None:
                places.setdefault(str(identity), (index, path))
    except (DocumentError, RecursionError):
        return places
    return places
