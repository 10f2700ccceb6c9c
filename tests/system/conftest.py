"""Everything in this folder runs the real things."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.stubs.platforms import HELM_KIND, OPENSHIFT_KIND, Object, definition
from tests.system.api_servers import ApiServer
from tests.system.pool import Pool
from tests.system.running import Mesh, Server
from tests.system.sites import Sites, namespace, serving
from tests.system.telling import ACCOUNT, GROUPS, SERVER, US, Told, names_of, service


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.system)
            # It counts for fixtures too, which start clusters.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Have what tests start hear SIGINT: a shell has what it starts in the background ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make_mesh(tmp_path: Path) -> Callable[..., Mesh]:
    """Return a maker of one mesh, with keys of its configuration changed."""
    return lambda **changes: Mesh(tmp_path / "mesh", **changes)


@pytest.fixture
def mesh(make_mesh: Callable[..., Mesh]) -> Mesh:
    """The example, with ports and a state directory of its own."""
    return make_mesh()


@pytest.fixture
def server(mesh: Mesh) -> Iterator[Server]:
    """A server on the example, ready."""
    with Server(mesh) as running:
        yield running.wait_ready()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the example that no test changes."""
    with Server(Mesh(tmp_path_factory.mktemp("shared") / "mesh")) as running:
        yield running.wait_ready()


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """API servers that run on from test to test."""
    with closing(Pool(lambda: tmp_path_factory.mktemp("cluster"))) as pool:
        yield pool


@pytest.fixture(scope="module")
def make_api_servers(pool: Pool) -> Iterator[Callable[..., list[ApiServer]]]:
    """Return a maker of clusters, ready and as new, that the module's tests share."""
    with pool.lending() as make:
        yield make


@pytest.fixture(scope="module")
def sites(
    make_api_servers: Callable[..., list[ApiServer]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sites]:
    """Three clusters with one server each, ready; a test puts back what it changes."""
    with serving(tmp_path_factory.mktemp("sites"), make_api_servers(3)) as sites:
        yield sites


@pytest.fixture
def lend_api_servers(pool: Pool) -> Iterator[Callable[..., list[ApiServer]]]:
    """Return a maker of clusters, ready and as new, that one test has."""
    with pool.lending() as make:
        yield make


@pytest.fixture
def need() -> Callable[[str], str]:
    """Return a finder of programs that skips, and says which, where one is not installed."""

    def find(program: str) -> str:
        found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
        if found is None:
            pytest.skip(f"{program} is not installed")
        return found

    return find


@pytest.fixture
def mount_namespace() -> Callable[[str, Any], list[str]]:
    """Return what to put before a command so that it has a small file system of its own."""
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        pytest.skip("a file system of a test's own needs root and unshare")
    if subprocess.run([unshare, "-m", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")

    def prefix(options: str, path: Any) -> list[str]:
        mount = f'mkdir -p "$0" && mount -t tmpfs -o {options} tmpfs "$0" && exec "$@"'
        return [unshare, "-m", "sh", "-c", mount, str(path)]

    return prefix


@pytest.fixture(scope="module")
def told_cluster(make_api_servers: Callable[..., list[ApiServer]]) -> ApiServer:
    """A cluster with the kinds of all platforms, and our Service."""
    (api,) = make_api_servers(1, {ACCOUNT: GROUPS})
    api.apply(*(definition(*kind) for kind in (OPENSHIFT_KIND, HELM_KIND)))
    api.apply(namespace(US), namespace("openshift-dns"), service("globaldns", US, SERVER))
    return api


@pytest.fixture
def told(told_cluster: ApiServer, tmp_path: Path) -> Iterator[Callable[..., Told]]:
    """Return a maker of a cluster with a DNS; it is as before afterwards."""

    def make(*objects: Object) -> Told:
        told_cluster.apply(*objects)
        return Told(told_cluster, tmp_path)

    before = names_of(told_cluster)
    yield make
    for resource, inside, name in names_of(told_cluster) - before:
        told_cluster.delete(resource, name, inside)
