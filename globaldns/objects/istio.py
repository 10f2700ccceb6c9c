"""Kinds of networking.istio.io (v1, v1beta1 and v1alpha3 are one type), and MeshConfig.

ServiceEntries and WorkloadEntries are exports; DestinationRules and Sidecars stand beside routes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from globaldns.model.export import Location, Resolution
from globaldns.objects.metadata import NOTHING, Resource, Slim

NO_PORTS: Mapping[str, int] = MappingProxyType({})
"""The one empty mapping that endpoints without ports share."""


class ServicePort(Slim, frozen=True):
    """``spec.ports[]`` of a ServiceEntry."""

    number: int
    name: str = ""
    protocol: str = ""
    target_port: int = 0
    """0: the same as ``number``."""


class WorkloadEntrySpec(Slim, frozen=True):
    """``spec`` of a WorkloadEntry, and ``spec.endpoints[]`` of a ServiceEntry."""

    address: str = ""
    """An IP address, a DNS name, ``unix://`` and a path; may be empty where ``network`` is set."""
    ports: Mapping[str, int] = NO_PORTS
    """Port name to the workload's own number."""
    labels: Mapping[str, str] = NOTHING
    network: str = ""
    locality: str = ""
    weight: int = 0
    service_account: str = ""


class WorkloadSelector(Slim, frozen=True):
    """``spec.workloadSelector``."""

    labels: Mapping[str, str] = NOTHING


class ServiceEntrySpec(Slim, frozen=True):
    """``spec`` of a ServiceEntry."""

    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    location: Location = Location.MESH_EXTERNAL
    resolution: Resolution = Resolution.NONE
    endpoints: tuple[WorkloadEntrySpec, ...] = ()
    workload_selector: WorkloadSelector | None = None
    export_to: tuple[str, ...] = ()
    subject_alt_names: tuple[str, ...] = ()


class AllocatedAddress(Slim, frozen=True):
    """``status.addresses[]`` of a ServiceEntry: Istio's own allocation."""

    value: str
    host: str = ""


class ServiceEntryStatus(Slim, frozen=True):
    """``status`` of a ServiceEntry."""

    addresses: tuple[AllocatedAddress, ...] = ()


class ServiceEntry(Resource, frozen=True):
    """A service that a person, or a program, described to Istio."""

    kind: ClassVar[str] = "ServiceEntry"

    spec: ServiceEntrySpec
    status: ServiceEntryStatus | None = None


class WorkloadEntry(Resource, frozen=True):
    """A workload that is no pod, such as a virtual machine."""

    kind: ClassVar[str] = "WorkloadEntry"

    spec: WorkloadEntrySpec


class DestinationRuleSpec(Slim, frozen=True):
    """``spec`` of a DestinationRule, as far as it stands beside ours."""

    host: str
    traffic_policy: Mapping[str, object] | None = None


class DestinationRule(Resource, frozen=True):
    """How clients call a host."""

    kind: ClassVar[str] = "DestinationRule"

    spec: DestinationRuleSpec


class SidecarEgress(Slim, frozen=True):
    """``spec.egress[]`` of a Sidecar."""

    hosts: tuple[str, ...] = ()
    """``namespace/dnsName``."""


class SidecarSpec(Slim, frozen=True):
    """``spec`` of a Sidecar, as far as it hides anything."""

    egress: tuple[SidecarEgress, ...] = ()


class Sidecar(Resource, frozen=True):
    """What clients of a namespace see."""

    kind: ClassVar[str] = "Sidecar"

    spec: SidecarSpec = SidecarSpec()


class MatchExpression(Slim, frozen=True):
    """``matchExpressions[]`` of a label selector (meta/v1)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Slim, frozen=True):
    """A label selector (meta/v1)."""

    match_labels: Mapping[str, str] = NOTHING
    match_expressions: tuple[MatchExpression, ...] = ()


class MeshConfig(Slim, frozen=True):
    """istiod's own configuration (istio.mesh.v1alpha1), as far as it hides anything."""

    root_namespace: str = ""
    discovery_selectors: tuple[LabelSelector, ...] = ()
    default_service_export_to: tuple[str, ...] = ()
    default_destination_rule_export_to: tuple[str, ...] = ()
