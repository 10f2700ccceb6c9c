"""Who owns a name: which hosts an object of a namespace may export.

``reviews.bookinfo`` belongs to namespace ``bookinfo``. Hosts of other shapes belong to nobody, and
need the word of the configuration: ``allow.hosts`` of the cluster.
"""

from __future__ import annotations

import re

from globaldns.errors import InvalidHost
from globaldns.exports.problem import Problem
from globaldns.exports.rules import ExportRules
from globaldns.model.host import Host, check_host, is_service_host, namespace_of

_LABEL = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def refuse_host(
    host: Host, zone: str, *, namespace: str, position: int, rules: ExportRules
) -> Problem | None:
    """Return why an entry of a namespace may not export a host; None where it may."""
    label, _, owner = host.partition(".")
    if owner == namespace and _LABEL.fullmatch(label):  # as almost all are
        return refuse_namespace(namespace, rules)
    path = f"$.spec.hosts[{position}]"
    if host in {"", rules.nameserver}:
        name = f"{host}.{zone}".removeprefix(".")
        return Problem(
            "reserved-host", path, f"{name!r} is reserved", "use name.namespace below the zone"
        )
    try:
        check_host(host, zone)
    except InvalidHost as error:
        return Problem("invalid-host", path, str(error), error.hint)
    return refuse_namespace(namespace, rules) or _refuse_owner(
        host, zone, namespace=namespace, path=path, rules=rules
    )


def refuse_namespace(namespace: str, rules: ExportRules) -> Problem | None:
    """Return why a namespace may export nothing; None where it may."""
    if "*" in rules.allow.namespaces or matches(namespace, rules.allow.namespaces):
        return None
    return Problem(
        "namespace-not-allowed",
        "$.metadata.namespace",
        f"namespace {namespace!r} of {rules.cluster} may not export",
        f"add it to clusters.{rules.cluster}.allow.namespaces",
    )


def _refuse_owner(
    host: Host, zone: str, *, namespace: str, path: str, rules: ExportRules
) -> Problem | None:
    name = f"{host}.{zone}"
    if not is_service_host(host):
        if matches(name, rules.allow.hosts):
            return None
        return Problem(
            "host-not-allowed",
            path,
            f"{name!r} is not name.namespace.{zone}",
            f"add it to clusters.{rules.cluster}.allow.hosts",
        )
    if namespace_of(host) == namespace:
        return None
    return Problem(
        "foreign-namespace",
        path,
        f"{name!r} belongs to namespace {namespace_of(host)!r}, not to {namespace!r}",
        f"move the object to namespace {namespace_of(host)}",
    )


def matches(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether a text matches any pattern, in which only ``*`` and ``?`` are special."""
    return any(_matches(text, pattern) for pattern in patterns)


def _matches(text: str, pattern: str) -> bool:
    expression = re.escape(pattern.lower()).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text) is not None
