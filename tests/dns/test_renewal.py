"""A certificate whose files change while it is used."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from globaldns.config.reference import reference_table
from globaldns.dns.certificate import read_certificate
from globaldns.dns.renewal import LOOK_SECONDS, Renewal
from tests.certificates import Pair, make_pair

NOW = 1_800_000_000


class Mount:
    """A Secret as the kubelet mounts it: names that lead to ``..data``, which leads elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Pair(folder / "tls.crt", folder / "tls.key")
        self.show(make_pair(folder / "..first", days=100))
        for file in (self.files.certificate, self.files.key):
            file.symlink_to(Path("..data", file.name))

    def show(self, pair: Pair) -> None:
        """Have the names lead to other files, all at once."""
        new = self.folder / "..data_tmp"
        new.symlink_to(pair.key.parent.name)
        new.replace(self.folder / "..data")

    def renewal(self, now: Callable[[], int] = lambda: NOW) -> Renewal:
        """Return what follows the files, once it has looked."""
        renewal = Renewal(self.files.certificate, self.files.key, now=now)
        renewal.look()
        return renewal


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    return Mount(tmp_path)


def expiry(pair: Pair) -> int:
    return read_certificate(pair.certificate, pair.key).expires


def expires(renewal: Renewal) -> int | None:
    return renewal.current.expires if renewal.current else None


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    told = [(one.levelname, one.message) for one in caplog.records if "renewal" in one.name]
    caplog.clear()
    return told


def test_files_that_stay_are_read_once(mount: Mount, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    renewal = mount.renewal()
    first = renewal.current
    renewal.look()
    assert first is renewal.current is not None
    assert messages(caplog) == [("INFO", "the certificate is taken")]


def test_a_mount_that_leads_elsewhere_is_read(mount: Mount) -> None:
    renewal = mount.renewal()
    second = make_pair(mount.folder / "..second", days=200)
    mount.show(second)
    renewal.look()
    assert expires(renewal) == expiry(second)


def test_a_file_that_is_written_in_place_with_its_old_time_is_read(tmp_path: Path) -> None:
    pair, other = make_pair(tmp_path), make_pair(tmp_path, "other", days=9)
    renewal = Renewal(pair.certificate, pair.key, now=lambda: NOW)
    renewal.look()
    for ours, theirs in ((pair.certificate, other.certificate), (pair.key, other.key)):
        times = ours.stat()
        ours.write_bytes(theirs.read_bytes())
        os.utime(ours, ns=(times.st_atime_ns, times.st_mtime_ns))
    renewal.look()
    assert expires(renewal) == expiry(other)


def test_the_old_one_stays_while_the_new_one_is_broken_and_that_is_said_once(
    mount: Mount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    renewal = mount.renewal()
    old = expires(renewal)
    broken = make_pair(mount.folder / "..broken", days=300)
    whole = broken.key.read_bytes()
    broken.key.write_bytes(b"")
    mount.show(broken)
    messages(caplog)
    renewal.look()
    record = caplog.records[-1]
    assert vars(record)["problem"] == f"{mount.files.key} holds no private key"
    assert vars(record)["remedy"]
    renewal.look()
    assert messages(caplog) == [("ERROR", "the certificate is not taken: the old one stays")]
    assert expires(renewal) == old
    broken.key.write_bytes(whole)
    renewal.look()
    assert messages(caplog) == [("INFO", "the certificate can be used again, and is taken")]
    assert expires(renewal) == expiry(broken)


def test_another_reason_is_said_too(mount: Mount, caplog: pytest.LogCaptureFixture) -> None:
    renewal = mount.renewal()
    mount.files.key.unlink()
    renewal.look()
    mount.files.certificate.unlink()
    renewal.look()
    assert len(messages(caplog)) == 2
    assert renewal.current is not None


def test_without_a_first_one_there_is_none_until_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    renewal = Renewal(tmp_path / "tls.crt", tmp_path / "tls.key", now=lambda: NOW)
    renewal.look()
    assert messages(caplog) == [("ERROR", "there is no certificate: DNS over TLS is not answered")]
    assert renewal.current is None
    pair = make_pair(tmp_path)
    renewal.look()
    assert expires(renewal) == expiry(pair)


def test_other_files_are_read_at_once_and_the_same_ones_are_not(
    mount: Mount, tmp_path: Path
) -> None:
    renewal = mount.renewal()
    before = renewal.current
    renewal.follow(mount.files.certificate, mount.files.key)
    assert renewal.current is before
    other = make_pair(tmp_path, "other", days=9)
    renewal.follow(other.certificate, other.key)
    assert expires(renewal) == expiry(other)


def test_an_end_is_told_once_also_when_it_comes_later(
    mount: Mount, caplog: pytest.LogCaptureFixture
) -> None:
    end = expiry(mount.files)
    now = [end]
    renewal = mount.renewal(lambda: now[0])
    assert messages(caplog) == []
    now[0] += 1
    for _ in range(3):
        renewal.look()
    ((level, message),) = messages(caplog)
    assert level == "WARNING"
    assert message.startswith("the certificate has expired")


async def test_it_looks_from_its_start_to_its_stop(mount: Mount) -> None:
    renewal = Renewal(mount.files.certificate, mount.files.key)
    renewal.start()
    assert renewal.current is not None
    assert renewal._timer is not None
    renewal.stop()
    renewal.stop()
    assert renewal._timer is None


def test_the_reference_says_how_often_it_looks() -> None:
    assert f"looked at every {LOOK_SECONDS:g} s" in reference_table()
    assert LOOK_SECONDS <= 10
