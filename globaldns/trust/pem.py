"""Certificates and keys from PEM and into it, with what is wrong with them said in our words.

Text may come from other clusters: what it says of itself is made printable before people see it.

Standards:
    RFC 7468    PEM; a certificate, and a key as PKCS #8
    RFC 4514    names as text
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from globaldns.errors import CertificateError
from globaldns.trust.roots import Root
from globaldns.trust.validity import Validity

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
"""The kinds that Istio and Envoy sign and verify with."""

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----")
_DAMAGED = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What reading a certificate raises; some of it only when a field is asked for."""


def parse_certificates(data: bytes, place: str) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM text, at least one, each of which can be read whole.

    Raises:
        CertificateError: there is none, or one cannot be read.
    """
    if _BLOCK.search(data) is None:
        hint = "PEM: it begins with -----BEGIN CERTIFICATE-----"
        raise CertificateError(f"{place} holds no certificate", hint=hint)
    try:
        found = x509.load_pem_x509_certificates(data)
        for certificate in found:
            _read_whole(certificate)
    except _DAMAGED as error:
        reason = f"{place} holds a certificate that cannot be read"
        hint = "openssl x509 -noout -text says where it is damaged; write it anew"
        raise CertificateError(reason, hint=hint) from error
    return tuple(found)


def _read_whole(certificate: x509.Certificate) -> None:
    """Read every field that anything here asks for.

    Raises:
        ValueError, UnsupportedAlgorithm, …: one is damaged.
    """
    find_root(certificate)
    _ = certificate.issuer, certificate.extensions, certificate.public_key()


def parse_key(data: bytes, place: str) -> PrivateKey:
    """Return the private key of a PEM text.

    Raises:
        CertificateError: there is none that can be used; nothing of the text is in the message.
    """
    try:
        key = serialization.load_pem_private_key(data, None)
    except TypeError:
        hint = "openssl pkey -in OLD -out NEW writes it without one"
        raise CertificateError(f"{place} has a passphrase", is_key=True, hint=hint) from None
    except (ValueError, UnsupportedAlgorithm):
        hint = "PEM: it begins with -----BEGIN PRIVATE KEY-----"
        raise CertificateError(f"{place} holds no private key", is_key=True, hint=hint) from None
    if not isinstance(key, PrivateKey):
        hint = "use an elliptic curve (P-256) or RSA"
        reason = f"{place} holds a key of a kind that Envoy does not verify"
        raise CertificateError(reason, is_key=True, hint=hint)
    return key


def parse_roots(data: bytes, place: str) -> tuple[Root, ...]:
    """Return the roots of a bundle in PEM, each once, in its order.

    Raises:
        CertificateError: there is none, or one cannot be read.
    """
    return tuple(dict.fromkeys(map(find_root, parse_certificates(data, place))))


def find_root(certificate: x509.Certificate) -> Root:
    """Return what is compared of a root, or shown of any certificate."""
    return Root(
        certificate.fingerprint(hashes.SHA256()).hex(),
        format_name(certificate.subject),
        find_validity(certificate),
    )


def find_validity(certificate: x509.Certificate) -> Validity:
    """Return from when until when a certificate is valid."""
    begins, expires = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return Validity(int(begins.timestamp()), int(expires.timestamp()))


def format_name(name: x509.Name) -> str:
    """Return a name on one line."""
    text = name.rfc4514_string()
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def format_certificates(certificates: Iterable[x509.Certificate]) -> bytes:
    """Return certificates in PEM, in their order."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def format_key(key: PrivateKey) -> bytes:
    """Return a private key in PEM, as PKCS #8 without a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
