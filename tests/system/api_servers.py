"""Real clusters as a client sees them: etcd and kube-apiserver, with ports of their own."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import pytest
import yaml

from tests.certificates import make_pair
from tests.kube.kubeconfig import kubeconfig
from tests.system.etcd import PREFIX, Etcd, encode
from tests.system.running import CEILING, free_port, wait_until

PR_SET_PDEATHSIG = 1
MANAGER = "kubectl"
APPLY = "application/apply-patch+yaml"
ADMIN = {"admin": ["system:masters"]}
LATE = (
    *(
        f"namespaces/{name}"
        for name in ("default", "kube-node-lease", "kube-public", "kube-system")
    ),
    *(f"{kind}/default/kubernetes" for kind in ("endpointslices", "services/endpoints")),
    "services/specs/default/kubernetes",
    "configmaps/kube-system/kube-apiserver-legacy-service-account-token-tracking",
)
"""What a new API server may store after it says that it is ready; roles come before."""
KINDS = "customresourcedefinitions.apiextensions.k8s.io"
Object = dict[str, Any]
_libc = ctypes.CDLL(None)


def find_program(name: str) -> str:
    """Return a program's path, from ``PATH`` or ``KUBEBUILDER_ASSETS``; skip where it is not."""
    folders = (os.environ.get("PATH", ""), os.environ.get("KUBEBUILDER_ASSETS", ""))
    found = shutil.which(name, path=os.pathsep.join(filter(None, folders)))
    if found is None:
        pytest.skip(f"{name} is not installed: neither on PATH nor in KUBEBUILDER_ASSETS")
    return found


