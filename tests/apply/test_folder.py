"""Files of ours beside those of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.apply.folder import Difference, first_line, write_folder
from globaldns.errors import RequestRefused

TEXTS = {"shop/web-global.yaml": "a: 1\n", "bank/pay-global.yaml": "b: 2\n"}
HEAD = "# globaldns.io/owned-by: east\n"


def write(root: Path, texts: dict[str, str], *, may_remove: bool = True) -> Difference:
    return write_folder(root, "east", texts, may_remove=may_remove)


def files(root: Path) -> dict[str, str]:
    return {str(one.relative_to(root)): one.read_text() for one in root.rglob("*") if one.is_file()}


def test_every_text_is_a_file_whose_first_line_says_whose_it_is(tmp_path: Path) -> None:
    root = tmp_path / "new"
    assert write(root, TEXTS) == Difference(tuple(sorted(TEXTS)), (), 0)
    assert files(root) == {path: f"{HEAD}{text}" for path, text in TEXTS.items()}
    assert first_line("east") == HEAD


def test_what_is_the_same_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    before = {path: (tmp_path / path).stat().st_ino for path in TEXTS}
    changed = {**TEXTS, "bank/pay-global.yaml": "b: 3\n"}
    assert write(tmp_path, changed) == Difference(("bank/pay-global.yaml",), (), 1)
    after = {path: (tmp_path / path).stat().st_ino for path in TEXTS}
    assert before["shop/web-global.yaml"] == after["shop/web-global.yaml"]
    assert before["bank/pay-global.yaml"] != after["bank/pay-global.yaml"]


def test_what_is_not_wanted_goes_with_its_folder_and_nothing_of_others_does(tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    others = {"bank/own.yaml": "mine\n", "shop.yaml": "", "notes.txt": HEAD}
    for path, text in others.items():
        (tmp_path / path).write_text(text)
    assert write(tmp_path, {}) == Difference((), tuple(sorted(TEXTS)), 0)
    assert files(tmp_path) == others
    assert not (tmp_path / "shop").exists()


def test_as_long_as_not_all_is_known_nothing_goes(tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    kept = Difference((), (), 0, tuple(sorted(TEXTS)))
    assert write(tmp_path, {}, may_remove=False) == kept
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("shop/web-global.yaml", "by: hand\n", "is not ours"),
        ("old/x.yaml", first_line("west"), "belongs to west, and all of a directory must be of"),
    ],
)
def test_what_is_in_the_way_is_refused_before_anything_is_written(
    path: str, text: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).write_text(text)
    with pytest.raises(RequestRefused, match=reason) as refused:
        write(tmp_path, TEXTS)
    assert refused.value.hint
    assert files(tmp_path) == {path: text}


@pytest.mark.parametrize("link", ["shop", "shop/web-global.yaml"], ids=["of a folder", "of a file"])
@pytest.mark.parametrize("may_remove", [True, False])
def test_a_symbolic_link_below_it_is_not_followed(
    link: str, tmp_path: Path, *, may_remove: bool
) -> None:
    root, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(elsewhere)
    for _ in range(2):  # it leads nowhere, and then somewhere
        with pytest.raises(RequestRefused, match=f"out/{link} is a symbolic link") as refused:
            write(root, TEXTS, may_remove=may_remove)
        assert refused.value.hint
        assert files(root) == files(tmp_path) == {}
        elsewhere.mkdir(exist_ok=True)


def test_the_folder_itself_may_be_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    write(tmp_path / "out", TEXTS)
    assert sorted(files(tmp_path / "real")) == sorted(TEXTS)


def test_what_a_symbolic_link_leads_to_is_neither_ours_nor_written(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "out", tmp_path / "mine.yaml"
    (root / "shop").mkdir(parents=True)
    elsewhere.write_text(HEAD)
    for link in ("old.yaml", "shop/.web-global.yaml.part"):
        (root / link).symlink_to(elsewhere)
    assert write(root, TEXTS).removed == ()
    assert elsewhere.read_text() == HEAD
    assert (root / "old.yaml").is_symlink()
    assert not (root / "shop/web-global.yaml").is_symlink()


def test_a_part_that_a_crash_has_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/.web-global.yaml.part").write_text("a:")
    write(tmp_path, TEXTS)
    assert sorted(files(tmp_path)) == sorted(TEXTS)
