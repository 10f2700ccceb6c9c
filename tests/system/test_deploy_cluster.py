"""The chart and the kinds of globaldns.io on a real API server, as kubectl and helm see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import yaml

from globaldns.sources.scopes import DEFINED
from tests.system.administered import Administered
from tests.system.api_servers import ApiServer
from tests.system.deploying import (
    ALL_VALUES,
    CHART,
    KUSTOMIZE,
    NAMESPACE,
    Helm,
    find_programs,
    pod_spec,
    run,
)
from tests.system.openapi import write_schemas
from tests.system.running import ROOT

US = "globaldns:globaldns"
READER = "globaldns:globaldns-reader"
ISTIO = "istio-system:istio-reader-service-account"
CRDS = ("clusterfences", "globalservices", "vipledgers")


@pytest.fixture(scope="module")
def cluster(make_api_servers: Callable[..., list[ApiServer]]) -> Administered:
    """A cluster with a namespace of ours that wants the strictest pods, and no CRD."""
    running = Administered(*make_api_servers())
    strict = {f"pod-security.kubernetes.io/{how}": "restricted" for how in ("enforce", "warn")}
    for name, labels in (("istio-system", {}), (NAMESPACE, strict)):
        metadata = {"name": name, "labels": labels}
        assert not running.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return running


@pytest.fixture(scope="module")
def helm(cluster: Administered, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"), KUBECONFIG=str(cluster.kubeconfig))


@pytest.mark.parametrize("name", ALL_VALUES)
def test_the_server_takes_what_the_chart_renders(
    name: str, cluster: Administered, helm: Helm
) -> None:
    objects = helm.render(**ALL_VALUES[name])
    foreign = {"ServiceMonitor"}
    assert not cluster.try_out(*(item for key, item in objects.items() if key[0] not in foreign))


@pytest.mark.parametrize("name", ALL_VALUES)
def test_its_pods_pass_where_only_restricted_ones_do(
    name: str, cluster: Administered, helm: Helm
) -> None:
    spec = pod_spec(helm.render(**ALL_VALUES[name]))
    metadata = {"name": "trial", "namespace": NAMESPACE}
    assert not cluster.try_out(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    )


@pytest.fixture(scope="module")
def location(cluster: Administered, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The server's own schemas, for kubeconform."""
    return write_schemas(cluster, tmp_path_factory.mktemp("schemas") / "served")


def complaints(location: str, text: str) -> str:
    """Return what kubeconform has against manifests; no server of ours knows ServiceMonitors."""
    program = find_programs("kubeconform")["kubeconform"]
    known = ("-strict", "-summary", "-skip", "ServiceMonitor", "-schema-location", location)
    done = run(program, *known, text=text)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("name", ALL_VALUES)
def test_what_the_chart_renders_has_the_fields_of_its_kinds(
    name: str, location: str, helm: Helm
) -> None:
    assert complaints(location, helm.template(**ALL_VALUES[name]).stdout) == ""


@pytest.mark.parametrize("folder", ["base", "overlays/kind"])
def test_what_kustomize_builds_has_the_fields_of_its_kinds(
    folder: str, location: str, cluster: Administered
) -> None:
    done = cluster.kubectl("kustomize", KUSTOMIZE / folder)
    assert done.returncode == 0, done.stderr
    assert complaints(location, done.stdout) == ""


def test_a_field_that_a_kind_does_not_have_is_found(location: str, helm: Helm) -> None:
    objects = helm.render(cluster="east")
    pod_spec(objects)["containers"][0]["securityContext"]["readOnly"] = True
    found = complaints(location, yaml.safe_dump_all(objects.values()))
    assert "readOnly" in found
    assert "Invalid: 1" in found


def test_an_overlay_is_taken_as_a_whole(cluster: Administered) -> None:
    done = cluster.kubectl("kustomize", KUSTOMIZE / "overlays/kind")
    assert not cluster.try_out(*yaml.safe_load_all(done.stdout))


def test_the_crds_can_be_applied_by_hand(cluster: Administered) -> None:
    done = cluster.kubectl("apply", "--dry-run=server", "-f", ROOT / "deploy/crds")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(CRDS)


@pytest.fixture(scope="module")
def installed(cluster: Administered, helm: Helm) -> Administered:
    """The cluster with the chart in it."""
    change(helm, "install")
    wanted = [f"crd/{name}.globaldns.io" for name in CRDS]
    done = cluster.kubectl("wait", "--for=condition=established", "--timeout=30s", *wanted)
    assert done.returncode == 0, done.stderr
    return cluster


