"""One cluster's objects into its view, incrementally.

An entry is judged as it comes. A Service is judged when somebody asks, because its slices and pods
come one by one: ``put`` and ``remove`` only note which exports an object touches. The view depends
on the objects only, not on the order in which they came, but for what keeps its last good version:
refused objects, and gateways that lost their address.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from globaldns.errors import InvalidObject
from globaldns.exports import marks
from globaldns.exports.contest import Contest
from globaldns.exports.context import Context, Shared
from globaldns.exports.entry_ports import read_ports
from globaldns.exports.facets import DECLARATIONS, Declaration, Facets
from globaldns.exports.gateways import warn_gateway
from globaldns.exports.keeping import Store
from globaldns.exports.problem import Problem, as_problem, report
from globaldns.exports.refusal import refuse
from globaldns.exports.relations import Relations
from globaldns.exports.rules import ExportRules
from globaldns.exports.service import export_service, warn_missing
from globaldns.exports.service_entry import export_entry, forget_allocation, served_hosts
from globaldns.exports.validation import warnings
from globaldns.model.export import Origin
from globaldns.model.finding import Finding
from globaldns.model.host import Host, service_host
from globaldns.model.view import Change, ClaimSet, View
from globaldns.objects import Object, ObjectKey
from globaldns.objects.istio import ServiceEntry
from globaldns.objects.kubernetes import Namespace, Service, ServiceExport

_WRITTEN_BY_US = (ServiceEntry, Service, ServiceExport)
"""Kinds that count only when a person, or another program, wrote them."""


class ClusterExports:
    """The view of one cluster, from its objects; ``remembered`` is what others hold already."""

    def __init__(self, settings: ExportRules, remembered: View | None = None) -> None:
        known = remembered or View(settings.cluster)
        self._rules = settings
        self._store = Store(
            {settings.exports.annotation, marks.VIP, marks.OWNED_BY, marks.REMOVED_KINDS}
        )
        self._relations = Relations()
        self._contest = Contest(settings.cluster, known.exports)
        self._facets = Facets(settings, known.gateway_services)
        self._foreign_gateways: frozenset[str] = frozenset()
        self._context = Context(
            rules=settings,
            shared=Shared(),
            network=settings.network,
            gateways=frozenset(gateway.address for gateway in settings.gateways),
        )
        self._is_context_stale = False
        self._stale: dict[ObjectKey, None] = {}
        """Entries and Services to be judged again, in the order in which they were touched."""
        self._refused: dict[ObjectKey, tuple[Finding, ...]] = {}
        self._remarks: dict[ObjectKey, tuple[Finding, ...]] = {}

    def put(
        self,
        resource: Object,
        file: str = "",
        identity: ObjectKey | None = None,
        *,
        is_valid: bool = False,
    ) -> None:
        """Take a new or changed object; one that is refused keeps its last good version.

        ``identity`` is its key, where that is known; ``is_valid``: it is known that Istio would not
        refuse it.
        """
        identity = identity or self._identify(resource)
        if isinstance(resource, _WRITTEN_BY_US) and marks.is_owned(resource.metadata):
            self.remove(identity)
            return
        if isinstance(resource, ServiceEntry):
            if not self._rules.exports.service_entries:
                return
            resource = forget_allocation(resource, self._rules)
        if isinstance(resource, DECLARATIONS):
            problems = self._declare(identity, resource, file)
        else:
            problems = refuse(resource, self._rules, is_valid=is_valid)
            if not problems:
                self._keep(identity, resource, file)
        if problems:
            said = [(identity, problem) for problem in problems]
            self._refused[identity] = self._report(said, {identity: file})
        else:
            self._refused.pop(identity, None)

    def remove(self, key: ObjectKey) -> None:
        """Forget an object, by its owner's own word."""
        self._refused.pop(key, None)
        if self._facets.remove(key):
            self._is_context_stale = True
        former = self._store.find(key)
        if former is not None:
            self._forget(key, former)
            self._store.remove(key)

    def begin(self) -> None:
        """Take what there is for told, and every change from now on for news."""
        self.settle()
        self._contest.begin()
        self._facets.begin(self._context.network)

    def set_foreign_gateways(self, addresses: frozenset[str]) -> None:
        """Learn the gateways of all other clusters: entries that lead there are routes."""
        if addresses != self._foreign_gateways:
            self._foreign_gateways = addresses
            self._is_context_stale = True

    def settle(self) -> None:
        """Judge what was touched; early, what all exports depend on costs little."""
        if self._is_context_stale:
            self._is_context_stale = False
            self._renew_context()
        stale, self._stale = self._stale, {}
        for identity in stale:
            if identity.kind == Service.kind:
                self._judge_service(identity)
            else:
                entry = self._store.get(ServiceEntry, identity.namespace, identity.name)
                if entry is not None:
                    self._judge_entry(identity, entry, self._store.file(identity))

    def changes(self) -> list[Change]:
        """Return what changed in the view since the last call."""
        self.settle()
        return [*self._contest.drain(), *self._facets.drain(self._context.network)]

    def view(self) -> View:
        """Return the whole view, its exports in no order; its freshness is the source's to say."""
        self.settle()
        facets = self._facets.view(self._context.network)
        return msgspec.structs.replace(facets, exports=self._contest.exports())

    def kept(self) -> ClaimSet:
        """Return what this cluster keeps of our own ledger.

        Raises:
            InvalidObject: a part of it cannot be read.
        """
        return self._facets.kept()

    def namespaces(self) -> frozenset[str]:
        """Return the namespaces that the cluster has and keeps, as far as its objects show."""
        return self._store.namespaces()

    def leaving_namespaces(self) -> frozenset[str]:
        """Return the namespaces that are being deleted."""
        return self._store.leaving_namespaces()

    def ambient_namespaces(self) -> frozenset[str]:
        """Return the namespaces for whose pods their nodes speak HBONE."""
        return self._store.labelled_namespaces(marks.DATAPLANE, marks.AMBIENT)

    def services(self) -> frozenset[Host]:
        """Return the hosts of all Services that others wrote, exported or not."""
        return self._store.services()

    def removed_kinds(self) -> frozenset[str]:
        """Return the kinds that the cluster says were removed for good."""
        system = self._store.get(Namespace, "", marks.SYSTEM)
        return frozenset() if system is None else marks.removed_kinds(system.metadata)

    def has(self, key: ObjectKey) -> bool:
        """Whether an object is there that counts: one that was ever taken, and is not ours."""
        return self._store.has(key) or self._facets.has(key)

    def is_refused(self, key: ObjectKey) -> bool:
        """Whether the latest version of an object is refused, and its last good one stands."""
        return key in self._refused

    def findings(self) -> list[Finding]:
        """Return what is wrong now, sorted by file and object; lines are the source's to add."""
        self.settle()
        found = [finding for findings in self._refused.values() for finding in findings]
        for identity, findings in self._remarks.items():
            if identity not in self._refused:
                found.extend(findings)
        found.extend(self._facets.findings())
        return sorted(found, key=lambda one: (one.file, one.object, one.path, one.code))

    def _identify(self, resource: Object) -> ObjectKey:
        metadata = resource.metadata
        namespace = self._context.shared.share(metadata.namespace) if resource.is_namespaced else ""
        return ObjectKey(resource.kind, namespace, metadata.name)

    def _declare(self, identity: ObjectKey, resource: Declaration, file: str) -> list[Problem]:
        """Take what an object says beside exports; return why it is refused."""
        try:
            self._facets.put(identity, resource, file)
        except InvalidObject as error:
            return [as_problem(error)]
        return []

    def _keep(self, identity: ObjectKey, resource: Object, file: str) -> None:
        """Keep an object and note what it touches, as it was and as it is."""
        kept = self._store.pack(resource, file)
        former = self._store.swap(identity, kept)
        if former == kept:
            return
        if former is not None:
            self._forget(identity, self._store.unpack(identity, former))
        self._relations.add(resource)
        if isinstance(resource, ServiceEntry):
            self._judge_entry(identity, resource, file)
            return
        self._touch(resource)
        self._facets.add_ranges(resource)
        if isinstance(resource, Service) and self._facets.put_service(identity, resource):
            self._is_context_stale = True

    def _forget(self, identity: ObjectKey, former: Object) -> None:
        """Undo what an object did, but for the work on what it touched."""
        if isinstance(former, ServiceEntry):
            self._remarks.pop(identity, None)
            for _, host, _ in served_hosts(former, self._rules.zones):
                self._contest.remove(host, identity)
        else:
            self._touch(former)
            self._facets.discard_ranges(former)
        self._relations.discard(former)

    def _touch(self, resource: Object) -> None:
        """Note what an object is part of."""
        if isinstance(resource, Namespace):
            self._is_context_stale = True
        for touched in self._relations.touched(resource, self._store):
            self._stale[touched] = None

    def _renew_context(self) -> None:
        """Learn network and gateways anew; only entries that mention a gateway depend on those."""
        former = self._context
        system = self._store.get(Namespace, "", self._rules.system_namespace)
        labelled = system.metadata.labels.get(marks.NETWORK, "") if system else ""
        network = self._rules.network or labelled
        own = {gateway.address for gateway in self._facets.gateways(network)}
        gateways = self._foreign_gateways | own
        self._context = msgspec.structs.replace(former, network=network, gateways=gateways)
        touched: Iterable[ObjectKey] = self._store.mentioning(
            ServiceEntry, gateways ^ former.gateways
        )
        if network != former.network:
            touched = self._store.keys(ServiceEntry, Service)
        self._stale.update(dict.fromkeys(touched))

    def _judge_entry(self, identity: ObjectKey, entry: ServiceEntry, file: str) -> None:
        """Export an entry, and say what is wrong with it."""
        origin = Origin(identity.kind, identity.namespace, identity.name, file)
        ports = read_ports(entry.spec.ports)
        if self._is_left_out(identity.namespace):
            for _, host, _ in served_hosts(entry, self._rules.zones):
                self._contest.remove(host, identity)
            self._remark(identity, [])
            return
        exports, problems = export_entry(
            entry, ports, origin, store=self._store, context=self._context
        )
        for export in exports:
            self._contest.put(export)
        if exports:
            problems += warnings(entry, ports)
        if problems or identity in self._remarks:
            self._remark(identity, [(identity, problem) for problem in problems])

    def _judge_service(self, identity: ObjectKey) -> None:
        """Export a Service if it is to be, and say what is wrong with it."""
        service = self._store.get(Service, identity.namespace, identity.name)
        if self._is_left_out(identity.namespace):
            self._contest.remove(service_host(identity.name, identity.namespace), identity)
            self._remark(identity, [])
            return
        if service is None:
            self._contest.remove(service_host(identity.name, identity.namespace), identity)
            self._remark(identity, self._say_missing(identity))
            return
        export, problems = export_service(
            service,
            Origin(identity.kind, identity.namespace, identity.name, self._store.file(identity)),
            self._relations.slices(identity, self._store),
            store=self._store,
            context=self._context,
        )
        if export is None:
            self._contest.remove(service_host(identity.name, identity.namespace), identity)
        else:
            self._contest.put(export)
        problems += warn_gateway(service, self._rules, self._facets.gateway_service(identity))
        self._remark(identity, [(identity, problem) for problem in problems])

    def _is_left_out(self, namespace: str) -> bool:
        """Whether a namespace lacks what the configuration selects."""
        selector = self._rules.namespace_selector
        if not selector:
            return False
        found = self._store.get(Namespace, "", namespace)
        return found is None or not found.metadata.labels.items() >= {*selector}

    def _remark(self, identity: ObjectKey, said: list[tuple[ObjectKey, Problem]]) -> None:
        """Remember what is to be said of an export; a ServiceExport may be what is wrong."""
        if said:
            files = {about: self._store.file(about) for about, _ in said}
            self._remarks[identity] = self._report(said, files)
        else:
            self._remarks.pop(identity, None)

    def _say_missing(self, identity: ObjectKey) -> list[tuple[ObjectKey, Problem]]:
        """Return the warning about a ServiceExport of a Service that does not exist."""
        wish = ObjectKey(ServiceExport.kind, identity.namespace, identity.name)
        wanted = self._rules.exports.service_exports and self._store.find(wish) is not None
        return [(wish, warn_missing(identity))] if wanted else []

    def _report(
        self, said: Iterable[tuple[ObjectKey, Problem]], files: dict[ObjectKey, str]
    ) -> tuple[Finding, ...]:
        return tuple(
            report(problem, key=about, file=files[about], cluster=self._rules.cluster)
            for about, problem in said
        )
