"""Objects as an API server writes them, and what it tells of them, for the tests of sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.rules import ExportRules
from globaldns.kube import resources
from globaldns.kube.resources import Resource
from globaldns.kube.watch import Begun, Failed, Found, Listed, Notice, Put, Removed, Scope
from globaldns.model.view import (
    Change,
    Reset,
    SetEntrusted,
    SetFences,
    SetFreshness,
    SetGateways,
    SetLedger,
    SetNetwork,
    SetPolicies,
    SetRanges,
    View,
)
from globaldns.model.view import Put as PutExport
from globaldns.model.view import Remove as RemoveExport
from globaldns.sources.following import Following
from globaldns.sources.remembered import decode_view, encode_view
from tests.sources.manifests import GRACE, RULES, at

Object = dict[str, Any]
FORBIDDEN = Failed(ApiRefused("forbidden", status=403, reason="Forbidden"))
UNAUTHORIZED = Failed(ApiRefused("unauthorized", status=401, reason="Unauthorized"))
BROKEN = Failed(ApiError("connection reset"))
DECISIVE = (
    "Namespace",
    "Service",
    "ServiceEntry",
    "ServiceExport",
    "GlobalService",
    "ClusterFence",
    "VIPLedger",
)
DETAILS = ("WorkloadEntry", "Node", "Pod", "EndpointSlice")
CUSTOM = (
    "ServiceEntry",
    "ServiceExport",
    "WorkloadEntry",
    "GlobalService",
    "ClusterFence",
    "VIPLedger",
)
ALWAYS_SERVED = ("Namespace", "Service", "Node", "Pod", "EndpointSlice")
LEDGERS = "globaldns-system"
EXPORTED = {"annotations": {"globaldns.io/export": "true"}}
OF_KIND: Mapping[str, Resource] = {
    one.kind: one for one in vars(resources).values() if isinstance(one, Resource)
}


def api_version(resource: Resource) -> str:
    version = resource.versions[0] if resource.versions else "v1alpha1"
    return f"{resource.group}/{version}" if resource.group else version


def made(kind: str, name: str, namespace: str = "ns", **parts: Any) -> Object:
    resource = OF_KIND[kind]
    metadata = {"name": name, **parts.pop("metadata", {})}
    if resource.is_namespaced:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version(resource), "kind": kind, "metadata": metadata, **parts}


def service(name: str, namespace: str = "ns", *, exported: bool = True, **parts: Any) -> Object:
    spec = {"ports": [{"port": 80, "name": "http"}], "clusterIP": "10.96.0.7"}
    metadata = EXPORTED if exported else {}
    return made("Service", name, namespace, **{"metadata": metadata, "spec": spec, **parts})


def gateway(address: str = "203.0.113.9") -> Object:
    return service(
        "eastwest",
        "istio-system",
        metadata={"labels": {"topology.istio.io/network": "network1"}},
        spec={"ports": [{"port": 15443, "name": "tls"}]},
        status={"loadBalancer": {"ingress": [{"ip": address}]}},
    )


def endpoint_slice(
    of: str, namespace: str = "ns", *, pod: str = "p", ip: str = "10.1.1.1"
) -> Object:
    target = {"kind": "Pod", "namespace": namespace, "name": pod}
    return made(
        "EndpointSlice",
        f"{of}-{pod}",
        namespace,
        metadata={"labels": {"kubernetes.io/service-name": of}},
        addressType="IPv4",
        endpoints=[{"addresses": [ip], "targetRef": target}],
        ports=[{"name": "http", "port": 8080}],
    )


def pod(name: str = "p", namespace: str = "ns", *, account: str = "default") -> Object:
    return made("Pod", name, namespace, spec={"serviceAccountName": account})


def entry(name: str, namespace: str = "ns", *, port: int = 80, host: str = "") -> Object:
    return made(
        "ServiceEntry",
        name,
        namespace,
        spec={
            "hosts": [host or f"{name}.{namespace}.global"],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "ports": [{"number": port, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "10.0.0.1"}],
        },
    )


def vip_ledger(name: str = "own-001", *claims: str, **spec: Any) -> Object:
    """A shard of east's ledger; claims are lines as ``vip export`` writes them."""
    plain = {
        "cluster": "east",
        "marker": {"id": "m", "created": "2026-01-02T03:04:05Z"},
        "data": "".join(f"{line}\n" for line in claims),
    }
    return made("VIPLedger", name, LEDGERS, spec={**plain, **spec})


