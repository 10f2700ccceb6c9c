"""What stands beside our routes in a cluster, from its objects.

Standards:
    Kubernetes API Conventions, "Label selectors": all that one says must be true
    Istio MeshConfig: of several ``discoverySelectors`` one must fit; the root namespace always does
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from globaldns.istio.hiding import PUBLIC, Mesh, Rule, Scope, Surroundings
from globaldns.objects.istio import (
    DestinationRule,
    LabelSelector,
    MatchExpression,
    MeshConfig,
    Sidecar,
)

_MESH_CONFIG = "istio"
MESH_KEY = "mesh"
_NAME = "kubernetes.io/metadata.name"
"""A label that every namespace has in an API server."""


def describe_surroundings(
    rules: Iterable[DestinationRule] | None,
    sidecars: Iterable[Sidecar],
    meshes: Mapping[str, MeshConfig],
    namespaces: Mapping[str, Mapping[str, str]] | None,
    system_namespace: str,
) -> Surroundings:
    """Return what objects say.

    ``meshes`` is each istiod's configuration by its revision, ``namespaces`` the labels of each.
    ``rules`` or ``namespaces`` None: they are not known.
    """
    return Surroundings(
        rules=tuple(sorted(map(_read_rule, rules or ()))),
        scopes=tuple(sorted(_read_scope(one) for one in sidecars if _hosts(one))),
        meshes=tuple(
            _read_mesh(revision, meshes[revision], namespaces, system_namespace)
            for revision in sorted(meshes)
        ),
        are_rules_known=rules is not None,
    )


def config_name(revision: str) -> str:
    """Return the ConfigMap of an istiod's configuration; empty: of one that has no revision."""
    return f"{_MESH_CONFIG}-{revision}" if revision else _MESH_CONFIG


def _read_mesh(
    revision: str,
    mesh: MeshConfig,
    namespaces: Mapping[str, Mapping[str, str]] | None,
    system_namespace: str,
) -> Mesh:
    root = mesh.root_namespace or system_namespace
    return Mesh(
        revision,
        watched=_watched(mesh.discovery_selectors, namespaces, root),
        root=root,
        entries_seen_in=mesh.default_service_export_to or PUBLIC,
        rules_seen_in=mesh.default_destination_rule_export_to or PUBLIC,
    )


def _read_rule(rule: DestinationRule) -> Rule:
    """Return a rule; a host without a dot is a Service of the rule's namespace."""
    metadata, host = rule.metadata, rule.spec.host
    if "." not in host and not host.startswith("*"):
        host = f"{host}.{metadata.namespace}.svc.cluster.local"
    return Rule(metadata.namespace, metadata.name, host, bool(rule.spec.traffic_policy))


def _read_scope(sidecar: Sidecar) -> Scope:
    return Scope(sidecar.metadata.namespace, sidecar.metadata.name, _hosts(sidecar))


def _hosts(sidecar: Sidecar) -> tuple[str, ...]:
    """Return what a Sidecar lists; nothing: it hides nothing."""
    return tuple(host for egress in sidecar.spec.egress for host in egress.hosts)


def _watched(
    selectors: tuple[LabelSelector, ...],
    namespaces: Mapping[str, Mapping[str, str]] | None,
    root: str,
) -> frozenset[str] | None:
    if not selectors or namespaces is None:
        return None
    found = {
        name
        for name, labels in namespaces.items()
        if any(_selects(selector, {_NAME: name, **labels}) for selector in selectors)
    }
    return frozenset({root, *found})


def _selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    return selector.match_labels.items() <= labels.items() and all(
        _is_met(expression, labels) for expression in selector.match_expressions
    )


def _is_met(expression: MatchExpression, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression.key)
    match expression.operator:
        case "In":
            return value in expression.values
        case "NotIn":
            return value not in expression.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True
