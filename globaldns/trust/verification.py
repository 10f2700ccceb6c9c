"""What is wrong with the certificates of a directory or a file, as istiod and its peers judge them.

What istiod refuses at its start: a key that is not the certificate's, a certificate that does not
lead to the root by ``cert-chain.pem``. What it takes, and peers refuse later: a chain without the
intermediate, one that signs beyond its path length (RFC 5280 section 4.2.1.9).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from globaldns.errors import CertificateError
from globaldns.trust.issuing import Authority
from globaldns.trust.layout import (
    CA_CERT,
    CA_KEY,
    CERT_CHAIN,
    ROOT_CERT,
    ROOT_KEY,
    read_file,
)
from globaldns.trust.pem import (
    PrivateKey,
    find_root,
    find_validity,
    format_name,
    parse_certificates,
    parse_key,
)
from globaldns.trust.roots import Bundle
from globaldns.trust.validity import Fault, find_time_faults

T = TypeVar("T")

Certificates = tuple[x509.Certificate, ...]

_RENEW = "globaldns certs intermediate makes another, in a new directory"
_ORDER = f"write {CA_CERT} and then {ROOT_CERT} into it"
_NEW_ROOT = "globaldns certs init makes a root"


class Verified(msgspec.Struct, frozen=True):
    """What was found at one path."""

    bundle: Bundle
    """The roots there, to be compared; ``cluster`` is the path."""
    faults: tuple[Fault, ...]
    """All but what the comparison shows, the roots' age among it."""


def verify_path(path: Path, now: int) -> Verified:
    """Return what is wrong with a directory of an intermediate or a root, or a file of roots."""
    reader = _Reader()
    if not _is_directory(path):
        roots = reader.certificates(path)
        faults = [fault for root in roots for fault in _find_root_faults(root, path)]
    elif any(os.path.lexists(path / name) for name in (CA_CERT, CA_KEY, CERT_CHAIN)):
        roots = reader.certificates(path / ROOT_CERT)
        faults = [*_verify_cacerts(path, roots, reader, now)]
    else:
        roots = reader.certificates(path / ROOT_CERT)
        faults = [*_verify_root(path, roots, reader)]
    found = tuple(dict.fromkeys(map(find_root, roots)))
    reason = "" if found else "no root could be read"
    return Verified(Bundle(str(path), found, reason), (*reader.faults, *faults))


def read_root(directory: Path, now: int) -> Authority:
    """Return the root of a directory, ready to sign an intermediate.

    Raises:
        CertificateError: it cannot be read, or nobody would believe what it signs.
    """
    cert, key = directory / ROOT_CERT, directory / ROOT_KEY
    certificate = parse_certificates(read_file(cert), str(cert))[0]
    root = Authority(certificate, parse_key(read_file(key), str(key)))
    name = f"the root {format_name(certificate.subject)}"
    faults = [
        *_find_key_faults(certificate, root.key, key),
        *_find_root_faults(certificate, cert),
        *find_time_faults(root.validity, now, place=str(cert), name=name, hint=_NEW_ROOT),
    ]
    for fault in faults:
        if fault.is_fatal:
            raise CertificateError(f"{fault.place}: {fault.reason}", hint=fault.hint)
    return root


def _is_directory(path: Path) -> bool:
    """Whether a path leads to a directory; reading it says why another one cannot be read."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


class _Reader:
    """Reads files; what cannot be read is a fault, and absent."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def certificates(self, path: Path) -> Certificates:
        return self._read(path, parse_certificates) or ()

    def key(self, path: Path) -> PrivateKey | None:
        return self._read(path, parse_key)

    def _read(self, path: Path, parse: Callable[[bytes, str], T]) -> T | None:
        try:
            return parse(read_file(path), str(path))
        except CertificateError as error:
            reason = str(error).removeprefix(f"{path} ")
            self.faults.append(Fault(str(path), "unreadable", reason, error.hint))
            return None


def _verify_cacerts(
    directory: Path, roots: Certificates, reader: _Reader, now: int
) -> Iterator[Fault]:
    cert, key = directory / CA_CERT, directory / CA_KEY
    own = reader.certificates(cert)[:1]
    private, chain = reader.key(key), reader.certificates(directory / CERT_CHAIN)
    for certificate in own:
        if private is not None:
            yield from _find_key_faults(certificate, private, key)
        if chain and certificate not in (*chain, *roots):
            reason = f"lacks the certificate of {CA_CERT}: no peer could verify what it signs"
            yield Fault(str(directory / CERT_CHAIN), "chain", reason, _ORDER)
        path = _find_path(certificate, chain, roots) if roots else None
        if roots and path is None:
            issuer = format_name(certificate.issuer)
            reason = f"does not lead to a root of {ROOT_CERT}; its issuer is {issuer}"
            yield Fault(str(cert), "chain", reason, _RENEW)
        for below, one in enumerate(path or own):
            yield from _find_authority_faults(one, str(cert), below=below)
            if one not in roots:
                name = f"the certificate {format_name(one.subject)}"
                yield from find_time_faults(
                    find_validity(one), now, place=str(cert), name=name, hint=_RENEW
                )


def _verify_root(directory: Path, roots: Certificates, reader: _Reader) -> Iterator[Fault]:
    cert, key = directory / ROOT_CERT, directory / ROOT_KEY
    for root in roots:
        yield from _find_root_faults(root, cert)
    private = reader.key(key) if roots and os.path.lexists(key) else None
    if private is not None:
        yield from _find_key_faults(roots[0], private, key)


def _find_root_faults(root: x509.Certificate, path: Path) -> Iterator[Fault]:
    """Yield what is wrong with a certificate that is to be believed without an issuer."""
    if not _has_signed(root, root):
        name, issuer = format_name(root.subject), format_name(root.issuer)
        reason = f"{name} is no root: {issuer} has signed it"
        yield Fault(str(path), "no-root", reason, "name the directory that its chain is in")
        return
    yield from _find_authority_faults(root, str(path), below=1)


def _find_key_faults(
    certificate: x509.Certificate, private: PrivateKey, key: Path
) -> Iterator[Fault]:
    if private.public_key() != certificate.public_key():
        reason = f"is not the key of {format_name(certificate.subject)}"
        yield Fault(str(key), "key-mismatch", reason, "put both of one issuance there")


def _find_authority_faults(
    certificate: x509.Certificate, place: str, *, below: int
) -> Iterator[Fault]:
    """Yield why a certificate may not sign, with so many authorities between it and a workload."""
    name, extensions = format_name(certificate.subject), certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        yield Fault(place, "no-authority", f"{name} is no certificate authority", _RENEW)
        return
    if constraints.path_length is not None and constraints.path_length < below:
        reason = f"{name} allows {constraints.path_length} authorities below it, and has {below}"
        yield Fault(place, "no-authority", reason, "issue it without a path length")
    with suppress(x509.ExtensionNotFound):
        if not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            reason = f"{name} may not sign certificates (keyUsage)"
            yield Fault(place, "no-authority", reason, _RENEW)


def _find_path(
    certificate: x509.Certificate, chain: Sequence[x509.Certificate], roots: Certificates
) -> Certificates | None:
    """Return the certificates from one to a root, both among them; None: it does not lead there.

    Each is looked at once, whatever signed what.
    """
    found: dict[x509.Certificate, Certificates] = {certificate: (certificate,)}
    remaining = [certificate]
    while remaining:
        current = remaining.pop(0)
        if current in roots:
            return found[current]
        for issuer in (*roots, *chain):
            if issuer not in found and _has_signed(issuer, current):
                found[issuer] = (*found[current], issuer)
                remaining.append(issuer)
    return None


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
