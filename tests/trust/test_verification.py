"""What is wrong with certificates in directories and files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from globaldns.errors import CertificateError
from globaldns.trust.issuing import Authority
from globaldns.trust.pem import find_root, format_certificates, format_key
from globaldns.trust.verification import read_root, verify_path
from tests.trust.authorities import (
    NOW,
    after,
    make_intermediate,
    make_root,
    write_cacerts,
    write_root,
)

ROOT = make_root()
OTHER = make_root()

Change = Callable[[Path], object]


def copy(name: str, source: Authority = OTHER) -> Change:
    """Put a file of another issuance, of the same names, in place of one."""

    def change(folder: Path) -> None:
        other = write_cacerts(folder.parent / "other" / "east", source)
        shutil.copy(other / name, folder / name)

    return change


def write(name: str, content: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(content)


def made(name: str, *, issuer: Authority | None = None, **extensions: object) -> Authority:
    """Return a certificate with these extensions alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer or Authority(ROOT.certificate, key)
    builder = x509.CertificateBuilder(
        signer.certificate.subject if issuer else subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        datetime.fromtimestamp(NOW, UTC),
        datetime.fromtimestamp(after(300), UTC),
    )
    for extension in extensions.values():
        assert isinstance(extension, x509.ExtensionType)
        builder = builder.add_extension(extension, critical=True)
    above = (issuer.certificate, *issuer.above) if issuer else ()
    return Authority(builder.sign(signer.key, hashes.SHA256()), key, above)


def place(folder: Path, authority: Authority) -> Path:
    """Write an authority as a cluster's directory, root last of its chain."""
    folder.mkdir(parents=True)
    chain = (authority.certificate, *authority.above)
    (folder / "ca-cert.pem").write_bytes(format_certificates(chain[:1]))
    (folder / "ca-key.pem").write_bytes(format_key(authority.key))
    (folder / "cert-chain.pem").write_bytes(format_certificates(chain))
    (folder / "root-cert.pem").write_bytes(format_certificates(chain[-1:]))
    return folder


def said(path: Path, now: int = NOW) -> list[str]:
    """What is found, with the place's name: ``east/ca-key.pem code reason``."""
    return [
        f"{Path(fault.place).parent.name}/{Path(fault.place).name} {fault.code} {fault.reason}"
        for fault in verify_path(path, now).faults
    ]


def test_what_was_made_here_has_nothing_wrong(tmp_path: Path) -> None:
    east = write_cacerts(tmp_path / "east", ROOT)
    verified = verify_path(east, NOW)
    assert verified.faults == ()
    assert verified.bundle.roots == (find_root(ROOT.certificate),)
    assert verified.bundle.cluster == str(east)
    root = write_root(tmp_path / "root", ROOT)
    for path in (root, root / "root-cert.pem"):
        assert verify_path(path, NOW).faults == ()
        assert verify_path(path, NOW).bundle.roots == verified.bundle.roots


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            copy("ca-key.pem"),
            ["east/ca-key.pem key-mismatch is not the key of L=east,CN=Intermediate CA,O=Acme"],
        ),
        (
            copy("root-cert.pem"),
            [
                (
                    "east/ca-cert.pem chain does not lead to a root of root-cert.pem; "
                    "its issuer is CN=Root CA,O=Acme"
                )
            ],
        ),
        (
            copy("cert-chain.pem"),
            [
                (
                    "east/cert-chain.pem chain lacks the certificate of ca-cert.pem: "
                    "no peer could verify what it signs"
                )
            ],
        ),
        (
            write("ca-cert.pem", b"hello"),
            ["east/ca-cert.pem unreadable holds no certificate"],
        ),
        (
            lambda folder: (folder / "ca-key.pem").unlink(),
            ["east/ca-key.pem unreadable cannot be read: no such file or directory"],
        ),
        (
            lambda folder: (folder / "cert-chain.pem").unlink(),
            ["east/cert-chain.pem unreadable cannot be read: no such file or directory"],
        ),
        (
            write("root-cert.pem", b""),
            ["east/root-cert.pem unreadable holds no certificate"],
        ),
        (write("notes.txt", b"hello"), []),
    ],
)
def test_a_cacerts_directory_is_looked_at_file_by_file(
    change: Change, expected: list[str], tmp_path: Path
) -> None:
    east = write_cacerts(tmp_path / "east", ROOT)
    change(east)
    assert said(east) == expected
    assert all(fault.hint for fault in verify_path(east, NOW).faults)


def test_without_a_root_that_can_be_read_none_is_known(tmp_path: Path) -> None:
    east = write_cacerts(tmp_path / "east", ROOT)
    (east / "root-cert.pem").write_text("hello")
    bundle = verify_path(east, NOW).bundle
    assert (bundle.roots, bundle.reason) == ((), "no root could be read")


