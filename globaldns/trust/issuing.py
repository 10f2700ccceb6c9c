"""Certificates made: a root, an intermediate for each cluster, and what a workload shows.

What each kind says, after Istio's ``tools/certs`` and SPIFFE X509-SVID::

                       root                intermediate              workload
    subject            O, CN=Root CA       O, CN=Intermediate CA,    empty
                                           L=the cluster's id
    basicConstraints   CA                  CA, pathlen 0             no CA         critical
    keyUsage           keyCertSign         keyCertSign, cRLSign      digital-      critical
                       cRLSign                                       Signature
    extKeyUsage        -                   -                         serverAuth,
                                                                     clientAuth
    subjectAltName     -                   DNS, istiod's name        URI, the      critical where
                                                                     SPIFFE id     subject is empty
    key identifiers    own                 own and issuer's          own and issuer's

Serials are random, 159 bits (RFC 5280 section 4.1.2.2 has at most 20 octets). Signatures are with
SHA-256.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from globaldns.errors import CertificateError
from globaldns.trust.pem import (
    PrivateKey,
    find_validity,
    format_certificates,
    format_key,
)
from globaldns.trust.validity import Validity, choose_validity

ISTIOD = "istiod.istio-system.svc"
"""The name that Istio's ``tools/certs`` gives every intermediate."""
RSA_BITS = 4096
"""As Istio's ``tools/certs``."""
_RSA_EXPONENT = 65_537
_MAX_ORGANIZATION = 64
"""RFC 5280 appendix A.1: ub-organization-name."""
_MAX_SPIFFE_ID = 2048
"""Octets (SPIFFE ID section 2.3)."""
_SPIFFE_ID = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._-]+)+")
"""SPIFFE ID section 2: no empty segment, none of dots alone; a workload's has a path."""


class KeyType(StrEnum):
    """Kinds of keys."""

    EC = "ec"
    """NIST P-256: the only curve that every Envoy verifies."""
    RSA = "rsa"


class Authority(msgspec.Struct, frozen=True):
    """A certificate that signs others, with its key."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()
    """Its issuer, that one's, and so on to the root; none: it is the root."""

    def __repr__(self) -> str:
        """Return what may stand in a log: never the key."""
        return f"Authority({self.certificate.subject.rfc4514_string()!r})"

    @property
    def validity(self) -> Validity:
        """From when until when what it signs can be verified."""
        return find_validity(self.certificate)


class Workload(NamedTuple):
    """What a proxy shows: PEM texts."""

    key: bytes
    """PKCS #8."""
    chain: bytes
    """Its certificate, then those above it but the root, which the peer has."""

    def __repr__(self) -> str:
        """Return what may stand in a log: never the key."""
        return f"Workload({len(self.chain)} octets of certificates)"


def issue_root(*, organization: str, key_type: KeyType, now: int, days: int) -> Authority:
    """Return a new root.

    Raises:
        CertificateError: the organization cannot be part of a name.
    """
    if not (organization.isprintable() and 0 < len(organization.strip()) <= _MAX_ORGANIZATION):
        hint = f"1 to {_MAX_ORGANIZATION} printable characters"
        raise CertificateError(f"{organization!r} cannot be an organization's name", hint=hint)
    key = _make_key(key_type)
    name = _make_name((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, "Root CA"))
    builder = _begin(key, name, name, choose_validity(now, days))
    builder = _make_authority(builder, path_length=None)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def issue_intermediate(root: Authority, cluster: str, *, now: int, days: int) -> Authority:
    """Return a new intermediate for a cluster, with a key of its own of the root's kind.

    It does not outlive the root.
    """
    key = _make_key(KeyType.RSA if isinstance(root.key, rsa.RSAPrivateKey) else KeyType.EC)
    issuer = root.certificate.subject
    organization = [
        (attribute.oid, str(attribute.value))
        for attribute in issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    ]
    name = _make_name(
        *organization,
        (NameOID.COMMON_NAME, "Intermediate CA"),
        (NameOID.LOCALITY_NAME, cluster),
    )
    builder = _begin(key, name, issuer, choose_validity(now, days, root.validity))
    builder = _make_authority(builder, path_length=0).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(ISTIOD)]), critical=False
    )
    certificate = _add_issuer(builder, root).sign(root.key, hashes.SHA256())
    return Authority(certificate, key, (root.certificate, *root.above))


def issue_workload(intermediate: Authority, spiffe_id: str, *, now: int, days: int) -> Workload:
    """Return the key and the chain by which a workload is known; its key is a P-256 one.

    It does not outlive the intermediate.

    Raises:
        CertificateError: the id is no SPIFFE id of a workload.
    """
    if len(spiffe_id) > _MAX_SPIFFE_ID or not _SPIFFE_ID.fullmatch(spiffe_id):
        hint = "write it like spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT"
        raise CertificateError(f"{spiffe_id!r} is no SPIFFE id of a workload", hint=hint)
    key = _make_key(KeyType.EC)
    issuer = intermediate.certificate.subject
    validity = choose_validity(now, days, intermediate.validity)
    builder = (
        _begin(key, x509.Name([]), issuer, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)]), critical=True
        )
    )
    certificate = _add_issuer(builder, intermediate).sign(intermediate.key, hashes.SHA256())
    chain = (certificate, intermediate.certificate, *intermediate.above[:-1])
    return Workload(format_key(key), format_certificates(chain))


def _make_key(key_type: KeyType) -> PrivateKey:
    if key_type is KeyType.RSA:
        return rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS)
    return ec.generate_private_key(ec.SECP256R1())


def _make_name(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _begin(
    key: PrivateKey, subject: x509.Name, issuer: x509.Name, validity: Validity
) -> x509.CertificateBuilder:
    """Begin a certificate with what all kinds have."""
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(validity.begins, UTC))
        .not_valid_after(datetime.fromtimestamp(validity.expires, UTC))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _make_authority(
    builder: x509.CertificateBuilder, *, path_length: int | None
) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(_key_usage(signs_certificates=True), critical=True)


def _add_issuer(builder: x509.CertificateBuilder, issuer: Authority) -> x509.CertificateBuilder:
    """Name the issuer's key as the issuer names it itself (RFC 5280 section 4.2.1.1)."""
    try:
        own = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)
    except x509.ExtensionNotFound:
        public = issuer.key.public_key()
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)
    return builder.add_extension(identifier, critical=False)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