def line(host: str, number: int, cluster: str = "east") -> str:
    return f"{host} 240.128.0.{number} 2026-01-02T03:04:05Z {cluster} given - -"


def identity(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return (item["kind"], metadata.get("namespace", ""), metadata["name"])


def raw(item: Object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(item))


_PARTS: Mapping[type, tuple[str, str]] = {
    SetNetwork: ("network", "network"),
    SetLedger: ("ledger", "ledger"),
    SetEntrusted: ("entrusted", "claims"),
    SetPolicies: ("policies", "policies"),
    SetFences: ("fences", "fences"),
    SetFreshness: ("freshness", "freshness"),
}
"""Which part of a view a change replaces, and by which of its own."""


def applied(view: View, changes: Iterable[Change]) -> View:
    """Return what a reader of changes knows after them."""
    exports = {export.host: export for export in view.exports}
    for change in changes:
        match change:
            case Reset(whole):
                view, exports = whole, {export.host: export for export in whole.exports}
            case PutExport(export):
                exports[export.host] = export
            case RemoveExport(_, host):
                exports.pop(host, None)
            case SetRanges(_, ranges, pods):
                view = msgspec.structs.replace(view, ranges=ranges, pod_ranges=pods)
            case SetGateways(_, gateways, services):
                view = msgspec.structs.replace(view, gateways=gateways, gateway_services=services)
            case _:
                part, content = _PARTS[type(change)]
                view = msgspec.structs.replace(view, **{part: getattr(change, content)})
    return msgspec.structs.replace(view, exports=tuple(exports.values()))


def comparable(view: View) -> View:
    """Return a view without its order, its files, its kinds, its uid and how old it is."""
    exports = [
        msgspec.structs.replace(
            one,
            origin=msgspec.structs.replace(one.origin, file=""),
            rivals=tuple(
                msgspec.structs.replace(r, origin=msgspec.structs.replace(r.origin, file=""))
                for r in one.rivals
            ),
        )
        for one in view.exports
    ]
    freshness = view.freshness and msgspec.structs.replace(view.freshness, contact=None, reason="")
    return msgspec.structs.replace(
        view,
        exports=tuple(sorted(exports, key=lambda one: one.host)),
        policies=tuple(
            msgspec.structs.replace(p, origin=msgspec.structs.replace(p.origin, file=""))
            for p in view.policies
        ),
        fences=tuple(
            msgspec.structs.replace(f, origin=msgspec.structs.replace(f.origin, file=""))
            for f in view.fences
        ),
        freshness=freshness,
        files=(),
        uid="",
        kinds=(),
        revisions=(),
    )


class Telling:
    """A view that is told what a server with some objects tells.

    Whatever it publishes, whoever reads that knows what it knows: looked at after each drain.
    """

    def __init__(
        self,
        *objects: Object,
        remembered: View | None = None,
        rules: ExportRules = RULES,
        ledger_namespace: str | None = LEDGERS,
    ) -> None:
        self.objects = {identity(one): one for one in objects}
        self.seconds = 0.0
        self.following = Following(
            rules, grace=GRACE, ledger_namespace=ledger_namespace, remembered=remembered
        )
        self.told = applied(View(rules.cluster), self.following.begin())
        self.listed: set[Scope] = set()

    @property
    def view(self) -> View:
        return self.following.view()

    @property
    def hosts(self) -> set[str]:
        return {export.host for export in self.view.exports}

    def addresses(self, host: str) -> set[str]:
        """Return where the endpoints of a host are."""
        export = next(one for one in self.view.exports if one.host == host)
        return {endpoint.address for endpoint in export.endpoints}

    def scope(self, kind: str, namespace: str = "") -> Scope:
        """Return the scope that is followed of a kind, in a namespace if there are several."""
        scopes = [one for one in self.following.scopes if one.resource.kind == kind]
        return next(one for one in scopes if one.namespace == namespace or len(scopes) == 1)

    def tell(self, scope: Scope, *notices: Notice) -> None:
        for notice in notices:
            self.following.take(scope, notice, at(self.seconds))
            self.listed &= self.following.scopes

    def within(self, scope: Scope) -> list[Object]:
        return [
            item
            for (kind, namespace, _), item in self.objects.items()
            if kind == scope.resource.kind and scope.namespace in {"", namespace}
        ]

    def list(self, scope: Scope) -> None:
        """Tell all that there is of a scope."""
        self.tell(scope, Begun(), *(Found(raw(one)) for one in self.within(scope)), Listed())
        self.listed.add(scope)

    def list_all(self, *, but: Iterable[Scope] = ()) -> Sequence[Change]:
        """Tell all that is not told yet, and return what is said of it."""
        while waiting := self.following.scopes - self.listed - {*but}:
            for scope in sorted(waiting, key=str):
                self.list(scope)
        return self.drain()

    def put(self, *objects: Object) -> Sequence[Change]:
        for item in objects:
            self.objects[identity(item)] = item
            self._each(item, Put(raw(item)))
        return self.drain()

    def remove(self, *objects: Object) -> Sequence[Change]:
        for item in objects:
            del self.objects[identity(item)]
            self._each(item, Removed(raw(item)))
        self.believe()
        return self.drain()

    def believe(self) -> None:
        """Tell that every kind stays that has lost objects."""
        for scope in self.following.leaving.missing(inf):
            self.following.leaving.believe(scope, inf)

    def _each(self, item: Object, notice: Notice) -> None:
        for scope in self.listed & self.following.scopes:
            if item in self.within(scope) or (
                isinstance(notice, Removed)
                and scope.resource.kind == item["kind"]
                and scope.namespace in {"", item["metadata"].get("namespace", "")}
            ):
                self.tell(scope, notice)

    def drain(self) -> Sequence[Change]:
        changes = self.following.drain(at(self.seconds))
        self.listed &= self.following.scopes
        self.told = applied(self.told, changes)
        assert comparable(self.told) == comparable(self.view)
        return changes

    def wait(self, seconds: float) -> Sequence[Change]:
        """Let time go by, and return what that changes."""
        self.seconds += seconds
        return self.drain()


def kept(*objects: Object) -> View:
    """What a run before remembers of a server with these objects."""
    telling = Telling(*objects)
    telling.list_all()
    telling.wait(GRACE)
    view = telling.view
    return decode_view(encode_view(view, view.exports), "east")


def read(*objects: Object, remembered: View | None = None) -> Telling:
    telling = Telling(*objects, remembered=remembered)
    telling.list_all()
    return telling


def shop() -> list[Object]:
    return [service("a"), endpoint_slice("a"), pod(), entry("b"), vip_ledger("own-001")]


def town() -> list[Object]:
    """A shop, and beside it an object of each other kind that a definition defines."""
    return [
        *shop(),
        service("c", exported=False),
        made("ServiceExport", "c"),
        made("WorkloadEntry", "w", spec={"address": "10.0.0.9"}),
        made("GlobalService", "a", spec={"pins": ["240.0.0.7"]}),
        made("ClusterFence", "f", spec={"cluster": "west", "at": "2026-01-02T03:04:05Z"}),
    ]