@pytest.mark.parametrize(
    ("days", "code", "is_fatal"),
    [
        (0, "", False),
        (80, "certificate-expiring", False),
        (101, "certificate-expired", True),
    ],
)
def test_an_intermediate_is_told_before_and_after_it_expires(
    days: int,
    code: str,
    is_fatal: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    east = write_cacerts(tmp_path / "east", ROOT, days=100)
    found = verify_path(east, after(days)).faults
    assert [(fault.code, fault.is_fatal) for fault in found] == ([(code, is_fatal)] * bool(code))


CA = x509.BasicConstraints(ca=True, path_length=None)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)
LAST_CA = x509.BasicConstraints(ca=True, path_length=0)
SIGNS_DATA = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.mark.parametrize(
    ("authority", "reasons"),
    [
        (lambda: made("i", issuer=ROOT, a=CA), []),
        (lambda: made("i", issuer=ROOT), ["CN=i is no certificate authority"]),
        (lambda: made("i", issuer=ROOT, a=NO_CA), ["CN=i is no certificate authority"]),
        (
            lambda: made("i", issuer=ROOT, a=CA, b=SIGNS_DATA),
            ["CN=i may not sign certificates (keyUsage)"],
        ),
        (lambda: made("i", issuer=made("m", issuer=ROOT, a=CA), a=CA), []),
        (
            lambda: made("i", issuer=made("m", issuer=ROOT, a=LAST_CA), a=CA),
            ["CN=m allows 0 authorities below it, and has 1"],
        ),
        (
            lambda: made("i", issuer=made("r", a=LAST_CA), a=CA),
            ["CN=r allows 0 authorities below it, and has 1"],
        ),
        (lambda: made("r", a=CA), []),
    ],
    ids=[
        *("bare", "no constraints", "no authority", "signs no certificates", "two tiers"),
        *("a short path", "a root with a short path", "the root itself signs"),
    ],
)
def test_every_certificate_up_to_the_root_must_be_allowed_to_sign(
    authority: Callable[[], Authority], reasons: list[str], tmp_path: Path
) -> None:
    found = verify_path(place(tmp_path / "east", authority()), NOW).faults
    assert [fault.reason for fault in found] == reasons


def test_a_file_of_roots_must_hold_roots(tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    intermediate = make_intermediate(ROOT).certificate
    file.write_bytes(format_certificates([ROOT.certificate, intermediate, made("x").certificate]))
    assert said(file) == [
        (
            f"{tmp_path.name}/roots.pem no-root L=east,CN=Intermediate CA,O=Acme is no root: "
            "CN=Root CA,O=Acme has signed it"
        ),
        f"{tmp_path.name}/roots.pem no-authority CN=x is no certificate authority",
    ]


def test_a_directory_without_certificates_and_a_path_to_nowhere_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert said(tmp_path / "empty") == [
        "empty/root-cert.pem unreadable cannot be read: no such file or directory"
    ]
    assert said(tmp_path / "nowhere") == [
        f"{tmp_path.name}/nowhere unreadable cannot be read: no such file or directory"
    ]


def test_a_roots_directory_is_looked_at_too(tmp_path: Path) -> None:
    root = write_root(tmp_path / "root", ROOT)
    (root / "root-key.pem").write_bytes(format_key(OTHER.key))
    assert said(root) == ["root/root-key.pem key-mismatch is not the key of CN=Root CA,O=Acme"]


def test_a_root_can_sign_where_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    root = read_root(write_root(tmp_path / "root", ROOT), NOW)
    assert root.certificate == ROOT.certificate
    assert root.key.public_key() == ROOT.key.public_key()


@pytest.mark.parametrize(
    ("root", "now", "reason"),
    [
        (ROOT, after(3651), "the root CN=Root CA,O=Acme expired 24 hours ago"),
        (ROOT, NOW - 86_400, "is not valid before 23 hours from now"),
        (Authority(ROOT.certificate, OTHER.key), NOW, "root-key.pem: is not the key of CN=Root CA"),
        (made("r", a=LAST_CA), NOW, "root-cert.pem: CN=r allows 0 authorities below it"),
        (made("r"), NOW, "root-cert.pem: CN=r is no certificate authority"),
        (made("i", issuer=ROOT, a=CA), NOW, "CN=i is no root: CN=Root CA,O=Acme has signed it"),
    ],
    ids=["expired", "early", "other key", "short path", "no authority", "intermediate"],
)
def test_a_root_that_nobody_would_believe_signs_nothing(
    root: Authority, now: int, reason: str, tmp_path: Path
) -> None:
    folder = write_root(tmp_path / "root", root)
    with pytest.raises(CertificateError) as caught:
        read_root(folder, now)
    assert reason in str(caught.value)
    assert caught.value.hint


def test_a_root_that_expires_soon_still_signs(tmp_path: Path) -> None:
    assert read_root(write_root(tmp_path / "root", ROOT), after(3649)).certificate
