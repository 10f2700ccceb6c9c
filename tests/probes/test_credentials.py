"""The certificate of probes: read again when it changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from globaldns.probes.credentials import Credentials, TlsFiles
from tests.certificates import make_pair


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    pair = make_pair(tmp_path)
    return TlsFiles(pair.certificate, pair.key, pair.certificate)


def test_without_files_there_is_nothing_to_shake_hands_with() -> None:
    assert Credentials().look() is None


def test_files_are_read_when_they_change(files: TlsFiles) -> None:
    credentials = Credentials()
    credentials.follow(files)
    first = credentials.look()
    assert first is not None
    assert credentials.look() is first
    credentials.follow(files)
    assert credentials.look() is first
    os.utime(files.certificate, (1, 1))
    assert credentials.look() is not first
    credentials.follow(None)
    assert credentials.look() is None


@pytest.mark.parametrize("text", [None, "", "-----BEGIN nonsense"])
def test_files_that_cannot_be_used_leave_the_old_ones_and_are_told_once(
    text: str | None, files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    credentials = Credentials()
    credentials.follow(files)
    good, kept = credentials.look(), files.key.read_text()
    if text is None:
        files.key.unlink()
    else:
        files.key.write_text(text)
    for at in (1, 2):
        os.utime(files.certificate, (at, at))
        assert credentials.look() is good
    files.key.write_text(kept)
    assert credentials.look() is not good
    assert [record.message for record in caplog.records] == [
        "the certificate of gateway probes is not taken: the old one stays",
        "the certificate of gateway probes can be used again",
    ]


def test_files_that_were_never_good_are_told_to_have_no_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = Credentials()
    credentials.follow(TlsFiles(tmp_path / "a", tmp_path / "b", tmp_path / "c"))
    assert credentials.look() is None
    (record,) = caplog.records
    assert record.message.startswith("gateways are probed without TLS")
    assert record.__dict__["reason"] == "no such file or directory"


def test_a_key_with_a_passphrase_is_refused_without_a_question(
    files: TlsFiles, caplog: pytest.LogCaptureFixture
) -> None:
    locked = files.key.with_name("locked.key")
    command = f"openssl pkey -in {files.key} -aes256 -passout pass:secret -out {locked}"
    assert os.system(command) == 0
    credentials = Credentials()
    credentials.follow(TlsFiles(files.certificate, locked, files.authority))
    assert credentials.look() is None
    assert caplog.records[0].__dict__["reason"] == "the key has a passphrase"
