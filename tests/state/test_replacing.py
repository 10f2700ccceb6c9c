"""A file is the old one or the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.state.replacing import NEW, replace_file


def test_a_file_is_replaced_as_a_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a"
    replace_file(path, b"old", mode=0o600)
    inode = path.stat().st_ino
    replace_file(path, b"n", b"ew", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_ino != inode
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.with_name(f"a{NEW}").write_bytes(b"half of something longer")
    replace_file(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"


def test_a_file_that_cannot_be_written_stands(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.with_name(f"a{NEW}").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(path, b"new", mode=0o600)
    assert path.read_bytes() == b"old"
