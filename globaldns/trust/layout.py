"""Directories of certificates: a root's, and what Istio reads from the Secret ``cacerts``.

::

    ROOT/     root-cert.pem   root-key.pem
    CLUSTER/  root-cert.pem   ca-cert.pem   ca-key.pem   cert-chain.pem

``cert-chain.pem`` is the intermediate, then the root, as Istio's ``tools/certs`` writes it: istiod
puts it behind each certificate that it signs. No file is ever replaced: a key that is gone is gone
for the whole mesh.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

from globaldns.errors import CertificateError, RequestRefused
from globaldns.trust.issuing import Authority
from globaldns.trust.pem import format_certificates, format_key

ROOT_CERT, ROOT_KEY = "root-cert.pem", "root-key.pem"
CA_CERT, CA_KEY, CERT_CHAIN = "ca-cert.pem", "ca-key.pem", "cert-chain.pem"
ROOT_FILES = (ROOT_CERT, ROOT_KEY)
CACERTS = (CA_CERT, CA_KEY, ROOT_CERT, CERT_CHAIN)
"""The keys of the Secret."""

MAX_OCTETS = 1 << 20
"""What a Secret or ConfigMap holds at most; a chain of four has 8,000."""
_KEYS = frozenset((ROOT_KEY, CA_KEY))
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def format_root(root: Authority) -> Mapping[str, bytes]:
    """Return the files of a root's directory."""
    return {
        ROOT_KEY: format_key(root.key),
        ROOT_CERT: format_certificates([root.certificate]),
    }


def format_cacerts(intermediate: Authority) -> Mapping[str, bytes]:
    """Return the files of an intermediate's directory."""
    return {
        CA_KEY: format_key(intermediate.key),
        CA_CERT: format_certificates([intermediate.certificate]),
        ROOT_CERT: format_certificates(intermediate.above[-1:]),
        CERT_CHAIN: format_certificates([intermediate.certificate, *intermediate.above]),
    }


def refuse_to_overwrite(directory: Path, names: Iterable[str]) -> None:
    """Refuse before anything is made.

    Raises:
        RequestRefused: a file is there already, or a link of its name.
    """
    for name in names:
        if os.path.lexists(directory / name):
            raise _overwriting(directory / name)


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write new files, keys for their owner alone; all of them, or none.

    Raises:
        RequestRefused: one is there already.
        OSError: they cannot be written.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as undo:
        for name, content in files.items():
            path = directory / name
            mode = 0o600 if name in _KEYS else 0o644
            try:
                descriptor = os.open(path, _NEW, mode)
            except FileExistsError:
                raise _overwriting(path) from None
            undo.callback(path.unlink, missing_ok=True)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
        undo.pop_all()


def _overwriting(path: Path) -> RequestRefused:
    return RequestRefused(
        f"{path} is there already, and is never overwritten",
        hint="name a directory that does not exist yet; what is there may be in use by a mesh",
    )


def read_file(path: Path) -> bytes:
    """Return what a file holds.

    Raises:
        CertificateError: it cannot be read, or is too large to be PEM.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_OCTETS + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CertificateError(f"{path} cannot be read: {reason}", hint=_remedy(error)) from error
    if len(content) > MAX_OCTETS:
        raise CertificateError(f"{path} has over {MAX_OCTETS >> 20} MiB", hint="name a PEM file")
    return content


def _remedy(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "globaldns certs init makes a root, globaldns certs intermediate the rest"
        case IsADirectoryError() | NotADirectoryError():
            return "name a PEM file, or the directory that has it"
        case _:
            return "let this user read it"