def change(helm: Helm, command: str, **values: Any) -> None:
    """Install or upgrade the release."""
    arguments = (command, "globaldns", CHART, "--namespace", NAMESPACE)
    done = helm.run(*arguments, cluster="east", **values)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def uninstall(helm: Helm) -> None:
    done = helm.run("uninstall", "globaldns", "--namespace", NAMESPACE)
    assert done.returncode == 0, done.stderr


def test_the_reinstalled_address_is_the_first_one_and_the_ledger_is_still_there(
    installed: Administered, helm: Helm
) -> None:
    def addresses() -> Any:
        return installed.get("service", "globaldns", "-n", NAMESPACE)["spec"]["clusterIPs"]

    first = addresses()
    assert len(first) == 2
    assert not installed.apply(vip_ledger())
    uninstall(helm)
    assert installed.kubectl("get", "deployment", "globaldns", "-n", NAMESPACE).returncode
    change(helm, "install")
    change(helm, "upgrade", extraLabels={"team": "x"})
    assert addresses() == first
    assert installed.get("vipledger", "shard", "-n", NAMESPACE)["spec"]["role"] == "own"


def vip_ledger(**spec: Any) -> dict[str, Any]:
    marker = {"id": "first", "created": "2026-01-02T03:04:05Z"}
    return {
        "apiVersion": "globaldns.io/v1alpha1",
        "kind": "VIPLedger",
        "metadata": {"name": "shard", "namespace": NAMESPACE},
        "spec": {"cluster": "east", "marker": marker, **spec},
    }


Question = tuple[str, str, str, str]
"""Account, verb, ``resource.group[/subresource][:name]``, namespace."""


def ask(who: str, verbs: str, what: str, namespace: str = "") -> list[Question]:
    """Return a question for each verb and each resource."""
    return [(who, verb, kind, namespace) for verb in verbs.split() for kind in what.split()]


READ = "get list watch"
WRITE = "create patch update delete"
ENTRIES = "serviceentries.networking.istio.io"
ROUTES = "destinationrules.networking.istio.io gateways.networking.istio.io"
READ_ONLY = """
    services pods endpointslices.discovery.k8s.io serviceexports.multicluster.x-k8s.io
    workloadentries.networking.istio.io"""
