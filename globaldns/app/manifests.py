"""The objects of a cluster that is read from a directory, as its manifests have them now."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from globaldns.apply.routes.standing import Document, Standing, read_standing
from globaldns.apply.routes.taken import Holder, read_holder
from globaldns.errors import DocumentError
from globaldns.sources.manifest import read_text, walk
from globaldns.sources.scan import scan


def find_objects(
    root: Path, kinds: Collection[str], cluster: str
) -> tuple[list[Standing], list[Holder]]:
    """Return the objects of some kinds: those that are ours, and those of others.

    Files that cannot be read are their source's to report.
    """
    ours: list[Standing] = []
    others: list[Holder] = []
    for kind, value in _find(root, kinds):
        data = msgspec.json.encode(value)
        if (standing := read_standing(kind, data, cluster)) is not None:
            ours.append(standing)
        elif (holder := read_holder(kind, data, cluster)) is not None:
            others.append(holder)
    return ours, others


def _find(root: Path, kinds: Collection[str]) -> Iterator[tuple[str, Document]]:
    for path in scan(root).files:
        text = read_text(root, path)
        if text is None or not any(kind in text for kind in kinds):  # reading YAML is slow
            continue
        with suppress(DocumentError):
            for _, _, value in walk(text):
                if (kind := str(value.get("kind"))) in kinds:
                    yield kind, dict(value)


def read_entry(root: Path, file: str, namespace: str, name: str) -> Document | None:
    """Return a ServiceEntry of a file; None: it is not there any more."""
    text = read_text(root, file)
    with suppress(DocumentError):
        for _, _, value in walk(text or ""):
            metadata = value.get("metadata") or {}
            found = (value.get("kind"), metadata.get("namespace"), metadata.get("name"))
            if found == ("ServiceEntry", namespace, name):
                return dict(value)
    return None
