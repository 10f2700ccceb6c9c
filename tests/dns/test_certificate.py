"""Certificates and keys as people leave them in files, and when they end."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from globaldns.config.schema import TlsSettings
from globaldns.dns.certificate import certificate_problems, decode_expiry, read_certificate
from globaldns.errors import CertificateError
from tests.certificates import Pair, make_pair

NOW = 1_800_000_000
BEGIN, END = "-----BEGIN {}-----", "-----END {}-----"


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return make_pair(tmp_path)


def pem(label: str, text: str = "QUJD") -> str:
    return f"{BEGIN.format(label)}\n{text}\n{END.format(label)}\n"


def end_as_openssl_says(pair: Pair) -> int:
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-enddate", "-in", str(pair.certificate)],
        check=True,
        capture_output=True,
        text=True,
    )
    text = done.stdout.strip().removeprefix("notAfter=")
    return int(datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(("kind", "days"), [("P-256", 1), ("rsa", 3650), ("P-384", 40_000)])
def test_a_certificate_is_read_with_its_end(tmp_path: Path, kind: str, days: int) -> None:
    """RFC 5280 section 4.1.2.5 has another form for years from 2050 on."""
    pair = make_pair(tmp_path, kind=kind, days=days)
    found = read_certificate(pair.certificate, pair.key)
    assert found.expires == end_as_openssl_says(pair)
    assert found.context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_first_certificate_of_a_chain_is_the_server_s(tmp_path: Path) -> None:
    pair, other = make_pair(tmp_path), make_pair(tmp_path, "other", days=9)
    chain = pair.certificate.read_text() + other.certificate.read_text()
    pair.certificate.write_text(f"a bag's attributes\n{chain}")
    assert read_certificate(pair.certificate, pair.key).expires == end_as_openssl_says(pair)
    pair.certificate.write_text(other.certificate.read_text() + pair.certificate.read_text())
    with pytest.raises(CertificateError, match="is not the key"):
        read_certificate(pair.certificate, pair.key)


def der(tag: int, *parts: bytes) -> bytes:
    inside = b"".join(parts)
    if len(inside) < 0x80:
        return bytes((tag, len(inside))) + inside
    length = len(inside).to_bytes(2)
    return bytes((tag, 0x82)) + length + inside


@pytest.mark.parametrize("version", [b"", der(0xA0, der(2, b"\2"))], ids=["v1", "v3"])
@pytest.mark.parametrize("issuer", [b"", bytes(300)], ids=["short", "long"])
@pytest.mark.parametrize(
    ("tag", "text", "year"),
    [(0x17, "491231235959Z", 2049), (0x17, "501231235959Z", 1950), (0x18, "99991231235959Z", 9999)],
)
def test_the_end_is_found_in_every_form(
    version: bytes, issuer: bytes, tag: int, text: str, year: int
) -> None:
    validity = der(0x30, der(0x17, b"260101000000Z"), der(tag, text.encode()))
    inside = (version, der(2, b"\x01\x02"), der(0x30), der(0x30, issuer), validity, der(0x30))
    certificate = der(0x30, der(0x30, *inside), der(0x30), der(3, b"\0"))
    assert datetime.fromtimestamp(decode_expiry(certificate), UTC).year == year


def test_no_octets_but_a_certificate_s_have_an_end(pair: Pair) -> None:
    whole = pair.der()
    end = whole.index(b"\x17\x0d3") + len(b"\x17\x0d360101000000Z")
    for size in range(end):
        with pytest.raises((IndexError, ValueError)):
            decode_expiry(whole[:size])


def spoil_certificate(pair: Pair, other: Pair) -> None:  # noqa: ARG001  # one signature for all
    pair.certificate.write_text(pem("CERTIFICATE"))


def cut_certificate(pair: Pair, other: Pair) -> None:  # noqa: ARG001
    pair.certificate.write_text(pair.certificate.read_text()[:300])


def spoil_key(pair: Pair, other: Pair) -> None:  # noqa: ARG001
    pair.key.write_text(pem("PRIVATE KEY"))


def lock_key(pair: Pair, other: Pair) -> None:
    command = ["openssl", "pkey", "-in", str(other.key), "-aes256", "-passout", "pass:x"]
    subprocess.run([*command, "-out", str(pair.key)], check=True, capture_output=True)


def swap(pair: Pair, other: Pair) -> None:
    pair.key.write_bytes(other.key.read_bytes())


def swap_kind(pair: Pair, other: Pair) -> None:
    rsa = make_pair(other.key.parent, "rsa", kind="rsa")
    pair.key.write_bytes(rsa.key.read_bytes())


def exchange(pair: Pair, other: Pair) -> None:  # noqa: ARG001
    certificate, key = pair.certificate.read_bytes(), pair.key.read_bytes()
    pair.certificate.write_bytes(key)
    pair.key.write_bytes(certificate)


def remove(pair: Pair, other: Pair) -> None:  # noqa: ARG001
    pair.certificate.unlink()
    pair.key.unlink()


def make_folders(pair: Pair, other: Pair) -> None:
    remove(pair, other)
    pair.certificate.mkdir()
    pair.key.mkdir()


def swell(pair: Pair, other: Pair) -> None:  # noqa: ARG001
    pair.key.write_bytes(bytes((1 << 20) + 1))


WRONG = {
    "damaged certificate": (spoil_certificate, ["certificate: .*tls.crt is damaged"]),
    "half a certificate": (cut_certificate, ["certificate: .*tls.crt holds no certificate"]),
    "damaged key": (spoil_key, ["certificate: .*tls.crt and .*tls.key cannot be used: one is"]),
    "locked key": (lock_key, ["key: .*tls.key has a passphrase"]),
    "another's key": (swap, ["key: .*tls.key is not the key of the certificate in .*tls.crt"]),
    "another kind of key": (swap_kind, ["key: .*tls.key is not the key of the certificate"]),
    "exchanged": (exchange, ["certificate: .* holds no certificate", "key: .* no private key"]),
    "gone": (remove, ["certificate: .*crt cannot be read: no such file", "key: .*key cannot be"]),
    "folders": (make_folders, ["certificate: .*crt cannot be read: is a dir", "key: .*is a dir"]),
    "huge": (swell, ["key: .*tls.key has over 1 MiB"]),
}


@pytest.mark.parametrize(("spoil", "found"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_of_both_files_with_a_remedy(
    tmp_path: Path, pair: Pair, spoil: Callable[[Pair, Pair], None], found: list[str]
) -> None:
    spoil(pair, make_pair(tmp_path, "other"))
    settings = TlsSettings(certificate=pair.certificate, key=pair.key)
    problems = list(certificate_problems(settings, NOW))
    for problem, pattern in zip(problems, found, strict=True):
        key, _, reason = pattern.partition(": ")
        assert problem.path == f"$.dns.tls.{key}"
        assert re.match(reason, problem.reason)
        assert problem.hint
        assert problem.is_fatal
    with pytest.raises(CertificateError) as caught:
        read_certificate(pair.certificate, pair.key)
    assert str(caught.value) == problems[0].reason


@pytest.mark.parametrize(
    ("path", "remedy"),
    [("gone", "put it there"), (".", "name a PEM file"), ("tls.crt/x", "name a PEM file")],
)
def test_a_file_that_is_none_has_the_remedy_that_helps(
    tmp_path: Path, pair: Pair, path: str, remedy: str
) -> None:
    with pytest.raises(CertificateError, match="cannot be read") as caught:
        read_certificate(tmp_path / path, pair.key)
    assert caught.value.hint == remedy


def test_one_that_has_ended_is_a_warning_from_the_next_second_on(pair: Pair) -> None:
    settings = TlsSettings(certificate=pair.certificate, key=pair.key)
    end = end_as_openssl_says(pair)
    assert list(certificate_problems(settings, end)) == []
    (problem,) = certificate_problems(settings, end + 1)
    assert (problem.path, problem.is_fatal) == ("$.dns.tls.certificate", False)
    assert "expired at 20" in problem.reason


def test_without_tls_no_file_is_looked_at() -> None:
    assert list(certificate_problems(TlsSettings(), NOW)) == []
    assert list(certificate_problems(TlsSettings(key=Path("/nowhere")), NOW)) == []