EXPORTS = f"{READ_ONLY} {ENTRIES}"
OURS = "vipledgers.globaldns.io globalservices.globaldns.io clusterfences.globaldns.io"
LEASE = "leases.coordination.k8s.io:globaldns"
ROOT_CERTIFICATE = "configmaps:istio-ca-root-cert"
DEFINITIONS = " ".join(
    f"customresourcedefinitions.apiextensions.k8s.io:{kind}"
    for kind in map(str, sorted(DEFINED, key=str))
)
MESH_CONFIG = "configmaps:istio"
ALLOWED = [
    *ask(US, READ, f"{EXPORTS} {OURS}", "shop"),
    *ask(US, READ, "nodes namespaces"),
    *ask(READER, READ, f"{EXPORTS} {OURS}", "shop"),
    *ask(READER, READ, "nodes namespaces"),
    *ask(ISTIO, READ, OURS, "shop"),
    *(question for who in (US, READER, ISTIO) for question in ask(who, "get", ROOT_CERTIFICATE)),
    *(question for who in (US, READER, ISTIO) for question in ask(who, "get", DEFINITIONS)),
    *ask(US, "create patch delete", "globalservices.globaldns.io", "shop"),
    *ask(US, "patch", "globalservices.globaldns.io/status", "shop"),
    *ask(US, "create patch", "clusterfences.globaldns.io"),
    *ask(US, READ, ROUTES, "shop"),
    *ask(US, "list watch", "sidecars.networking.istio.io", "shop"),
    *ask(US, READ, MESH_CONFIG, "istio-system"),
    *ask(US, "create update delete", f"{ENTRIES} {ROUTES}", "shop"),
    *ask(US, "create update delete", "vipledgers.globaldns.io", NAMESPACE),
    *ask(US, "create", "leases.coordination.k8s.io", NAMESPACE),
    *ask(US, "get update", LEASE, NAMESPACE),
    *ask(US, READ, "secrets", NAMESPACE),
]
REFUSED = [
    *ask(US, "update deletecollection", "globalservices.globaldns.io", "shop"),
    *ask(US, "create update delete", "globalservices.globaldns.io/status", "shop"),
    *ask(US, "update delete deletecollection", "clusterfences.globaldns.io"),
    *ask(US, READ, "secrets", "kube-system"),
    *ask(US, READ, "secrets", "istio-system"),
    *ask(US, READ, "secrets configmaps"),
    *ask(US, f"list watch {WRITE}", ROOT_CERTIFICATE, "istio-system"),
    *ask(US, READ, "configmaps:other", "istio-system"),
    *ask(US, WRITE, MESH_CONFIG, "istio-system"),
    *ask(US, READ, "configmaps:istio-canary", "istio-system"),
    *ask(US, f"get {WRITE}", "sidecars.networking.istio.io", "shop"),
    *ask(US, f"list watch {WRITE}", DEFINITIONS),
    *ask(READER, READ, "customresourcedefinitions.apiextensions.k8s.io"),
    *ask(READER, "get", MESH_CONFIG, "istio-system"),
    *ask(US, WRITE, f"{READ_ONLY} configmaps vipledgers.globaldns.io", "shop"),
    *ask(US, "patch deletecollection", f"{ENTRIES} {ROUTES}", "shop"),
    *ask(US, "create", "virtualservices.networking.istio.io", "shop"),
    *ask(US, WRITE, "secrets configmaps pods deployments.apps", NAMESPACE),
    *ask(US, WRITE, "nodes namespaces clusterroles.rbac.authorization.k8s.io"),
    *ask(US, "patch deletecollection", "vipledgers.globaldns.io", NAMESPACE),
    *ask(US, "patch delete", LEASE, NAMESPACE),
    *ask(US, "get update", "leases.coordination.k8s.io:other", NAMESPACE),
    *ask(US, "create", "pods/exec serviceaccounts/token", NAMESPACE),
    *ask(US, "impersonate", "users serviceaccounts"),
    *ask(READER, READ, "secrets", NAMESPACE),
    *ask(READER, WRITE, f"{EXPORTS} {OURS} {ROUTES}", NAMESPACE),
    *ask(READER, "patch update", "globalservices.globaldns.io/status", NAMESPACE),
    *ask(ISTIO, READ, "pods services secrets", "shop"),
    *ask(ISTIO, WRITE, OURS, NAMESPACE),
]


def review(question: Question) -> dict[str, Any]:
    """Return what ``kubectl auth can-i --as`` asks the server."""
    who, verb, what, namespace = question
    path, _, name = what.partition(":")
    kind, _, subresource = path.partition("/")
    resource, _, group = kind.partition(".")
    groups = ["serviceaccounts", f"serviceaccounts:{who.partition(':')[0]}", "authenticated"]
    attributes = {
        "verb": verb,
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "name": name,
        "namespace": namespace,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{who}",
            "groups": [f"system:{group}" for group in groups],
            "resourceAttributes": attributes,
        },
    }


def allowed(cluster: Administered, questions: Iterable[Question]) -> list[Question]:
    """Return the questions to which the server says yes."""
    asked = list(questions)
    reviews = {"apiVersion": "v1", "kind": "List", "items": list(map(review, asked))}
    answer = 'jsonpath={.status.allowed}{"\\n"}'
    done = cluster.kubectl("create", "-f", "-", "-o", answer, text=json.dumps(reviews))
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split()
    assert set(answers) <= {"true", "false"}
    pairs = zip(asked, answers, strict=True)
    return [question for question, said in pairs if said == "true"]


def test_everything_that_is_used_is_allowed(installed: Administered) -> None:
    assert set(ALLOWED) - set(allowed(installed, ALLOWED)) == set()


def test_nothing_else_is_allowed(installed: Administered) -> None:
    assert allowed(installed, REFUSED) == []


def test_a_purge_leaves_nothing(installed: Administered, helm: Helm) -> None:
    change(helm, "upgrade", purge=True)
    uninstall(helm)
    gone = [f"crd/{name}.globaldns.io" for name in CRDS]
    installed.kubectl("wait", "--for=delete", "--timeout=30s", *gone)
    assert installed.get("crds")["items"] == []
    kinds = "services,deployments,roles,rolebindings,pdb,networkpolicies,serviceaccounts"
    left = installed.get(f"{kinds},clusterroles,clusterrolebindings", "-A")["items"]
    assert [item["metadata"]["name"] for item in left if "globaldns" in str(item["metadata"])] == []
