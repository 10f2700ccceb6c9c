"""Certificates and keys from PEM and into it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from globaldns.errors import CertificateError
from globaldns.trust.pem import (
    find_root,
    format_certificates,
    format_key,
    format_name,
    parse_certificates,
    parse_key,
    parse_roots,
)
from globaldns.trust.validity import SKEW_SECONDS, Validity
from tests.trust.authorities import NOW, after, make_root

PEM, PKCS8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
OPEN = serialization.NoEncryption()
MARKED = b"-----BEGIN CERTIFICATE-----\n"


def test_a_certificate_comes_back_as_it_was() -> None:
    certificates = (make_root().certificate, make_root().certificate)
    assert parse_certificates(format_certificates(certificates), "x") == certificates


def test_a_root_is_known_by_the_digest_of_its_octets() -> None:
    certificate = make_root().certificate
    root = find_root(certificate)
    assert root.fingerprint == certificate.fingerprint(hashes.SHA256()).hex()
    assert root.subject == "CN=Root CA,O=Acme"
    assert root.validity == Validity(NOW - SKEW_SECONDS, after(3650))


def test_a_root_that_stands_twice_in_a_bundle_is_one() -> None:
    one, two = make_root().certificate, make_root().certificate
    assert parse_roots(format_certificates([one, two, one]), "x") == (
        find_root(one),
        find_root(two),
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "x holds no certificate"),
        (b"hello", "x holds no certificate"),
        (format_key(make_root().key), "x holds no certificate"),
        (MARKED + b"-----END CERTIFICATE-----\n", "x holds a certificate that cannot be read"),
        (
            MARKED + b"AAAA\n-----END CERTIFICATE-----\n",
            "x holds a certificate that cannot be read",
        ),
        (MARKED, "x holds a certificate that cannot be read"),
    ],
)
def test_what_is_no_certificate_is_said_with_its_place(data: bytes, reason: str) -> None:
    with pytest.raises(CertificateError) as caught:
        parse_certificates(data, "x")
    assert str(caught.value) == reason
    assert caught.value.hint


def test_one_damaged_certificate_among_others_counts() -> None:
    good = format_certificates([make_root().certificate])
    with pytest.raises(CertificateError, match="cannot be read"):
        parse_certificates(good + MARKED + b"AAAA\n-----END CERTIFICATE-----\n", "x")


@pytest.mark.parametrize(
    "private",
    [
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-256", "P-384", "RSA"],
)
def test_a_key_comes_back_as_it_was_also_as_openssl_wrote_it_before(
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
) -> None:
    traditional = serialization.PrivateFormat.TraditionalOpenSSL
    for text in (format_key(private), private.private_bytes(PEM, traditional, OPEN)):
        assert parse_key(text, "x").public_key() == private.public_key()
    assert format_key(private).startswith(b"-----BEGIN PRIVATE KEY-----")


LOCKED = make_root().key.private_bytes(
    PEM, PKCS8, serialization.BestAvailableEncryption(b"passphrase")
)
ED25519 = ed25519.Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, OPEN)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "x holds no private key"),
        (format_certificates([make_root().certificate]), "x holds no private key"),
        (format_key(make_root().key)[:-60], "x holds no private key"),
        (LOCKED, "x has a passphrase"),
        (ED25519, "x holds a key of a kind that Envoy does not verify"),
    ],
    ids=["nothing", "certificate", "cut off", "passphrase", "Ed25519"],
)
def test_what_is_no_key_is_said_without_showing_it(data: bytes, reason: str) -> None:
    with pytest.raises(CertificateError) as caught:
        parse_key(data, "x")
    assert (str(caught.value), caught.value.is_key) == (reason, True)
    assert caught.value.hint
    assert caught.value.__cause__ is None


def test_a_name_cannot_move_the_cursor_or_begin_a_line() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a\x1b[2Jb\nc\u202ed ü")])
    assert format_name(name) == r"CN=a\x1b[2Jb\nc\u202ed ü"


def test_a_certificate_of_another_century_can_be_read() -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    key = ec.generate_private_key(ec.SECP256R1())
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime(1951, 1, 1, tzinfo=UTC))
        .not_valid_after(last)
        .sign(key, hashes.SHA256())
    )
    assert find_root(certificate).validity.expires == int(last.timestamp())
