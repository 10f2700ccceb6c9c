"""What the client library is told of a way to a server."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from globaldns.errors import KubeconfigError
from globaldns.kube import credentials
from globaldns.kube.credentials import configure
from globaldns.kube.kubeconfig import Access
from tests.kube.kubeconfig import kubeconfig

SECRET = "eyJhbGciOiJSUzI1NiIsI"
SERVER = "https://east:6443"


def text(user: dict[str, Any] | None = None, **cluster: Any) -> str:
    return json.dumps(kubeconfig("east", SERVER, user or {"token": SECRET}, **cluster))


def write(folder: Path, config: dict[str, Any]) -> Path:
    path = folder / "config"
    path.write_text(yaml.safe_dump(config))
    return path


def program(body: str) -> dict[str, Any]:
    """A user whose token a program prints."""
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", body],
        }
    }


def credential(token: str) -> str:
    said = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    return f"print({json.dumps(said)!r})"


async def test_a_kubeconfigs_text_gives_server_and_token() -> None:
    found = await configure(Access(text=text(**{"tls-server-name": "a", "proxy-url": "http://p"})))
    assert (found.host, found.verify_ssl) == (SERVER, True)
    assert (found.tls_server_name, found.proxy) == ("a", "http://p")
    assert found.api_key == {"BearerToken": f"Bearer {SECRET}"}


async def test_a_file_is_read_at_each_call_and_what_it_names_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    (tmp_path / "ca.crt").write_text("x")
    (tmp_path / "token").write_text(f"{SECRET}\n")
    more = {"certificate-authority": "ca.crt"}
    path = write(tmp_path, kubeconfig("east", SERVER, {"tokenFile": "token"}, **more))
    found = await configure(Access(path=path))
    assert found.ssl_ca_cert == str(tmp_path / "ca.crt")
    assert found.api_key == {"BearerToken": f"Bearer {SECRET}"}
    (tmp_path / "token").write_text("next")
    assert (await configure(Access(path=path))).api_key == {"BearerToken": "Bearer next"}


async def test_a_path_with_a_colon_is_one_path_and_a_tilde_is_our_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    write(folder, kubeconfig("east", SERVER, {"token": SECRET}))
    monkeypatch.setenv("HOME", str(folder))
    for path in (folder / "config", Path("~/config")):
        assert (await configure(Access(path=path))).host == SERVER


@pytest.mark.parametrize(("context", "server"), [("", "https://b"), ("a", "https://a")])
async def test_a_context_is_the_one_that_was_asked_for_else_the_current_one(
    tmp_path: Path, context: str, server: str
) -> None:
    first = kubeconfig("a", "https://a", {"token": SECRET})
    second = kubeconfig("b", "https://b", {"token": SECRET})
    both = {key: first[key] + second[key] for key in ("clusters", "users", "contexts")}
    path = write(tmp_path, {**second, **both})
    assert (await configure(Access(path=path, context=context))).host == server
    with pytest.raises(KubeconfigError, match="Expected object with name c in it/contexts list"):
        await configure(Access(path=path, context="c"))


WITHOUT = {"user": None, "name": "east", "token": SECRET}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"users": [WITHOUT]}, "Expected key user in"),
        ({"users": [{"name": "east", "user": {"exec": None, "token": SECRET}}]}, "Expected key"),
        ({"users": [{"token": SECRET}]}, "Expected all values in it/users list to have 'name'"),
        ({"users": [SECRET]}, "Expected all values"),
        ({"users": [5]}, "not iterable"),
        ({"users": []}, "NoneType"),
        ({"users": {"a": SECRET}}, "Expected it/users to be a list"),
        ({"contexts": None}, "Expected key contexts"),
        ({"contexts": [{"name": "east", "context": {"user": "east"}}]}, "Expected key cluster"),
        ({"current-context": None}, "Expected key current-context"),
        ({"clusters": [{"name": "east"}]}, "Expected key cluster"),
        ({"clusters": [{"name": "east", "cluster": {}}]}, "AssertionError"),
        ({"clusters": [{"name": "east", "cluster": {"proxy-url": SECRET}}]}, "names no server"),
        ({"clusters": [{"name": "east", "cluster": {"server": 5}}]}, "AssertionError"),
        ({"clusters": [{"name": "east", "cluster": {"server": None}}]}, "Expected key server"),
        ({"clusters": [{"name": "west", "cluster": {"server": SERVER}}]}, "with name east"),
    ],
)
@pytest.mark.parametrize("is_file", [True, False], ids=["file", "text"])
async def test_what_a_kubeconfig_lacks_is_named_and_nothing_secret_is(
    tmp_path: Path, change: dict[str, Any], reason: str, *, is_file: bool
) -> None:
    config = {**kubeconfig("east", SERVER, {"token": SECRET}), **change}
    access = Access(path=write(tmp_path, config)) if is_file else Access(text=json.dumps(config))
    access = access if is_file else Access(text=access.text, may_run=True)
    with pytest.raises(KubeconfigError, match=reason) as refusal:
        await configure(access)
    assert access.name in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is no kubeconfig"),
        (b"\xff\xfe\0", "can't decode byte"),
        (f"a: '{SECRET}\nb: [".encode(), "it is no YAML, line"),
        (b"[" * 100_000, "it is no YAML"),
        (b"x" * (2 << 20), "over 1024 KiB"),
    ],
    ids=["empty", "binary", "torn", "deep", "huge"],
)
async def test_a_file_that_is_no_kubeconfig_is_refused_by_its_name(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(KubeconfigError, match=reason) as refusal:
        await configure(Access(path=path))
    assert str(path) in str(refusal.value)
    assert SECRET not in str(refusal.value)


async def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(KubeconfigError, match=r"cannot be used: \[Errno \d+\]"):
            await configure(Access(path=path))


@pytest.mark.parametrize(
    "user",
    [program("open('ran', 'w')"), {"tokenFile": "/etc/hostname"}, {"auth-provider": {"name": "x"}}],
)
async def test_a_foreign_kubeconfig_runs_and_reads_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KubeconfigError, match=r"runs a program|names a file"):
        await configure(Access(text=text(user)))
    assert [*os.scandir(tmp_path)] == []


async def test_one_that_may_run_programs_and_our_own_have_them_give_the_token(
    tmp_path: Path,
) -> None:
    user = program(credential(SECRET))
    path = write(tmp_path, kubeconfig("east", SERVER, user))
    for access in (Access(text=text(user), may_run=True), Access(path=path)):
        assert (await configure(access)).api_key == {"BearerToken": f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (program("raise SystemExit(3)"), "process returned 3"),
        (program("print('no JSON')"), "failed to decode process output"),
        (program("print('[]')"), "malformed response"),
        ({"exec": {"apiVersion": "v1", "command": "/none/such"}}, "No such file"),
        ({"exec": {}}, "missing key 'command'"),
        ({"exec": "x"}, "missing key 'command'"),
    ],
)
async def test_a_program_that_gives_no_token_is_a_refusal(
    user: dict[str, Any], reason: str
) -> None:
    with pytest.raises(KubeconfigError, match=reason):
        await configure(Access(text=text(user), may_run=True))


async def test_a_program_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PROGRAM_SECONDS", 0.2)
    script = f"echo $$ > {tmp_path}/pid; exec sleep 30"
    user = {"exec": {"apiVersion": "v1", "command": "sh", "args": ["-c", script, SECRET]}}
    with pytest.raises(KubeconfigError, match="it does not end") as refusal:
        await configure(Access(text=text(user), may_run=True))
    assert SECRET not in str(refusal.value)
    with open(f"{tmp_path}/pid") as file, pytest.raises(ProcessLookupError):  # noqa: ASYNC230, PTH123
        os.kill(int(file.read()), 0)


async def test_a_pods_own_account_is_there_only_in_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(KubeconfigError, match="this runs in no pod") as refusal:
        await configure(Access())
    assert "kubeconfig" in refusal.value.hint
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(KubeconfigError, match="service account cannot be used: Service token file"):
        await configure(Access())


async def test_certificates_in_a_text_are_given_to_the_library_as_files_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ca = base64.b64encode(os.urandom(9)).decode()
    found = await configure(Access(text=text(**{"certificate-authority-data": ca})))
    (file,) = os.scandir(tmp_path)
    assert found.ssl_ca_cert == file.path
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("data", ["QQ", 5, [1]])
async def test_certificates_that_are_no_base64_are_a_refusal(data: object) -> None:
    with pytest.raises(KubeconfigError, match="remote secret cannot be used"):
        await configure(Access(text=text(**{"certificate-authority-data": data})))
