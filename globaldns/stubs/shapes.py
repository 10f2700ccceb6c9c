"""What becomes of an object that tells a cluster's DNS something: as a patch, as text, proved.

Only the value at the place differs: it is all that a patch has. ``coredns`` decides what it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from globaldns.coredns import targets
from globaldns.coredns.authority import Authority, check_stub
from globaldns.coredns.editing import Options
from globaldns.coredns.stub import Stub
from globaldns.coredns.targets import Shape, Target
from globaldns.documents import format_yaml
from globaldns.errors import StubError

Document = Mapping[str, Any]

_OF_SERVER = frozenset({"resourceVersion", "managedFields", "generation"})
"""Metadata that changes with every write."""


class Change(msgspec.Struct, frozen=True):
    """What becomes of the object of a place."""

    place: Target
    before: Document | None
    """None: it is not there."""
    after: Document | None
    """None: it is deleted, or was not there."""
    known: frozenset[str] = frozenset()
    """What tells again what is ours in ``after``."""
    theirs: tuple[str, ...] = ()
    """Domains that are told there as we would, by somebody else: left so."""

    @property
    def is_needed(self) -> bool:
        """Whether anything is to be done."""
        return self.before != self.after

    @property
    def is_theirs(self) -> bool:
        """Whether a place tells of us, and none of that is ours."""
        return bool(self.theirs) and not self.is_needed and not self.known


class Wish(msgspec.Struct, frozen=True):
    """What a place is to be told, and what is known beside it."""

    stub: Stub
    options: Options = Options()
    base: str = ""
    """The Corefile that says where CoreDNS listens."""
    owner: str = ""
    """Our cluster: what is made for us is marked with it."""
    adopt: bool = False
    """Take for ours what has no mark of ours, and says what we would."""
    authority: Authority = Authority()
    """What the cluster's DNS answers itself."""


def plan_install(place: Target, document: Document | None, wish: Wish) -> Change:
    """Return how an object comes to tell what is wished; ``wish.options.known`` is of this place.

    Raises:
        StubError: it is not edited; the code says why.
    """
    check_stub(wish.stub, wish.authority)
    wish = _adopting(place, document, wish, or_former=True)
    after = install(place, document, wish)
    options = wish.options
    known = targets.fingerprints(place, document, after, options.known)
    options = msgspec.structs.replace(options, known=known)
    theirs = targets.foreign(place, after or {}, wish.stub, base=wish.base, options=options)
    return Change(place, document, after, known, theirs)


def plan_removal(place: Target, document: Document | None, wish: Wish) -> Change:
    """Return how an object comes to be without what is ours, of which the wish is the last.

    Raises:
        StubError: it cannot be read.
    """
    if document is None:
        return Change(place, None, None)
    wish = _adopting(place, document, wish, or_former=False)
    after = targets.remove(place, document, wish.options.known)
    left = after or {}
    bare = Options(wish.options.build)
    theirs = targets.foreign(place, left, wish.stub, base=wish.base, options=bare)
    return Change(place, document, after, theirs=theirs)


def _adopting(place: Target, document: Document | None, wish: Wish, *, or_former: bool) -> Wish:
    if not wish.adopt or document is None:
        return wish
    options = wish.options
    alike = targets.alike(
        place, document, wish.stub, options.build, base=wish.base, or_former=or_former
    )
    options = msgspec.structs.replace(options, known=options.known | alike)
    return msgspec.structs.replace(wish, options=options)


def install(place: Target, document: Document | None, wish: Wish) -> Document | None:
    """Return an object that tells what is wished; the same one, or none, if that is told already.

    Raises:
        StubError: it is not edited; the code says why.
    """
    stub, options = wish.stub, wish.options
    changed = targets.install(
        place, document, stub, cluster=wish.owner, base=wish.base, options=options
    )
    if document is None or changed is None or changed == document:
        return changed
    known = options.known | targets.fingerprints(place, document, changed, options.known)
    without = targets.remove(place, document, options.known)
    if targets.remove(place, changed, known) != without:
        raise StubError(
            "it would not be again what it was once ours is removed",
            code="open-end",
            hint="install it by hand: globaldns stub render",
        )
    return changed


def touched(change: Change) -> tuple[Target, ...]:
    """Return the place of a change, and keys of others that it takes blocks out of, adopted."""
    place = change.place
    if place.shape is not Shape.CUSTOM:
        return (place,)
    before, after = (
        targets.value_at(place, one or {}) or {} for one in (change.before, change.after)
    )
    others = (key for key, text in before.items() if after.get(key) != text and key != place.key)
    return (place, *(msgspec.structs.replace(place, key=key) for key in others))


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
