"""What becomes of an object that tells a cluster's DNS something: as a patch, as text, proved.

Only the value at the place differs: it is all that a patch has. ``coredns`` decides what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from globaldns.coredns import editing, marks, targets
from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import Options
from globaldns.coredns.stub import Server, Stub
from globaldns.coredns.targets import Shape, Target
from globaldns.documents import format_yaml
from globaldns.errors import StubError

Document = Mapping[str, Any]

_NOBODY = Stub(zones=("invalid",), servers=(Server("192.0.2.1"),))
"""For shapes whose marks tell what is ours."""
_OF_SERVER = frozenset({"resourceVersion", "managedFields", "generation"})
"""Metadata that changes with every write."""


class Change(msgspec.Struct, frozen=True):
    """What becomes of the object of a place."""

    place: Target
    before: Document | None
    """None: it is not there."""
    after: Document | None
    """None: it is deleted, or was not there."""

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return self.before != self.after


class Wish(msgspec.Struct, frozen=True):
    """What a place is to be told, and what is known beside it."""

    stub: Stub
    options: Options = Options()
    base: str = ""
    """The Corefile that says where CoreDNS listens."""
    owner: str = ""
    """Our cluster: what is made for us is marked with it."""


def install(place: Target, document: Document | None, wish: Wish) -> Document:
    """Return an object that tells what is wished; the same one if it does already.

    Raises:
        StubError: it is not edited; the code says why.
    """
    stub, options = wish.stub, wish.options
    changed = targets.install(
        place, document, stub, cluster=wish.owner, base=wish.base, options=options
    )
    if document is None or changed == document:
        return changed
    known = _known_before(place, document, wish) | targets.fingerprints(place, changed, stub)
    without = targets.remove(place, document, stub, known)
    if targets.remove(place, changed, stub, known) != without:
        raise StubError(
            "it would not be again what it was once ours is removed",
            code="open-end",
            hint="install it by hand: globaldns stub render",
        )
    return changed


def remove(
    place: Target, document: Document, stub: Stub | None, known: Collection[str] = ()
) -> Document | None:
    """Return an object without what is ours; None: it was made for us, and goes.

    Raises:
        StubError: it cannot be read, or is not known to be ours.
    """
    if (
        stub is None
        and place.shape is Shape.STUB_DOMAINS
        and targets.value_at(place, document) is not None
    ):
        raise StubError(
            "what was installed is not known",
            code="record",
            hint="name the servers that it was installed with: --forward-to ADDRESS",
        )
    return targets.remove(place, document, stub or _NOBODY, known)


def text_of(place: Target, document: Document | None) -> str:
    """Return what stands at a place, as people compare it."""
    value = None if document is None else targets.value_at(place, document)
    if not value:
        return ""
    if place.shape is Shape.CUSTOM:
        return str(value.get(place.key, ""))
    return format_yaml({"servers": value}) if place.shape is Shape.OPENSHIFT else str(value)


def patch_between(place: Target, before: Document, after: Document) -> dict[str, Any]:
    """Return the merge patch from one object to the other, which is refused if it has changed."""
    patch: Any = targets.value_at(place, after)
    if place.shape is Shape.CUSTOM:
        old, new = targets.value_at(place, before) or {}, patch or {}
        patch = {key: new.get(key) for key in {*old, *new} if old.get(key) != new.get(key)}
    for name in reversed(place.path):
        patch = {name: patch}
    metadata = {"resourceVersion": before["metadata"]["resourceVersion"]}
    return {"metadata": metadata, **patch}


def is_apart(place: Target, before: Document, after: Document) -> bool:
    """Whether all but the place is the same in both."""
    return bool(_others(place, before) == _others(place, after))


def _known_before(place: Target, document: Document, wish: Wish) -> frozenset[str]:
    """Return what tells what ours takes the place of: the old Istio plugin's block too."""
    if not wish.options.adopt_istio or place.shape is not Shape.COREFILE:
        return wish.options.known
    text = targets.value_at(place, document)
    adopted = filter(editing.is_istio_plugin, parse_corefile(text).blocks)
    blocks = (text[block.start : block.stop].splitlines() for block in adopted)
    prints = (editing.fingerprints(marks.append("", lines)) for lines in blocks)
    return wish.options.known.union(*prints)


def _others(place: Target, value: Any) -> Any:
    """Return an object without what is ours, what comes with every write, and what is empty."""
    metadata = {k: v for k, v in value["metadata"].items() if k not in _OF_SERVER}
    return _without(place, {**value, "metadata": metadata}, place.path)


def _without(place: Target, value: Any, path: tuple[str, ...]) -> Any:
    if not path:
        is_custom = place.shape is Shape.CUSTOM
        return {k: v for k, v in value.items() if k != place.key} if is_custom else None
    below = _without(place, value.get(path[0]) or {}, path[1:])
    return {k: v for k, v in {**value, path[0]: below}.items() if v}
