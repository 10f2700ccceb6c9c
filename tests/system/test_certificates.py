"""What the certificates are to OpenSSL and kubectl."""

from __future__ import annotations

import shlex
import shutil
import ssl
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest
import yaml

from globaldns.tasks import wall_clock
from globaldns.trust.issuing import issue_workload
from globaldns.trust.pem import format_certificates
from tests.system.running import ROOT
from tests.trust.authorities import make_intermediate, make_root

FILES = {"ca-cert.pem", "ca-key.pem", "root-cert.pem", "cert-chain.pem"}


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def globaldns(folder: Path, *arguments: str) -> str:
    return run(folder, "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "globaldns", *arguments)


@pytest.fixture(scope="module", params=["ec", "rsa"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, and an intermediate for east, as people make them."""
    folder = tmp_path_factory.mktemp(request.param)
    globaldns(folder, "certs", "init", "--to", "root", "--key-type", request.param)
    made = globaldns(
        folder,
        *[
            "certs",
            "intermediate",
            "--root",
            "root",
            "--cluster",
            "east",
            "--to",
            "east",
            "--days",
            "30",
        ],
    )
    (folder / "command").write_text(made.splitlines()[-1])
    return folder


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_openssl_verifies_the_intermediate_strictly(folder: Path) -> None:
    verify = ("openssl", "verify", "-x509_strict", "-CAfile", "root/root-cert.pem")
    assert run(folder, *verify, "root/root-cert.pem").endswith(": OK\n")
    assert run(folder, *verify, "east/ca-cert.pem") == "east/ca-cert.pem: OK\n"


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_openssl_verifies_a_workload_for_both_ends(tmp_path: Path) -> None:
    now = wall_clock()
    root = make_root(now=now)
    intermediate = make_intermediate(root, now=now)
    workload = issue_workload(intermediate, "spiffe://cluster.local/ns/a/sa/b", now=now, days=1)
    (tmp_path / "key.pem").write_bytes(workload.key)
    (tmp_path / "chain.pem").write_bytes(workload.chain)
    (tmp_path / "root.pem").write_bytes(format_certificates([root.certificate]))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        tmp_path / "chain.pem", tmp_path / "key.pem"
    )
    for purpose in ("sslserver", "sslclient"):
        printed = run(
            tmp_path,
            *("openssl", "verify", "-x509_strict", "-purpose", purpose),
            *("-CAfile", "root.pem", "-untrusted", "chain.pem", "chain.pem"),
        )
        assert printed == "chain.pem: OK\n"


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_makes_the_secret_of_what_is_printed(folder: Path) -> None:
    command = shlex.split((folder / "command").read_text())
    secret = yaml.safe_load(run(folder, *command, "--dry-run=client", "-o", "yaml"))
    assert secret["metadata"] == {"name": "cacerts", "namespace": "istio-system"}
    assert {name: b64decode(value) for name, value in secret["data"].items()} == {
        name: (folder / "east" / name).read_bytes() for name in FILES
    }
