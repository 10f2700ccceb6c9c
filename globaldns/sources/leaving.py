"""What becomes of what a kind said that loses objects: gone with a word, or held as its kind goes.

A CustomResourceDefinition that is deleted takes its objects along, one by one, and each looks like
an object that its owner has removed. So of such kinds an object is held that was told to be gone,
until the server has shown that the kind stays. What goes with its kind is held until a list of the
kind lacks it, or somebody says that the kind was removed for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf

from globaldns.exports import marks
from globaldns.exports.cluster import ClusterExports
from globaldns.kube.resources import Resource
from globaldns.kube.watch import Scope
from globaldns.model.finding import Finding, Severity
from globaldns.objects import ObjectKey
from globaldns.objects.kubernetes import Namespace
from globaldns.sources.parts import Part, Parts
from globaldns.sources.scopes import DEFINED

_PLACE = str(ObjectKey(Namespace.kind, "", marks.SYSTEM))
_PATH = f'$.metadata.annotations["{marks.REMOVED_KINDS}"]'
_END = f"kubectl annotate namespace {marks.SYSTEM} {marks.REMOVED_KINDS}-"


class Leaving:
    """Decides that for one server; ``remove`` forgets an object that is gone."""

    def __init__(
        self, parts: Parts, exports: ClusterExports, remove: Callable[[ObjectKey, Resource], None]
    ) -> None:
        self._parts = parts
        self._exports = exports
        self._remove = remove

    def lose(self, part: Part, resource: Resource, gone: Iterable[ObjectKey], until: float) -> None:
        """Take note that a part has some objects no more, which may be believed then."""
        if resource not in DEFINED:
            for identity in gone:
                self._remove(identity, resource)
        elif part.is_going:
            part.retain(gone)
        else:
            part.miss(gone, until)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that anything would end with, if they went."""
        parts = self._parts.items()
        held = {s.resource.kind for s, p in parts if s.resource in DEFINED and self._counts(p)}
        return tuple(sorted(held))

    @property
    def missing_until(self) -> float | None:
        """When it is next to be asked whether a kind stays that has lost objects; None: of none."""
        parts = self._parts.items()
        return min((until for _, part in parts for until in part.missing.values()), default=None)

    def missing(self, now: float) -> list[Scope]:
        """Return of which kinds that is to be asked by now."""
        return [scope for scope, part in self._parts.items() if part.missing_by(now)]

    def believe(self, scope: Scope, until: float) -> None:
        """Take note that a kind stays: what was told to be gone until then is gone."""
        part = self._parts.find(scope)
        if part is not None:
            self._lose_missing(scope, part, until)

    def end(self, scope: Scope) -> None:
        """Take note that a kind goes: what it said last stands."""
        part = self._parts.find(scope)
        if part is None:
            return
        if self._is_held(scope, part):
            part.end()
        else:
            self._lose_missing(scope, part, inf)

    def note_absent(self, scope: Scope, part: Part) -> None:
        """Take note that a kind is not served: one that had said nothing is missed by nobody."""
        if scope.resource in DEFINED and not self._is_held(scope, part):
            self._let_go(scope, part)

    def let_go(self) -> None:
        """Let nothing stand of kinds that were removed for good."""
        removed = self._exports.removed_kinds()
        for scope, part in self._parts.items() if removed else ():
            if part.is_away and scope.resource in DEFINED and str(scope.resource) in removed:
                self._let_go(scope, part)

    def findings(self, cluster: str) -> Iterator[Finding]:
        """Yield why a kind cannot have been removed for good that somebody says so of."""
        known = {str(resource) for resource in DEFINED}
        read = {str(scope.resource) for scope, part in self._parts.items() if part.is_read}
        for kind in sorted(self._exports.removed_kinds()):
            if kind not in known:
                reason = f"says that {kind} is removed for good, which is none of the kinds read"
                hint = f"name any of {', '.join(sorted(known))}"
            elif kind in read:
                reason = f"says that {kind} is removed for good, and it is served"
                hint = f"{_END}, or an accident would end what it says at once"
            else:
                continue
            yield Finding(
                Severity.WARNING,
                "removed-kinds",
                reason,
                object=_PLACE,
                path=_PATH,
                hint=hint,
                cluster=cluster,
            )

    def _is_held(self, scope: Scope, part: Part) -> bool:
        """Whether anything that counts would end with a kind, and nobody wants that."""
        if str(scope.resource) in self._exports.removed_kinds():
            return False
        return self._counts(part)

    def _counts(self, part: Part) -> bool:
        return part.is_known or any(map(self._exports.has, part.keys))

    def _lose_missing(self, scope: Scope, part: Part, until: float) -> None:
        for identity in part.missing_by(until):
            if part.lose(identity):
                self._remove(identity, scope.resource)

    def _let_go(self, scope: Scope, part: Part) -> None:
        for identity in part.let_go():
            self._remove(identity, scope.resource)