class ApiServer:
    """A cluster's API server and its etcd; leaving the ``with`` kills both.

    ``users`` are names with their groups; each has the token ``NAME-token``. ``admin`` may do
    everything, the others what RBAC objects let them.
    """

    def __init__(self, folder: Path, users: Mapping[str, Iterable[str]] = {}) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._programs = {name: find_program(name) for name in ("etcd", "kube-apiserver")}
        self._pair = make_pair(folder)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._first: dict[str, str] = {}
        """What etcd had when the API server was ready first, and all of ``LATE`` was there."""
        self.is_another = False
        """Whether what is stored is no longer what began there: it cannot be wiped."""
        self._port, self._etcd_port, self._peer_port = free_port(), free_port(), free_port()
        self._etcd = Etcd(self._etcd_port)
        self._tokens = folder / "tokens.csv"
        self.ssl = ssl.create_default_context(cafile=str(self._pair.certificate))
        self.set_users({**ADMIN, **users})

    def __enter__(self) -> Self:
        self.start()
        return self.wait_ready()

    def __exit__(self, *_exception: object) -> None:
        self.end()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        return self.token_of("admin")

    def token_of(self, user: str) -> str:
        return f"{user}-token"

    def set_users(self, users: Mapping[str, Iterable[str]]) -> None:
        """Let these users in from the next start of the API server on, and nobody else."""
        self.users = {name: [*groups] for name, groups in users.items()}
        lines = (
            f'{self.token_of(name)},{name},{name},"{",".join(groups)}"\n'
            for name, groups in self.users.items()
        )
        self._tokens.write_text("".join(lines))

    def kubeconfig(self, name: str = "real", user: str = "admin") -> Object:
        """Return a kubeconfig with one context."""
        authority = base64.b64encode(self._pair.certificate.read_bytes()).decode()
        token = {"token": self.token_of(user)}
        return kubeconfig(name, self.url, token, **{"certificate-authority-data": authority})

    def kubeconfig_file(self, name: str = "real", user: str = "admin") -> Path:
        """Return a file with that kubeconfig."""
        path = self.folder / f"kubeconfig-{name}-{user}"
        path.write_text(yaml.safe_dump(self.kubeconfig(name, user)))
        return path

    # Processes

    def start(self) -> None:
        """Start what does not run; several clusters are started before any is waited for."""
        self.start_etcd()
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._port}",
            f"--tls-cert-file={self._pair.certificate}",
            f"--tls-private-key-file={self._pair.key}",
            f"--cert-dir={self.folder}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={self._tokens}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self._pair.certificate}",
            f"--service-account-signing-key-file={self._pair.key}",
            "--service-cluster-ip-range=10.0.0.0/16,fd00:10::/112",
            "--disable-admission-plugins=ServiceAccount",
            "--shutdown-delay-duration=0s",
        )

    def start_etcd(self) -> None:
        client = f"http://127.0.0.1:{self._etcd_port}"
        peer = f"http://127.0.0.1:{self._peer_port}"
        self._spawn(
            "etcd",
            f"--data-dir={self._data}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        )

    def stop(self) -> None:
        """Kill the API server; etcd runs on."""
        self._kill("kube-apiserver")

    def stop_etcd(self) -> None:
        self._kill("etcd")

    def end(self) -> None:
        """Kill both."""
        self.stop()
        self.stop_etcd()

    def restart(self) -> None:
        """Kill the API server, start it again and wait: its watch cache is empty then."""
        self.stop()
        self.start()
        self.wait_ready()

    def wait_ready(self) -> Self:
        """Return itself once ``/readyz`` is 200, and of a new cluster all is there."""
        wait_until(self._is_ready, f"{self.url} is ready")
        if not self._first:
            late = {encode(PREFIX + name) for name in LATE}
            wait_until(lambda: late <= self._etcd.contents().keys(), "what comes late is there")
            self._first = self._etcd.contents()
        return self

    def _is_ready(self) -> bool:
        for name, process in self._running.items():
            log = self._log(name)
            assert process.poll() is None, (
                f"{name} ended: {log.read_text(errors='replace')[-4000:]}"
            )
        try:
            return self.request("GET", "/readyz")[0] == 200
        except OSError:
            return False

    @property
    def _data(self) -> Path:
        return self.folder / "etcd"

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _spawn(self, name: str, *arguments: str) -> None:
        if name in self._running and self._running[name].poll() is None:
            return
        with self._log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [self._programs[name], *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  it only calls what is loaded
            )

    def _kill(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(CEILING)

    # What etcd can do to a cluster

    def compact(self) -> None:
        """Compact etcd; an API server that runs still knows what its watch cache has."""
        self._etcd.compact()

    def forget_history(self) -> None:
        """Let every resourceVersion and continue token so far be 410."""
        self.compact()
        self.restart()

    def backup(self, folder: Path) -> None:
        """Copy what is stored into a new folder; both processes stop and start."""
        self._offline(lambda: shutil.copytree(self._data, folder))

    def restore(self, folder: Path) -> None:
        """Be what a backup was: older contents, and the resourceVersion goes back."""

        def replace() -> None:
            shutil.rmtree(self._data)
            shutil.copytree(folder, self._data)

        self.is_another = True
        self._offline(replace)

    def rebuild(self) -> None:
        """Be another cluster at the same address: a new uid, and nothing is stored."""
        self.is_another = True
        self._offline(lambda: shutil.rmtree(self._data))

    def _offline(self, act: Any) -> None:
        self.stop()
        self.stop_etcd()
        act()
        self.start()
        self.wait_ready()

    def wipe(self) -> None:
        """Be as when it was new, while it runs: every object that has come since is gone."""
        served = [path for kind in self.objects(KINDS) for path in _served(kind["spec"])]
        self._etcd.put_back(self._first)
        wait_until(lambda: self.objects(KINDS) == [], "no kind is left")
        for path in served:
            self.wait_request("GET", path, status=404)

    # Objects

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        user: str = "admin",
    ) -> tuple[int, Any]:
        """Return status and body, decoded if it is JSON; who is to come again later does (429)."""
        answer: tuple[int, Any] = (HTTPStatus.TOO_MANY_REQUESTS, None)

        def is_answered() -> bool:
            nonlocal answer
            answer = self._request(method, path, body, content_type, user)
            return answer[0] != HTTPStatus.TOO_MANY_REQUESTS

        wait_until(is_answered, f"{path} is answered")
        return answer

    def _request(
        self, method: str, path: str, body: Any, content_type: str, user: str
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token_of(user)}", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=CEILING, context=self.ssl) as reply:
                return reply.status, _decode(reply.headers.get_content_type(), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decode(error.headers.get_content_type(), error.read())

    def wait_request(
        self, method: str, path: str, *, user: str = "admin", status: int = 200
    ) -> Any:
        """Ask until the answer has a status, and return its body; RBAC takes a moment."""
        wait_until(
            lambda: self.request(method, path, user=user)[0] == status, f"{path} is {status}"
        )
        return self.request(method, path, user=user)[1]

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        """Apply manifests with their status; what a definition serves is waited for."""
        for manifest in manifests:
            path = self._path_of(manifest)
            query = f"?fieldManager={MANAGER}&force=true"
            self._must("PATCH", path + query, manifest, content_type=APPLY)
            if "status" in manifest and self._has_status(manifest):
                self._must("PATCH", f"{path}/status{query}", manifest, content_type=APPLY)
            if manifest["kind"] == "CustomResourceDefinition":
                for served in _served(manifest["spec"]):
                    self.wait_request("GET", served)

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return an object of ``plural`` or ``plural.group``; None if there is none."""
        status, body = self.request("GET", self._path(resource, namespace, name))
        return body if status == 200 else None

    def objects(self, resource: str, namespace: str = "") -> list[Object]:
        """Return a resource's objects; of all namespaces without one."""
        items: list[Object] = self._must("GET", self._path(resource, namespace))["items"]
        return items

    def delete(self, resource: str, name: str, namespace: str = "") -> None:
        """Delete an object that is there."""
        self._must("DELETE", self._path(resource, namespace, name))

    @property
    def uid(self) -> str:
        """The uid of ``kube-system``, which names the cluster."""
        uid: str = self._must("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
        return uid

    def _must(self, method: str, path: str, body: Any = None, **how: str) -> Any:
        status, answer = self.request(method, path, body, **how)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def _path(self, resource: str, namespace: str = "", name: str = "") -> str:
        plural, _, group = resource.partition(".")
        base = "/api/v1"
        if group:
            about = self._must("GET", f"/apis/{group}")
            base = f"/apis/{about['preferredVersion']['groupVersion']}"
        return "/".join(filter(None, [base, namespace and f"namespaces/{namespace}", plural, name]))

    def _path_of(self, manifest: Mapping[str, Any]) -> str:
        wait_until(lambda: self._rows(manifest) != [], f"{manifest['kind']} is discovered")
        row, metadata = self._rows(manifest)[0], manifest["metadata"]
        inside = f"/namespaces/{metadata.get('namespace', 'default')}" if row["namespaced"] else ""
        return f"{_base(manifest)}{inside}/{row['name']}/{metadata['name']}"

    def _has_status(self, manifest: Mapping[str, Any]) -> bool:
        return any(row["name"].endswith("/status") for row in self._rows(manifest))

    def _rows(self, manifest: Mapping[str, Any]) -> list[Object]:
        """Discovery's rows of a kind: the resource, then its subresources."""
        status, body = self.request("GET", _base(manifest))
        rows = body["resources"] if status == 200 else []
        return [row for row in rows if row["kind"] == manifest["kind"]]


def start_all(servers: Iterable[ApiServer]) -> None:
    """Start clusters at the same time."""
    waiting = list(servers)
    for server in waiting:
        server.start()
    for server in waiting:
        server.wait_ready()


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _base(manifest: Mapping[str, Any]) -> str:
    version = manifest["apiVersion"]
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _served(spec: Mapping[str, Any]) -> list[str]:
    """The paths that a definition lets be listed."""
    versions = [version["name"] for version in spec["versions"] if version["served"]]
    return [f"/apis/{spec['group']}/{version}/{spec['names']['plural']}" for version in versions]


def _decode(content_type: str, body: bytes) -> Any:
    return json.loads(body) if content_type == "application/json" else body.decode()
