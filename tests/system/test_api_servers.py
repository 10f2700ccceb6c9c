"""Real clusters, as other tests get them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kube.apiserver.resources import Resource, definition
from tests.system.api_servers import ApiServer
from tests.system.etcd import encode
from tests.system.pool import Pool

WIDGETS = Resource("example.test", ("v1",), "widgets", "Widget", status=True)
WIDGET = {
    "apiVersion": "example.test/v1",
    "kind": "Widget",
    "metadata": {"name": "a", "namespace": "shop"},
    "spec": {"n": 1},
    "status": {"ready": True},
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "reader", "namespace": "shop"},
    "rules": [{"apiGroups": ["example.test"], "resources": ["widgets"], "verbs": ["list"]}],
}
BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "reader", "namespace": "shop"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader"}],
}


@pytest.fixture(scope="module")
def servers(make_api_servers: Callable[..., list[ApiServer]]) -> list[ApiServer]:
    return make_api_servers(2, users={"reader": []})


@pytest.fixture
def server(servers: list[ApiServer]) -> ApiServer:
    """One of them, with a widget."""
    servers[0].apply(definition(WIDGETS), NAMESPACE, WIDGET)
    return servers[0]


def test_two_clusters_know_nothing_of_each_other(
    server: ApiServer, servers: list[ApiServer]
) -> None:
    other = servers[1]
    assert server.uid != other.uid
    assert other.get("namespaces", "shop") is None


def test_what_is_applied_is_there_with_its_status(server: ApiServer) -> None:
    widget = server.get(WIDGETS.id, "a", "shop")
    assert widget is not None
    assert (widget["spec"], widget["status"]) == ({"n": 1}, {"ready": True})
    assert [item["metadata"]["name"] for item in server.objects(WIDGETS.id)] == ["a"]
    server.delete(WIDGETS.id, "a", "shop")
    assert server.get(WIDGETS.id, "a", "shop") is None


def test_a_user_may_what_rbac_says(server: ApiServer) -> None:
    everywhere = "/apis/example.test/v1/widgets"
    path = "/apis/example.test/v1/namespaces/shop/widgets"
    server.apply(ROLE, BINDING)
    assert server.request("GET", everywhere, user="reader")[0] == 403
    assert server.wait_request("GET", path, user="reader", status=200)["kind"] == "WidgetList"
    assert server.request("DELETE", f"{path}/a", user="reader")[0] == 403


def test_a_kubeconfig_file_is_what_kubectl_reads(
    server: ApiServer, need: Callable[[str], str]
) -> None:
    done = subprocess.run(
        [need("kubectl"), "get", "widgets", "-n", "shop", "-o", "name"],
        env={"KUBECONFIG": str(server.kubeconfig_file()), "HOME": str(server.folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "widget.example.test/a\n", done.stderr


def test_objects_outlive_both_processes(server: ApiServer) -> None:
    server.stop()
    server.stop_etcd()
    with pytest.raises(OSError, match="refused"):
        server.request("GET", "/readyz")
    server.start()
    server.wait_ready()
    assert server.get(WIDGETS.id, "a", "shop") is not None


def test_a_wiped_cluster_is_as_new_and_runs_on(server: ApiServer) -> None:
    server.apply(ROLE, BINDING)
    uid, processes = server.uid, {name: one.pid for name, one in server._running.items()}
    server.delete("flowschemas.flowcontrol.apiserver.k8s.io", "probes")
    server.wipe()
    assert {name: one.pid for name, one in server._running.items()} == processes
    assert server.uid == uid
    assert server.get("flowschemas.flowcontrol.apiserver.k8s.io", "probes") is not None
    assert server.get("namespaces", "shop") is None
    assert server.request("GET", "/apis/example.test/v1/widgets")[0] == 404
    server.apply(definition(WIDGETS), NAMESPACE)
    assert server.objects(WIDGETS.id) == []
    assert server.objects("roles.rbac.authorization.k8s.io", "shop") == []


def test_what_an_api_server_knows_of_compaction_is_not_wiped(server: ApiServer) -> None:
    key, value = encode("compact_rev_key"), encode("7")
    server._etcd.put(key, value)
    server.wipe()
    assert server._etcd.get(key) == value


def test_what_a_new_cluster_stores_after_it_is_ready_is_not_wiped(server: ApiServer) -> None:
    server.wipe()
    for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
        assert server.get("namespaces", name) is not None
    assert server.get("services", "kubernetes", "default") is not None


def test_who_gets_a_cluster_finds_it_as_new_with_the_users_that_are_asked_for(
    pool: Pool,
) -> None:
    with pool.lending() as make:
        (former,) = make()
        former.apply(NAMESPACE)
        former.stop()
    with pool.lending() as make:
        (server,) = make(users={"reader": []})
        assert server.get("namespaces", "shop") is None
        assert server.request("GET", "/api/v1/namespaces", user="reader")[0] == 403
        server.is_another = True  # as when it was rebuilt: what it was when it was new is gone
    assert server not in pool._idle


def test_nobody_gets_a_cluster_that_could_not_be_made_another(pool: Pool, tmp_path: Path) -> None:
    with pool.lending() as make:
        (server,) = make()
        with pytest.raises(FileNotFoundError):
            server.restore(tmp_path / "missing")
    assert server not in pool._idle


def test_nobody_gets_a_cluster_that_did_not_start(pool: Pool) -> None:
    with pool.lending() as make:
        (server,) = make()
        server.folder.joinpath("tokens.csv").unlink()
    with pool.lending() as make:
        server.stop()
        with pytest.raises(AssertionError, match="kube-apiserver ended"):
            make()
    assert server not in pool._idle
