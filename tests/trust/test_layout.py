"""What is in the directories, and that nothing in them is ever replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from globaldns.errors import CertificateError, RequestRefused
from globaldns.trust.layout import (
    CACERTS,
    MAX_OCTETS,
    ROOT_FILES,
    format_cacerts,
    format_root,
    read_file,
    refuse_to_overwrite,
    write_files,
)
from globaldns.trust.pem import parse_certificates, parse_key
from tests.trust.authorities import make_intermediate, make_root


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    """What is for the owner alone is not so because of the umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_roots_directory_has_its_certificate_and_its_key() -> None:
    root = make_root()
    files = format_root(root)
    assert set(files) == set(ROOT_FILES)
    assert parse_certificates(files["root-cert.pem"], "x") == (root.certificate,)
    assert parse_key(files["root-key.pem"], "x").public_key() == root.key.public_key()


def test_an_intermediates_directory_is_the_secret_that_istiod_reads() -> None:
    root = make_root()
    made = make_intermediate(root)
    files = format_cacerts(made)
    assert set(files) == set(CACERTS)
    assert parse_certificates(files["ca-cert.pem"], "x") == (made.certificate,)
    assert parse_certificates(files["root-cert.pem"], "x") == (root.certificate,)
    assert parse_certificates(files["cert-chain.pem"], "x") == (made.certificate, root.certificate)
    assert parse_key(files["ca-key.pem"], "x").public_key() == made.key.public_key()


def test_keys_are_their_owners_alone(tmp_path: Path) -> None:
    root = make_root()
    write_files(tmp_path / "a/root", format_root(root))
    write_files(tmp_path / "east", format_cacerts(make_intermediate(root)))
    assert mode(tmp_path / "a/root") == mode(tmp_path / "east") == 0o700
    assert mode(tmp_path / "a/root/root-key.pem") == mode(tmp_path / "east/ca-key.pem") == 0o600
    assert mode(tmp_path / "east/ca-cert.pem") == 0o644


@pytest.mark.parametrize("link", [False, True], ids=["file", "link to nowhere"])
def test_what_is_there_is_never_overwritten_and_nothing_is_left_beside_it(
    link: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    there = tmp_path / "root-cert.pem"
    if link:
        there.symlink_to(tmp_path / "elsewhere")
    else:
        there.write_text("precious")
    for attempt in (
        lambda: refuse_to_overwrite(tmp_path, ROOT_FILES),
        lambda: write_files(tmp_path, format_root(make_root())),
    ):
        with pytest.raises(RequestRefused, match="is there already, and is never") as caught:
            attempt()
        assert "directory that does not exist" in caught.value.hint
    assert list(tmp_path.iterdir()) == [there]
    assert link or there.read_text() == "precious"


def test_an_empty_directory_may_be_used(tmp_path: Path) -> None:
    refuse_to_overwrite(tmp_path, ROOT_FILES)
    refuse_to_overwrite(tmp_path / "absent", ROOT_FILES)


def test_what_cannot_be_read_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="x cannot be read: no such file") as caught:
        read_file(tmp_path / "x")
    assert "globaldns certs init" in caught.value.hint
    with pytest.raises(CertificateError, match="cannot be read: is a directory"):
        read_file(tmp_path)
    huge = tmp_path / "huge"
    huge.write_bytes(b"x" * (MAX_OCTETS + 1))
    with pytest.raises(CertificateError, match="has over 1 MiB"):
        read_file(huge)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(CertificateError, match="loop cannot be read") as caught:
        read_file(loop)
    assert caught.value.hint == "let this user read it"
