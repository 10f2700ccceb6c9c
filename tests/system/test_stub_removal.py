"""``helm uninstall`` takes out of the cluster's DNS what it was told, and may do no more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from globaldns.cli import main
from tests.stubs.platforms import KUBEADM, Object, config_map
from tests.system.api_servers import ApiServer
from tests.system.deploying import CHART, Helm
from tests.system.running import CEILING, wait_until
from tests.system.sites import namespace
from tests.system.telling import GROUPS, US

NAME = "globaldns-stub-removal"
REMOVER = f"system:serviceaccount:{US}:{NAME}"
BEFORE = KUBEADM[0]["data"]["Corefile"]
VALUES: dict[str, Any] = {
    "cluster": "east",
    "config": {"stub": {"manage": True}},
    "stubRemoval": {"waitSeconds": 0},
}


class Release:
    """The chart in a cluster whose DNS is told of it; nothing runs but its API server."""

    def __init__(self, api: ApiServer, helm: Helm) -> None:
        self.api = api
        self.helm = helm

    def install(self, **values: Any) -> None:
        arguments = ("install", US, CHART, "--namespace", US)
        done = self.helm.run(*arguments, **{**VALUES, **values})
        assert done.returncode == 0, done.stderr

    def stub(self, user: str, *arguments: str) -> Result:
        """Run ``globaldns stub`` with the configuration of the chart and somebody's rights."""
        found = self.api.get("configmaps", US, US)
        assert found is not None
        config = yaml.safe_load(found["data"]["globaldns.yaml"])
        kubeconfig = str(self.api.kubeconfig_file("east", user))
        config["clusters"]["east"]["source"]["kubernetes"]["kubeconfig"] = kubeconfig
        config.pop("remote_secrets", None)
        path = self.helm.folder / "globaldns.yaml"
        path.write_text(yaml.safe_dump(config))
        line = [str(path) if one.endswith("globaldns.yaml") else one for one in arguments]
        return CliRunner(env={"NO_COLOR": "1"}).invoke(main, line)

    def tell(self) -> None:
        done = self.stub("admin", "stub", "install", "--config", "globaldns.yaml")
        assert done.exit_code == 0, done.output
        assert "# BEGIN globaldns" in self.corefile

    @property
    def corefile(self) -> str:
        found = self.api.get("configmaps", "coredns", "kube-system")
        assert found is not None
        return str(found["data"]["Corefile"])

    @property
    def job(self) -> Object | None:
        return self.api.get("jobs.batch", NAME, US)

    def finish_job(self) -> None:
        """Have the Job be over, as its controller would say."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        conditions = [
            {"type": kind, "status": "True"} for kind in ("SuccessCriteriaMet", "Complete")
        ]
        status = {
            "startTime": now,
            "completionTime": now,
            "succeeded": 1,
            "conditions": [{**one, "lastTransitionTime": now} for one in conditions],
        }
        path = f"/apis/batch/v1/namespaces/{US}/jobs/{NAME}/status"
        code, said = self.api.request(
            "PATCH", path, {"status": status}, content_type="application/merge-patch+json"
        )
        assert code == 200, said

    def left(self) -> list[str]:
        """Return what is there of the hook."""
        kinds = {
            "jobs.batch": US,
            "serviceaccounts": US,
            "roles.rbac.authorization.k8s.io": "",
            "rolebindings.rbac.authorization.k8s.io": "",
            "clusterroles.rbac.authorization.k8s.io": "",
            "clusterrolebindings.rbac.authorization.k8s.io": "",
        }
        found = (one for kind in kinds for one in self.api.objects(kind))
        return [
            one["metadata"]["name"] for one in found if one["metadata"]["name"].startswith(NAME)
        ]


@pytest.fixture(scope="module")
def api(make_api_servers: Callable[..., list[ApiServer]]) -> ApiServer:
    (running,) = make_api_servers(1, {REMOVER: GROUPS})
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    strict = namespace(US)
    strict["metadata"]["labels"] = {**strict["metadata"].get("labels", {}), **labels}
    running.apply(strict, *KUBEADM)
    return running


@pytest.fixture
def release(api: ApiServer, tmp_path: Path) -> Iterator[Release]:
    """Give a release that is not there yet, and is gone afterwards."""
    api.apply(config_map("coredns", KUBEADM[0]["data"]))
    helm = Helm(tmp_path, KUBECONFIG=str(api.kubeconfig_file()))
    yield Release(api, helm)
    helm.run("uninstall", US, "--namespace", US, "--no-hooks")
    background = "?propagationPolicy=Background"
    api.request("DELETE", f"/apis/batch/v1/namespaces/{US}/jobs/{NAME}{background}")
    api.request("DELETE", f"/api/v1/namespaces/{US}/configmaps/globaldns-stub")


def uninstall(release: Release, *options: str) -> subprocess.Popen[str]:
    """Start to uninstall it."""
    command = [release.helm.program, "uninstall", US, "--namespace", US, *options]
    environment = {**os.environ, **release.helm.environment}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_an_uninstall_takes_out_what_was_told_before_anything_is_deleted(
    release: Release,
) -> None:
    api = release.api
    release.install()
    release.tell()
    with uninstall(release) as running:
        wait_until(lambda: release.job is not None, "the Job is there")
        job = release.job
        assert job is not None
        spec = job["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] == NAME
        assert api.get("deployments.apps", US, US) is not None
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}, "spec": spec}
        code, said = api.request("POST", f"/api/v1/namespaces/{US}/pods?dryRun=All", pod)
        assert code == 201, said
        labels = job["spec"]["template"]["metadata"]["labels"]
        service = api.get("services", US, US)
        assert service is not None
        assert not service["spec"]["selector"].items() <= labels.items()
        arguments = spec["containers"][0]["args"]
        wait_until(
            lambda: release.stub(REMOVER, "stub", "detect", *arguments[-2:]).exit_code == 0,
            "the roles are known",
        )
        refused(api)
        done = release.stub(REMOVER, *arguments)
        assert done.exit_code == 0, done.output
        assert release.corefile == BEFORE
        release.finish_job()
        printed, _ = running.communicate(timeout=CEILING)
        assert running.returncode == 0, printed
    assert release.left() == []
    assert api.get("deployments.apps", US, US) is None
    record = api.get("configmaps", "globaldns-stub", US)
    assert record is not None
    assert record["metadata"]["ownerReferences"][0]["kind"] == "ConfigMap"
    assert release.corefile == BEFORE


def refused(api: ApiServer) -> None:
    """See that the account may do nothing else."""
    merge = {"content_type": "application/merge-patch+json", "user": REMOVER}
    core, kube_system = f"/api/v1/namespaces/{US}", "/api/v1/namespaces/kube-system"
    body = {"metadata": {"labels": {"a": "b"}}}
    for method, path in (
        ("GET", f"{core}/secrets"),
        ("GET", "/api/v1/secrets"),
        ("GET", f"{core}/configmaps"),
        ("PATCH", f"{core}/configmaps/globaldns"),
        ("DELETE", f"{core}/services/globaldns"),
        ("PATCH", f"{kube_system}/configmaps/theirs"),
        ("DELETE", f"{kube_system}/configmaps/coredns"),
        ("POST", f"{kube_system}/configmaps"),
        ("DELETE", f"/apis/apps/v1/namespaces/{US}/deployments/globaldns"),
        ("PATCH", f"/apis/coordination.k8s.io/v1/namespaces/{US}/leases/globaldns"),
        ("GET", f"/apis/globaldns.io/v1alpha1/namespaces/{US}/vipledgers"),
    ):
        sent = None if method in {"GET", "DELETE"} else body
        assert api.request(method, path, sent, **merge)[0] == 403, (method, path)


def test_while_the_job_fails_nothing_is_deleted(release: Release) -> None:
    release.install()
    release.tell()
    told = release.corefile
    with uninstall(release, "--timeout", "30s") as running:
        printed, _ = running.communicate(timeout=CEILING)
    assert running.returncode != 0
    assert "timed out" in printed
    assert release.corefile == told
    assert release.api.get("deployments.apps", US, US) is not None
    assert release.job is not None


@pytest.mark.parametrize(
    "values",
    [{"config": {}}, {"stubRemoval": {"enabled": False}}],
    ids=["not managed", "not wished"],
)
def test_without_it_an_uninstall_has_no_job(values: dict[str, Any], release: Release) -> None:
    release.install(**values)
    with uninstall(release) as running:
        printed, _ = running.communicate(timeout=CEILING)
    assert running.returncode == 0, printed
    assert release.job is None


def test_where_roles_are_made_by_somebody_else_the_job_has_an_account_alone(tmp_path: Path) -> None:
    objects = Helm(tmp_path).render(**VALUES, rbac={"create": False})
    hooks = [
        key
        for key, one in objects.items()
        if "helm.sh/hook" in one["metadata"].get("annotations", {})
    ]
    assert sorted(hooks) == [("Job", NAME), ("ServiceAccount", NAME)]
