"""A certificate for DNS over TLS, made by openssl for the run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of a chain and of its key, both PEM."""

    chain: Path
    key: Path


def make(folder: Path) -> Certificate | None:
    """Make a self-signed P-256 certificate; None where openssl is not installed."""
    openssl = machine.program("openssl")
    if openssl is None:
        return None
    made = Certificate(folder / "chain.pem", folder / "key.pem")
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(made.key), "-out", str(made.chain)]
    subprocess.run([openssl, "req", *options, *names, *files], capture_output=True, check=True)
    return made
