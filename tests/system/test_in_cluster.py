"""A server as a pod has it: the chart's account, its rights, and tokens that the kubelet renews."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.system.api_servers import ApiServer
from tests.system.deploying import KUSTOMIZE
from tests.system.istio_kinds import GROUP, definitions
from tests.system.running import Server, wait_until
from tests.system.sites import NAMESPACE, Replica, Site, namespace, service

MOUNTED = "/run/secrets/kubernetes.io/serviceaccount"
"""Where a pod has its account: below /var/run, which is /run."""
RIGHTS = {"ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}
RULE = {
    "apiVersion": f"{GROUP}/v1",
    "kind": "DestinationRule",
    "metadata": {"name": "all", "namespace": "shop-clients"},
    "spec": {"host": "*.global"},
}
MESH_CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "istio", "namespace": "istio-system"},
    "data": {"mesh": "discoverySelectors: [{matchLabels: {mesh: on}}]"},
}
UP = 'globaldns_source_up{cluster="east"}'


class Account:
    """The chart's service account, and the folder that the kubelet would mount of it."""

    def __init__(self, api: ApiServer, folder: Path) -> None:
        self.api = api
        self.folder = folder
        folder.mkdir()
        shutil.copy(api._pair.certificate, folder / "ca.crt")
        (folder / "namespace").write_text(NAMESPACE)
        base = yaml.safe_load_all((KUSTOMIZE / "base/globaldns.yaml").read_text())
        api.apply(*(item for item in base if item["kind"] in RIGHTS))

    def renew(self, name: str) -> None:
        """Have a new token; it is good while a Secret of this name stands."""
        metadata = {"name": name, "namespace": NAMESPACE}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        self.api.apply(secret)
        bound = {"apiVersion": "v1", "kind": "Secret", "name": name}
        status, answer = self.api.request(
            "POST",
            f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/globaldns/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": 600, "boundObjectRef": bound},
            },
        )
        assert status == 201, answer
        part = self.folder / ".token"
        part.write_text(answer["status"]["token"])
        part.replace(self.folder / "token")

    def revoke(self, name: str) -> None:
        """End a token, and every connection that was made with it."""
        self.api.delete("secrets", name, NAMESPACE)
        self.api.restart()


@pytest.fixture
def account(lend_api_servers: Callable[..., list[ApiServer]], tmp_path: Path) -> Account:
    (api,) = lend_api_servers(1)
    Site("east", api, tmp_path, {}).prepare()
    api.apply(
        namespace("shop"),
        namespace("istio-system"),
        namespace("shop-clients"),
        *definitions(),
        RULE,
        MESH_CONFIG,
    )
    return Account(api, tmp_path / "account")


@pytest.fixture
def server(
    account: Account, tmp_path: Path, mount_namespace: Callable[[str, Path], list[str]]
) -> Iterator[Server]:
    """A server with the account where a pod would have it."""
    replica = Replica(
        tmp_path / "pod",
        {"cluster": "east", "clusters": {"east": {"source": {"kubernetes": {}}}}},
    )
    account.renew("first")
    mount = f'mkdir -p {MOUNTED} && mount --bind "$0" {MOUNTED} && exec "$@"'
    inside = ["sh", "-c", mount, str(account.folder)]
    host, _, port = account.api.url.removeprefix("https://").partition(":")
    variables = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    before = [*mount_namespace("mode=755", Path("/run")), *inside]
    with Server(replica, before=before, environment=variables) as running:
        yield running.wait_ready()


def test_a_pod_goes_on_with_the_tokens_that_it_is_given(account: Account, server: Server) -> None:
    account.api.apply(service("first", "shop"))
    server.wait_answer("first.shop.global")
    assert "may not be read" not in server.log, "the chart's rights are enough"
    wait_until(lambda: "other-rule" in server.get("/api/v1/explain/first.shop")[1], "it has looked")
    assert "what hides routes is not known" not in server.log
    # The kubelet has put another token there before the first one ends.
    account.renew("second")
    account.revoke("first")
    account.api.apply(service("second", "shop"))
    server.wait_answer("second.shop.global")
    # Without one that is taken it answers what it knows, and goes on with the next.
    account.revoke("second")
    wait_until(lambda: server.metric(UP) == 0, "the server is refused")
    (answer,) = server.addresses("first.shop.global")
    account.renew("third")
    account.api.apply(service("third", "shop"))
    server.wait_answer("third.shop.global")
    server.wait_answer("first.shop.global", answer)
    wait_until(lambda: server.metric(UP) == 1, "the server is read")
    wait_until(
        lambda: account.api.get("globalservices.globaldns.io", "third", "shop") is not None,
        "it writes with it too",
    )
