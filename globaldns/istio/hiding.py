"""What people's own objects do to our routes: take the place of one, or hide it from clients.

Standards:
    Istio DestinationRule: looked for in the client's namespace, the service's, the root namespace;
        in each the most specific host counts, and of two rules of one host the older one's policy
    Istio Sidecar: ``egress.hosts`` are ``namespace/dnsName``; one in the root namespace is for all
        namespaces that have none
    Istio MeshConfig: ``discoverySelectors``, ``defaultServiceExportTo``,
        ``defaultDestinationRuleExportTo``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import msgspec

from globaldns.istio.notices import Code, Notice

ANY = "*"
_SAME = "."
PUBLIC = (ANY,)
"""Istio's default: seen in all namespaces."""


class Rule(msgspec.Struct, frozen=True, order=True):
    """A DestinationRule that is not ours."""

    namespace: str
    name: str
    host: str
    """In full; ``*`` at its start stands for anything."""
    has_policy: bool
    """Whether it says more than subsets."""


class Scope(msgspec.Struct, frozen=True, order=True):
    """A Sidecar that says what its clients see."""

    namespace: str
    name: str
    hosts: tuple[str, ...]
    """As ``egress`` has them: ``namespace/dnsName``."""


class Mesh(msgspec.Struct, frozen=True):
    """What one istiod's mesh configuration says."""

    revision: str = ""
    """Of the istiod; empty: it has none."""
    watched: AbstractSet[str] | None = None
    """The namespaces that istiod looks into; None: all."""
    root: str = "istio-system"
    """Istio's root namespace."""
    entries_seen_in: tuple[str, ...] = PUBLIC
    """Where an entry without ``exportTo`` is seen."""
    rules_seen_in: tuple[str, ...] = PUBLIC
    """Where a rule without ``exportTo`` is seen."""

    @property
    def hides_nothing(self) -> bool:
        """Whether it leaves all that it says at Istio's defaults, or as good."""
        is_public = ANY in self.entries_seen_in and ANY in self.rules_seen_in
        return self.watched is None and is_public

    def __str__(self) -> str:
        """Return it for people."""
        return "mesh configuration" + (f" of revision {self.revision}" if self.revision else "")


class Surroundings(msgspec.Struct, frozen=True):
    """What stands beside our routes in a cluster, as far as it may be read."""

    rules: tuple[Rule, ...] = ()
    scopes: tuple[Scope, ...] = ()
    meshes: tuple[Mesh, ...] = (Mesh(),)
    are_rules_known: bool = False
    """Whether all were read; else one that is not among them may stand there all the same."""

    @property
    def hide_nothing(self) -> bool:
        """Whether nothing stands there that could."""
        are_plain = all(mesh.hides_nothing for mesh in self.meshes)
        return not self.rules and not self.scopes and are_plain

    @property
    def roots(self) -> frozenset[str]:
        """The root namespaces of all istiods."""
        return frozenset(mesh.root for mesh in self.meshes)


class Routed(msgspec.Struct, frozen=True, order=True):
    """A host that has a route."""

    name: str
    """With its zone."""
    namespace: str
    """Where its documents are."""
    is_public: bool
    """Whether they are exported to all namespaces in so many words."""
    has_rule: bool = True
    is_theirs: bool = False
    """Whether it is a person's, and leads to other clusters: what hides it is theirs to see."""


class _Cause(msgspec.Struct, frozen=True):
    code: Code
    detail: str
    hint: str


def tell_hidden(routed: Iterable[Routed], around: Surroundings) -> list[Notice]:
    """Return what hides routes or takes their place: one notice a cause, by its first host.

    Of what people have written too: where it has no rule.
    """
    if around.hide_nothing and not around.are_rules_known:
        return []  # without a look at every host
    found: dict[_Cause, tuple[str, int]] = {}
    routed = sorted(routed)
    ours = [] if around.hide_nothing else [one for one in routed if not one.is_theirs]
    theirs = [one for one in routed if one.is_theirs] if around.are_rules_known else []
    for cause, names in (*_causes(ours, around), _without_rule(theirs, around)):
        if names:
            first, count = found.get(cause, (names[0], 0))
            found[cause] = (min(first, names[0]), count + len(names))
    return sorted(_notice(cause, first, count - 1) for cause, (first, count) in found.items())


def _without_rule(theirs: list[Routed], around: Surroundings) -> tuple[_Cause, list[str]]:
    cause = _Cause(
        Code.OWN_ENTRY,
        "a person's entry has the host, and no DestinationRule: no rank counts, and no far gateway "
        "is told whom a call is for",
        "globaldns diff shows the one that it is to have",
    )
    rules = [rule.host for rule in around.rules if rule.has_policy]
    bare = [one.name for one in theirs if not any(_fits(one.name, host) for host in rules)]
    return cause, sorted(bare)


