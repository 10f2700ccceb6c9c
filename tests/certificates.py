"""Certificates for one test run, made by openssl, and clients that believe them."""

from __future__ import annotations

import base64
import shutil
import ssl
import subprocess
from pathlib import Path

import msgspec
import pytest

NAME = "ns.global"
HAS_OPENSSL = shutil.which("openssl") is not None


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key, in PEM files."""

    certificate: Path
    key: Path

    def client(self) -> ssl.SSLContext:
        """Return what a client needs that believes this certificate and no other."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.set_alpn_protocols(["dot"])
        return context

    def der(self) -> bytes:
        """Return the certificate's octets."""
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())

    def end_on(self, utc_time: str) -> None:
        """Have the certificate end at ``YYMMDDHHMMSSZ``; a server does not look at its signature.

        Raises:
            AssertionError: it does not end after the year 2030 and before 2050.
        """
        der = self.der()
        at = der.rindex(b"\x17\x0d3", 0, 300) + 2
        text = base64.encodebytes(der[:at] + utc_time.encode() + der[at + 13 :]).decode()
        self.certificate.write_text(
            f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"
        )


def make_pair(folder: Path, name: str = "tls", *, days: int = 3650, kind: str = "P-256") -> Pair:
    """Return a self-signed certificate with its key; ``kind`` is a curve, or ``rsa``."""
    if not HAS_OPENSSL:
        pytest.skip("openssl is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    algorithm = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", str(days), "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1,IP:::1"),
            *("-keyout", str(pair.key), "-out", str(pair.certificate), "-newkey", *algorithm),
        ],
        check=True,
        capture_output=True,
    )
    return pair
