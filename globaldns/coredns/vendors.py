"""Words for those who own a cluster's DNS: what to tell them, and where.

What vendors offer goes stale: each text names the page that is the vendor's own word.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from globaldns.coredns.corefile import parse_corefile
from globaldns.coredns.editing import Options, install
from globaldns.coredns.platforms import Platform
from globaldns.coredns.rendering import UNKNOWN, Build, render_blocks
from globaldns.coredns.stub import Stub, refuse_fallthrough
from globaldns.coredns.surroundings import surroundings_of
from globaldns.documents import format_yaml
from globaldns.errors import StubError


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """What a person does where we must not."""

    where: str
    """The vendor's own path: a command, or an object and its key."""
    snippet: str
    """What is put there, to the byte."""
    page: str
    note: str = ""
    """What has to be known before."""


def advise(platform: Platform, stub: Stub, base: str = "", build: Build = UNKNOWN) -> Advice:
    """Return what to do on a platform that is configured elsewhere; ``base`` is its Corefile.

    Raises:
        StubError: the platform cannot do what the stub says, or its Corefile is needed and empty.
    """
    return _ADVICE.get(platform, _by_hand)(stub, base, build)


def _eks_addon(stub: Stub, base: str, build: Build) -> Advice:
    return Advice(
        where="aws eks update-addon --cluster-name CLUSTER --addon-name coredns "
        "--resolve-conflicts OVERWRITE --configuration-values file://coredns.json",
        snippet=_json({"corefile": _whole(stub, base, build)}),
        page="https://docs.aws.amazon.com/eks/latest/userguide/coredns-add-on-update.html",
        note="values that the add-on has already belong into the same file",
    )


def _eks_auto(_stub: Stub, _base: str, _build: Build) -> Advice:
    metadata = {"proxyMetadata": {"ISTIO_META_DNS_CAPTURE": "true"}}
    return Advice(
        where="values of Istio: EKS Auto Mode runs CoreDNS on its nodes, where nobody can tell it",
        snippet=format_yaml({"meshConfig": {"defaultConfig": metadata}}),
        page="https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/",
        note="sidecars answer from the routes then; pods without one do not know our names",
    )


def _gke(stub: Stub, _base: str, _build: Build) -> Advice:
    refuse_fallthrough(stub, "Cloud DNS")
    addresses = ",".join(server.address for server in stub.servers)
    commands = [
        f"gcloud dns managed-zones create globaldns-{domain.replace('.', '-')} "
        f"--dns-name={domain}. --description=globaldns --visibility=private "
        f"--networks=NETWORK --private-forwarding-targets={addresses}\n"
        for domain in stub.domains
    ]
    return Advice(
        where="a forwarding zone of Cloud DNS for the cluster's VPC network",
        snippet="".join(commands),
        page="https://cloud.google.com/dns/docs/zones/forwarding-zones",
        note="it asks from 35.199.192.0/19, at port 53, and reaches no ClusterIP: the address has "
        "to be that of an internal load balancer",
    )


def _ack(stub: Stub, _base: str, _build: Build) -> Advice:
    refuse_fallthrough(stub, "ACK's CoreDNS")
    upstreams = [str(server) for server in stub.servers if ":" not in server.address]
    protocol = "tcp" if stub.force_tcp else ""
    forward = {"protocolStrategy": protocol, "upstreams": upstreams}
    return Advice(
        where="spec.zones of CustomDNSConfig default: kubectl apply -f FILE",
        snippet=format_yaml(
            {
                "apiVersion": "networking.alibabacloud.com/v1beta1",
                "kind": "CustomDNSConfig",
                "metadata": {"name": "default"},
                "spec": {"zones": [{"name": name, "forward": forward} for name in stub.domains]},
            }
        ),
        page="https://www.alibabacloud.com/help/en/ack/serverless-kubernetes/user-guide/"
        "managed-coredns-support-custom-parameter-configuration",
        note="zones that the object has already belong into the same list; it takes IPv4 only",
    )


def _cce(stub: Stub, _base: str, _build: Build) -> Advice:
    refuse_fallthrough(stub, "the CCE add-on")
    return Advice(
        where="parameter stub_domains of add-on CoreDNS: Add-ons, CoreDNS, Edit",
        snippet=_json({"stub_domains": {name: list(stub.targets) for name in stub.domains}}),
        page="https://support.huaweicloud.com/intl/en-us/usermanual-cce/cce_10_0129.html",
    )


def _yandex(stub: Stub, base: str, build: Build) -> Advice:
    return Advice(
        where="key Corefile of the ConfigMap that is mounted at /etc/coredns-user",
        snippet=_blocks(stub, base, build),
        page="https://yandex.cloud/en/docs/managed-kubernetes/",
        note="what the key has already stays in front",
    )


def _kops(stub: Stub, base: str, build: Build) -> Advice:
    lines = "".join(f"      {line}\n" for line in _whole(stub, base, build).splitlines())
    return Advice(
        where="kops edit cluster, then kops update cluster --yes",
        snippet=f"spec:\n  kubeDNS:\n    externalCoreFile: |\n{lines}",
        page="https://kops.sigs.k8s.io/cluster_spec/#kubedns",
    )


def _aks_local(stub: Stub, _base: str, _build: Build) -> Advice:
    refuse_fallthrough(stub, "LocalDNS")
    zone = {
        "queryLogging": "Error",
        "protocol": "ForceTCP" if stub.force_tcp else "PreferUDP",
        "forwardDestination": "ClusterCoreDNS",
        "forwardPolicy": "Sequential",
        "maxConcurrent": 1000,
        "cacheDurationInSeconds": stub.cache_seconds or 1,
        "serveStale": "Disable",
    }
    return Advice(
        where="az aks nodepool update --cluster-name CLUSTER --resource-group GROUP --name POOL "
        "--localdns-config localdns.json",
        snippet=_json({"mode": "Required", "kubeDNSOverrides": dict.fromkeys(stub.domains, zone)}),
        page="https://learn.microsoft.com/azure/aks/localdns-custom",
        note="zones that the profile has already, . and cluster.local among them, belong into the "
        "same file",
    )


def _by_hand(stub: Stub, base: str, build: Build) -> Advice:
    return Advice(
        where="the configuration of whatever answers the cluster's pods",
        snippet=_blocks(stub, base, build),
        page="https://coredns.io/manual/configuration/",
        note="written for CoreDNS",
    )


_ADVICE: Mapping[Platform, Callable[[Stub, str, Build], Advice]] = {
    Platform.EKS_ADDON: _eks_addon,
    Platform.EKS_AUTO: _eks_auto,
    Platform.GKE_AUTOPILOT: _gke,
    Platform.GKE_CLOUD_DNS: _gke,
    Platform.ACK: _ack,
    Platform.CCE: _cce,
    Platform.YANDEX: _yandex,
    Platform.KOPS: _kops,
    Platform.AKS_LOCAL_DNS: _aks_local,
}


def _blocks(stub: Stub, base: str, build: Build) -> str:
    lines = render_blocks(stub, surroundings_of(parse_corefile(base)), build)
    return "".join(f"{line}\n" for line in lines)


def _whole(stub: Stub, base: str, build: Build) -> str:
    """Return the Corefile with our blocks: who is told all of it must not lose the rest."""
    if not parse_corefile(base).blocks:
        raise StubError(
            "the whole Corefile has to be told, and it was not seen",
            code="build",
            hint="give the Corefile that the cluster's CoreDNS has now",
        )
    return install(base, stub, Options(build=build))


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"
