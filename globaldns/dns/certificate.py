"""The certificate of DNS over TLS: read from its files, with what is wrong with them.

Of the certificate itself only its end is read here; all else is OpenSSL's::

    SEQUENCE { tbsCertificate SEQUENCE {
        [0] version, where it is not 1
        serialNumber  INTEGER
        signature     SEQUENCE
        issuer        SEQUENCE
        validity      SEQUENCE { notBefore, notAfter: UTCTime or GeneralizedTime }
        …

Standards:
    RFC 9325 section 3.1.1   TLS 1.2 and later
    RFC 7301                 ALPN; ``dot`` is in IANA's registry of its identifiers
    RFC 7468                 PEM
    RFC 5280 section 4.1     certificates and their validity
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from globaldns.config.problem import Problem
from globaldns.config.schema import TlsSettings
from globaldns.errors import CertificateError
from globaldns.model.claim import format_time

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----")
_MAX_OCTETS = 1 << 20
"""Of a file; a chain of four has 8,000."""
_MISMATCHES = frozenset(("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"))
"""The last is what OpenSSL says of a key of another kind than the certificate's."""

_VERSION = 0xA0
_UTC_TIME = 0x17
_LONG = 0x80
"""DER: a length octet above it says how many octets of length follow."""
_CENTURY_TURN = 50
"""RFC 5280 section 4.1.2.5.1: years of two digits from here on are of the last century."""


class Certificate(msgspec.Struct, frozen=True):
    """A certificate with its key, ready for handshakes."""

    context: ssl.SSLContext
    expires: int
    """Unix seconds, the first at which clients refuse it being the next one."""


def read_certificate(certificate: Path, key: Path) -> Certificate:
    """Return the certificate that two files hold.

    Raises:
        CertificateError: it cannot be used.
    """
    expires = _read_expiry(certificate)
    _check_key(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["dot"])
    _load(context, certificate, key)
    return Certificate(context, expires)


def _read_expiry(certificate: Path) -> int:
    """Return the Unix time until which the first certificate of a file, the server's, is valid."""
    found = _CERTIFICATE.search(_read(certificate, is_key=False))
    if found is None:
        hint = "PEM: it begins with -----BEGIN CERTIFICATE-----"
        raise CertificateError(f"{certificate} holds no certificate", hint=hint)
    try:
        return decode_expiry(ssl.PEM_cert_to_DER_cert(found[0].decode("ascii")))
    except (IndexError, ValueError) as error:
        hint = f"openssl x509 -noout -in {certificate} says where"
        raise CertificateError(f"{certificate} is damaged", hint=hint) from error


def _check_key(key: Path) -> None:
    if _KEY.search(_read(key, is_key=True)) is None:
        hint = "PEM: it begins with -----BEGIN PRIVATE KEY-----"
        raise CertificateError(f"{key} holds no private key", is_key=True, hint=hint)


def _read(path: Path, *, is_key: bool) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_OCTETS + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"{path} cannot be read: {reason}"
        raise CertificateError(message, is_key=is_key, hint=_remedy(error)) from error
    if len(data) > _MAX_OCTETS:
        message = f"{path} has over {_MAX_OCTETS >> 20} MiB"
        raise CertificateError(message, is_key=is_key, hint="name a PEM file")
    return data


def _remedy(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "put it there"
        case IsADirectoryError() | NotADirectoryError():
            return "name a PEM file"
        case _:
            return "let this user read it"


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    def refuse() -> str:
        hint = f"openssl pkey -in {key} -out NEW writes it without one"
        raise CertificateError(f"{key} has a passphrase", is_key=True, hint=hint)

    try:
        context.load_cert_chain(certificate, key, password=refuse)
    except ssl.SSLError as error:
        if error.reason in _MISMATCHES:
            message = f"{key} is not the key of the certificate in {certificate}"
            hint = "give both of one issuance; the certificate comes first in its file"
            raise CertificateError(message, is_key=True, hint=hint) from error
        reason = (error.reason or "one is damaged").replace("_", " ").lower()
        message = f"{certificate} and {key} cannot be used: {reason}"
        hint = "openssl x509 -noout -in and openssl pkey -noout -in tell which is damaged"
        raise CertificateError(message, hint=hint) from error
    except OSError as error:  # gone since it was read
        reason = (error.strerror or str(error)).lower()
        raise CertificateError(f"{certificate} or {key} cannot be read: {reason}") from error


def decode_expiry(der: bytes) -> int:
    """Return the Unix time until which a certificate is valid.

    Raises:
        IndexError, ValueError: it does not say so as RFC 5280 wants.
    """
    _, inside, _ = _open(der, _open(der, 0)[1])
    if der[inside] == _VERSION:
        _, _, inside = _open(der, inside)
    for _field in ("serialNumber", "signature", "issuer"):
        _, _, inside = _open(der, inside)
    _, not_before, _ = _open(der, inside)
    _, _, not_after = _open(der, not_before)
    tag, start, end = _open(der, not_after)
    text = der[start:end].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY_TURN else "20") + text
    return int(datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp())


def _open(der: bytes, offset: int) -> tuple[int, int, int]:
    """Return the tag of a DER value, where what is inside begins, and where it ends."""
    length, start = der[offset + 1], offset + 2
    if length & _LONG:
        octets = length & ~_LONG
        length, start = int.from_bytes(der[start : start + octets]), start + octets
    return der[offset], start, start + length


def certificate_problems(tls: TlsSettings, now: int) -> Iterator[Problem]:
    """Yield what is wrong with the files that ``dns.tls`` names, at a Unix time."""
    if tls.certificate is None or tls.key is None:
        return
    failures: list[CertificateError] = []
    for look in (partial(_read_expiry, tls.certificate), partial(_check_key, tls.key)):
        try:
            look()
        except CertificateError as error:
            failures.append(error)
    if not failures:
        try:
            yield from _expiry_problems(read_certificate(tls.certificate, tls.key), now)
        except CertificateError as error:
            failures.append(error)
    for failure in failures:
        name = "key" if failure.is_key else "certificate"
        yield Problem(f"$.dns.tls.{name}", str(failure), failure.hint, code="certificate")


def _expiry_problems(certificate: Certificate, now: int) -> Iterator[Problem]:
    if certificate.expires < now:
        yield Problem(
            "$.dns.tls.certificate",
            f"it expired at {format_time(certificate.expires)}: clients that check it refuse it",
            "renew it; a server that runs takes the new one by itself",
            code="certificate-expired",
            is_fatal=False,
        )
