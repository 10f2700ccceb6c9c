"""Targets of every shape, and the Corefiles beside them."""

from __future__ import annotations

from globaldns.coredns.targets import Shape, Target
from tests.coredns.collection import COREFILES, IMPORTING, stub

MOVED = stub(server="10.96.0.7")

COREFILE = Target(
    shape=Shape.COREFILE,
    resource="configmaps",
    namespace="kube-system",
    name="coredns",
    key="Corefile",
)
CUSTOM = Target(
    shape=Shape.CUSTOM,
    resource="configmaps",
    namespace="kube-system",
    name="coredns-custom",
    key="globaldns.server",
)
STUB_DOMAINS = Target(
    shape=Shape.STUB_DOMAINS,
    resource="configmaps",
    namespace="kube-system",
    name="kube-dns",
    key="stubDomains",
)
OPENSHIFT = Target(
    shape=Shape.OPENSHIFT,
    resource="dnses.operator.openshift.io",
    name="default",
    key="spec.servers",
)
RKE2 = Target(
    shape=Shape.HELM_VALUES,
    resource="helmchartconfigs.helm.cattle.io",
    namespace="kube-system",
    name="rke2-coredns",
    key="spec.valuesContent",
)
BASES = {CUSTOM: IMPORTING["k3s"], RKE2: COREFILES["rke2"]}
