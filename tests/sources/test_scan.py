from __future__ import annotations

import os
from pathlib import Path

import pytest

from globaldns.sources.scan import scan


def test_manifests_are_found_by_suffix_in_every_directory_below(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/deep/c.json", "README.md", ".hidden.yaml", ".git/d.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(scan(tmp_path).files) == ["a.yml", "b.yaml", "sub/deep/c.json"]


def test_a_directory_named_like_a_manifest_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "x.yaml" / "a.yaml").touch()
    assert list(scan(tmp_path).files) == ["x.yaml/a.yaml"]


def test_a_directory_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    assert "no such file" in scan(tmp_path / "none").failure


def test_a_file_in_place_of_the_directory_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "not a directory" in scan(tmp_path / "file").failure


def test_a_directory_without_manifests_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    assert "no manifest" in scan(tmp_path).failure


def test_the_files_of_a_config_map_mount_are_read_once(tmp_path: Path) -> None:
    (tmp_path / "..2026_01").mkdir()
    (tmp_path / "..2026_01" / "a.yaml").write_text("a: 1")
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert list(scan(tmp_path).files) == ["a.yaml"]


def test_a_link_stamps_as_the_file_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("a: 1")
    (tmp_path / "a.yaml").symlink_to("real")
    before = scan(tmp_path).files["a.yaml"]
    (tmp_path / "real").write_text("a: 12")
    assert scan(tmp_path).files["a.yaml"] != before


def test_loops_of_links_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").touch()
    (tmp_path / "sub" / "up").symlink_to("..")
    (tmp_path / "self").symlink_to(".")
    assert list(scan(tmp_path).files) == ["sub/a.yaml"]


def test_links_upon_links_do_not_multiply(tmp_path: Path) -> None:
    for depth in range(40):
        (tmp_path / f"d{depth}").mkdir()
        for side in "ab":
            (tmp_path / f"d{depth}" / side).symlink_to(f"../d{depth + 1}")
    (tmp_path / "d40").mkdir()
    (tmp_path / "d40" / "x.yaml").touch()
    assert len(scan(tmp_path).files) == 1


def test_a_link_that_leads_nowhere_hides_its_file_only(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to("nowhere")
    (tmp_path / "b.yaml").touch()
    found = scan(tmp_path)
    assert (list(found.files), list(found.unreadable)) == (["b.yaml"], ["a.yaml"])
    assert found.hides("a.yaml")
    assert not found.hides("b.yaml")


def test_a_link_that_may_have_led_to_a_directory_and_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "apps").symlink_to("nowhere")
    (tmp_path / "README.md").symlink_to("nowhere")
    (tmp_path / "LICENSE").touch()
    (tmp_path / "copying").symlink_to("LICENSE")
    (tmp_path / "b.yaml").touch()
    assert list(scan(tmp_path).unreadable) == ["apps"]


def test_a_directory_that_holds_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "apps" / "east").mkdir(parents=True)
    (tmp_path / "apps" / ".keep").touch()
    (tmp_path / "b.yaml").touch()
    found = scan(tmp_path)
    assert found.empty == {"apps", "apps/east"}
    assert found.emptied("apps/east/deep/a.yaml") == "apps"
    (tmp_path / "apps" / "README").touch()
    found = scan(tmp_path)
    assert found.empty == {"apps/east"}
    assert found.emptied("apps/east/deep/a.yaml") == "apps/east"
    assert found.emptied("apps/a.yaml") == ""


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").touch()
    assert scan(tmp_path).unreadable == {"a.yaml": "is no regular file"}


def test_a_name_that_is_no_utf8_is_reported(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.yaml")).touch()
    (tmp_path / "b.yaml").touch()
    assert scan(tmp_path).unreadable == {"a\\xff.yaml": "its name is no UTF-8"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read_hides_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").touch()
    (tmp_path / "b.yaml").touch()
    (tmp_path / "sub").chmod(0)
    found = scan(tmp_path)
    (tmp_path / "sub").chmod(0o700)
    assert found.hides("sub/a.yaml")
    assert not found.hides("subway/a.yaml")


def test_what_is_below_a_hidden_directory_is_hidden(tmp_path: Path) -> None:
    (tmp_path / "sub").symlink_to("nowhere")
    (tmp_path / "b.yaml").touch()
    found = scan(tmp_path)
    assert list(found.files) == ["b.yaml"]
