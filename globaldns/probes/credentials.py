"""The certificate that probes shake hands with: read again when its files change.

What a gateway leads to presents a SPIFFE id and no name of a host, so that the chain to the mesh's
root is all that is checked (SPIFFE "X.509-SVID" section 5).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from pathlib import Path

import msgspec

logger = logging.getLogger(__name__)

_ALPN = ["istio"]
"""Tells a workload that accepts plain text too that this is mutual TLS of the mesh (Istio
pilot/pkg/networking/util ALPNInMesh)."""

Stamp = tuple[int, int, int]
"""What changes with a file's content: time, size, inode."""


class TlsFiles(msgspec.Struct, frozen=True):
    """PEM files."""

    certificate: Path
    key: Path
    authority: Path
    """The mesh's roots."""

    def __iter__(self) -> Iterator[Path]:
        return iter((self.certificate, self.key, self.authority))


class Credentials:
    """Keeps a TLS context of three files up to date; the last good one stays while they are not."""

    def __init__(self) -> None:
        self._files: TlsFiles | None = None
        self._context: ssl.SSLContext | None = None
        self._stamps: tuple[Stamp | None, ...] = ()
        self._failure = ""
        """Why the files cannot be used, as it was logged; empty: they can."""

    def follow(self, files: TlsFiles | None) -> None:
        """Take the certificate from these files from now on; None: there is none."""
        if files != self._files:
            self._files, self._context, self._stamps, self._failure = files, None, (), ""

    def look(self) -> ssl.SSLContext | None:
        """Return what to shake hands with; None: connecting has to do."""
        if self._files is None:
            return None
        stamps = tuple(map(_stamp_of, self._files))  # before reading: a later change is seen
        if stamps != self._stamps:
            self._stamps = stamps
            self._read(self._files)
        return self._context

    def _read(self, files: TlsFiles) -> None:
        try:
            self._context = read_context(files)
        except (OSError, ValueError) as error:  # TLS errors are OSErrors
            self._tell(files, _reason(error))
            return
        if self._failure:
            logger.info("the certificate of gateway probes can be used again")
        self._failure = ""

    def _tell(self, files: TlsFiles, reason: str) -> None:
        if reason == self._failure:
            return
        self._failure = reason
        message = "the certificate of gateway probes is not taken: the old one stays"
        if self._context is None:
            message = "gateways are probed without TLS: their certificate cannot be used"
        logger.error(
            message,
            extra={
                "certificate": str(files.certificate),
                "key": str(files.key),
                "authority": str(files.authority),
                "reason": reason,
                "fix": "put PEM files there that belong together, readable and without passphrase",
            },
        )


def read_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what to shake hands with.

    Raises:
        OSError, ValueError: a file cannot be read or used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_ALPN)
    context.load_verify_locations(files.authority)
    context.load_cert_chain(files.certificate, files.key, password=_refuse)
    return context


def _refuse() -> str:
    """Keep OpenSSL from asking the terminal for a passphrase."""
    raise ValueError("the key has a passphrase")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "one is damaged").replace("_", " ").lower()
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return str(error)


def _stamp_of(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
