"""What the certificates say that are made, table by table of issuing.py."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from globaldns.errors import CertificateError
from globaldns.trust.issuing import (
    ISTIOD,
    RSA_BITS,
    Authority,
    KeyType,
    issue_intermediate,
    issue_root,
    issue_workload,
)
from globaldns.trust.pem import find_validity, parse_certificates, parse_key
from tests.trust.authorities import NOW, after, make_intermediate, make_root

SPIFFE_ID = "spiffe://cluster.local/ns/shop/sa/cart"


@pytest.fixture(scope="module")
def root() -> Authority:
    return make_root()


@pytest.fixture(scope="module")
def intermediate(root: Authority) -> Authority:
    return make_intermediate(root)


@pytest.fixture(scope="module")
def workload(intermediate: Authority) -> x509.Certificate:
    made = issue_workload(intermediate, SPIFFE_ID, now=NOW, days=1)
    return parse_certificates(made.chain, "chain")[0]


def extensions(certificate: x509.Certificate) -> dict[str, bool]:
    """What a certificate has, and whether it is critical."""
    return {one.oid._name: one.critical for one in certificate.extensions}


def usages(certificate: x509.Certificate) -> set[str]:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    names = ("digital_signature", "key_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return {name for name in names if getattr(usage, name)}


def constraints(certificate: x509.Certificate) -> tuple[bool, int | None]:
    value = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    return value.ca, value.path_length


def own_identifier(certificate: x509.Certificate) -> bytes:
    found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return found.value.digest


def issuers_identifier(certificate: x509.Certificate) -> bytes | None:
    found = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    return found.value.key_identifier


def names(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value


def test_a_root_signs_itself_and_certificates_and_nothing_else(root: Authority) -> None:
    certificate = root.certificate
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == "CN=Root CA,O=Acme"
    assert extensions(certificate) == {
        "basicConstraints": True,
        "keyUsage": True,
        "subjectKeyIdentifier": False,
    }
    assert constraints(certificate) == (True, None)
    assert usages(certificate) == {"key_cert_sign", "crl_sign"}


def test_an_intermediate_is_its_clusters_and_signs_workloads_only(
    root: Authority, intermediate: Authority
) -> None:
    certificate = intermediate.certificate
    certificate.verify_directly_issued_by(root.certificate)
    assert certificate.subject.rfc4514_string() == "L=east,CN=Intermediate CA,O=Acme"
    assert extensions(certificate) == {
        "basicConstraints": True,
        "keyUsage": True,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
        "subjectAltName": False,
    }
    assert constraints(certificate) == (True, 0)
    assert usages(certificate) == {"key_cert_sign", "crl_sign"}
    assert names(certificate).get_values_for_type(x509.DNSName) == [ISTIOD]
    assert issuers_identifier(certificate) == own_identifier(root.certificate)
    assert intermediate.above == (root.certificate,)
    assert intermediate.key.public_key() == certificate.public_key()


def test_a_workload_is_its_spiffe_id_and_may_be_both_ends(
    intermediate: Authority, workload: x509.Certificate
) -> None:
    workload.verify_directly_issued_by(intermediate.certificate)
    assert list(workload.subject) == []
    assert extensions(workload) == {
        "basicConstraints": True,
        "keyUsage": True,
        "extendedKeyUsage": False,
        "subjectKeyIdentifier": False,
        "authorityKeyIdentifier": False,
        "subjectAltName": True,
    }
    assert constraints(workload) == (False, None)
    assert usages(workload) == {"digital_signature"}
    found = workload.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(found) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    assert names(workload).get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE_ID]
    assert issuers_identifier(workload) == own_identifier(intermediate.certificate)


def test_a_workload_gets_its_key_and_all_above_it_but_the_root(intermediate: Authority) -> None:
    key, chain = issue_workload(intermediate, SPIFFE_ID, now=NOW, days=1)
    certificates = parse_certificates(chain, "chain")
    assert certificates[1:] == (intermediate.certificate,)
    private = parse_key(key, "key")
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert isinstance(private.curve, ec.SECP256R1)
    assert key.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert private.public_key() == certificates[0].public_key()


def test_nothing_outlives_what_has_signed_it() -> None:
    root = make_root(days=100)
    intermediate = make_intermediate(root, days=730)
    assert intermediate.validity.expires == root.validity.expires == after(100)
    late = after(99)
    made = issue_workload(intermediate, SPIFFE_ID, now=late, days=30)
    assert find_validity(parse_certificates(made.chain, "x")[0]).expires == after(100)


def test_serials_are_random_and_fit_into_twenty_octets() -> None:
    serials = {make_root().certificate.serial_number for _ in range(20)}
    assert len(serials) == 20
    assert all(0 < serial.bit_length() < 160 for serial in serials)
    assert max(serial.bit_length() for serial in serials) > 128


def test_an_intermediate_has_a_key_of_the_roots_kind() -> None:
    root = issue_root(organization="Acme", key_type=KeyType.RSA, now=NOW, days=10)
    made = issue_intermediate(root, "east", now=NOW, days=10)
    for key in (root.key, made.key):
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == RSA_BITS
    made.certificate.verify_directly_issued_by(root.certificate)


def test_a_root_that_does_not_name_its_key_is_named_by_the_key_itself() -> None:
    root = make_root()
    builder = x509.CertificateBuilder(
        root.certificate.subject,
        root.certificate.subject,
        root.key.public_key(),
        7,
        root.certificate.not_valid_before_utc,
        root.certificate.not_valid_after_utc,
    )
    bare = Authority(builder.sign(root.key, root.certificate.signature_hash_algorithm), root.key)
    assert issuers_identifier(make_intermediate(bare).certificate) == own_identifier(
        root.certificate
    )


@pytest.mark.parametrize("value", ["", " ", "x" * 65, "a\nb", "\x1b"])
def test_an_organization_has_to_be_a_name(value: str) -> None:
    with pytest.raises(CertificateError, match="cannot be an organization's name"):
        issue_root(organization=value, key_type=KeyType.EC, now=NOW, days=1)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "cart",
        "https://cluster.local/ns/shop/sa/cart",
        "spiffe://cluster.local",
        "spiffe://cluster.local/",
        "spiffe://Cluster.Local/ns/shop",
        "spiffe:///ns/shop",
        "spiffe://cluster.local/ns//cart",
        "spiffe://cluster.local/ns/../cart",
        "spiffe://cluster.local/ns/./cart",
        "spiffe://cluster.local/ns/..",
        "spiffe://cluster.local/ns/shop/",
        "spiffe://cluster.local/ns/shop?x",
        "spiffe://cluster.local/ns/shop\n",
        "spiffe://user@cluster.local/ns",
        "spiffe://cluster.local:80/ns",
        "spiffe://cluster.local/" + "a" * 2048,
    ],
)
def test_what_is_no_spiffe_id_of_a_workload_is_refused(value: str, intermediate: Authority) -> None:
    with pytest.raises(CertificateError, match="is no SPIFFE id of a workload"):
        issue_workload(intermediate, value, now=NOW, days=1)


@pytest.mark.parametrize("value", ["spiffe://td/a", "spiffe://a.b-c_d/ns/...x/sa/A-b.c_D"])
def test_what_is_one_is_taken(value: str, intermediate: Authority) -> None:
    chain = issue_workload(intermediate, value, now=NOW, days=1).chain
    certificate = parse_certificates(chain, "x")[0]
    assert names(certificate).get_values_for_type(x509.UniformResourceIdentifier) == [value]


def test_nothing_shows_a_key_as_text(intermediate: Authority) -> None:
    workload = issue_workload(intermediate, SPIFFE_ID, now=NOW, days=1)
    shown = f"{intermediate!r} {intermediate} {workload!r} {workload} {[workload, intermediate]}"
    assert "PRIVATE" not in shown
    assert "key=" not in shown
    assert "CN=Intermediate CA" in shown