def _notice(cause: _Cause, first: str, others: int) -> Notice:
    also = f" (and so with {others} other host{'' if others == 1 else 's'})" if others else ""
    return Notice(first, cause.code, f"{cause.detail}{also}", cause.hint)


def _causes(routed: list[Routed], around: Surroundings) -> Iterator[tuple[_Cause, list[str]]]:
    """Yield causes with hosts, in their order; a cause may come again with others."""
    by_namespace: dict[str, list[Routed]] = {}
    for one in routed:
        by_namespace.setdefault(one.namespace, []).append(one)
    for namespace, those in by_namespace.items():
        for mesh in around.meshes:
            yield from _hidden_by_mesh(namespace, those, mesh)
    names = {namespace: [one.name for one in those] for namespace, those in by_namespace.items()}
    for scope in around.scopes:
        cause = _hidden_by(scope, around.roots)
        for namespace, those_names in names.items():
            yield cause, _unseen(scope, namespace, those_names)
    by_name = {one.name: one for one in routed if one.has_rule}
    for rule in around.rules:
        yield from _replaced_by(rule, by_name, around.roots)


def _hidden_by_mesh(
    namespace: str, those: list[Routed], mesh: Mesh
) -> Iterator[tuple[_Cause, list[str]]]:
    if mesh.watched is not None and namespace not in mesh.watched:
        cause = _Cause(
            Code.UNWATCHED,
            f"istiod does not look into namespace {namespace}: no discoverySelector of its "
            f"{mesh} selects it",
            "label the namespace as one of them asks",
        )
        yield cause, [one.name for one in those]
    own = [one for one in those if not one.is_public]
    if ANY not in mesh.entries_seen_in:
        key = "defaultServiceExportTo"
        cause = _unexported(key, "the route is", mesh.entries_seen_in, mesh)
        yield cause, [one.name for one in own]
    if ANY not in mesh.rules_seen_in:
        key, what = "defaultDestinationRuleExportTo", "its DestinationRule is"
        cause = _unexported(key, what, mesh.rules_seen_in, mesh)
        yield cause, [one.name for one in own if one.has_rule]


def _unexported(key: str, what: str, seen_in: tuple[str, ...], mesh: Mesh) -> _Cause:
    places = ", ".join("its own namespace" if one == _SAME else one for one in seen_in)
    return _Cause(
        Code.UNEXPORTED,
        f"{what} seen in {places or 'no namespace'} alone: {key} of the {mesh} says so",
        f"have '*' in {key}",
    )


def _hidden_by(scope: Scope, roots: AbstractSet[str]) -> _Cause:
    clients = f"clients in {scope.namespace}"
    if scope.namespace in roots:
        clients = "clients in all namespaces without a Sidecar of their own"
    return _Cause(
        Code.SIDECAR,
        f"{clients} do not see it: Sidecar {scope.namespace}/{scope.name} does not list it",
        "add NAMESPACE/*, of the namespace that has the route, to its egress hosts",
    )


def _unseen(scope: Scope, namespace: str, names: list[str]) -> list[str]:
    """Return the names that a Sidecar hides; where that is all of them, no copy."""
    patterns = tuple(_patterns(scope, namespace))
    if not patterns:
        return names
    if ANY in patterns:
        return []
    return [name for name in names if not any(_fits(name, pattern) for pattern in patterns)]


def _patterns(scope: Scope, namespace: str) -> Iterator[str]:
    """Yield the hosts that a Sidecar lists of a namespace."""
    for text in scope.hosts:
        place, _, host = text.partition("/")
        if place in {ANY, namespace} or (place == _SAME and scope.namespace == namespace):
            yield host


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or (pattern.startswith(ANY) and name.endswith(pattern[1:]))


def _replaced_by(
    rule: Rule, by_name: Mapping[str, Routed], roots: AbstractSet[str]
) -> Iterator[tuple[_Cause, list[str]]]:
    """Yield what a rule does beside ours, and to its own clients; the root namespace comes last."""
    where = f"DestinationRule {rule.namespace}/{rule.name}"
    if rule.host.startswith(ANY):
        tail = rule.host[1:]
        fitting = [one for name, one in by_name.items() if name.endswith(tail)]
    else:
        fitting = [by_name[rule.host]] if rule.host in by_name else []
    if rule.has_policy:
        cause = _Cause(
            Code.OTHER_RULE,
            f"{where} is about the same host: of the two only the older one's policy counts",
            "delete it, or take its trafficPolicy out: its subsets are added to ours",
        )
        yield (
            cause,
            [o.name for o in fitting if o.namespace == rule.namespace and o.name == rule.host],
        )
    if rule.namespace not in roots:
        cause = _Cause(
            Code.OTHER_RULE,
            f"clients in {rule.namespace} obey {where} for {rule.host} in place of ours: no rank "
            "counts for them, and no far gateway is told whom a call is for",
            "delete it, or give it a narrower host",
        )
        yield cause, [one.name for one in fitting if one.namespace != rule.namespace]
