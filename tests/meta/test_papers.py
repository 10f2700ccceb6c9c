"""The papers say what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import globaldns
from globaldns.config import reference

LONGEST_README = 300
GROUPS = tuple(
    f"globaldns {group} " for group in ("vip", "cluster", "certs", "stub", "envoy", "vm", "demo")
)
PAPERS = (
    "README.md",
    "CHANGELOG.md",
    "config/README.md",
    "deploy/README.md",
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
)


@pytest.fixture(scope="session")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


FOLDERS = r"globaldns|tests|config|deploy|\.github|\.ci"


def sh_blocks(text: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[str]:
    """The rows of a markdown table, without head and rule."""
    return [line for line in text.splitlines() if line.startswith("| `")]


def test_the_readme_can_be_read_in_one_go(readme: str) -> None:
    assert len(readme.splitlines()) <= LONGEST_README


def test_the_first_block_starts_it_and_the_second_runs_the_tests(readme: str) -> None:
    run, check = sh_blocks(readme)[:2]
    assert run.count("\n") == check.count("\n") == 1
    assert "globaldns serve" in run
    assert "pytest" in check


def test_ci_runs_the_blocks_as_they_stand(root: Path, readme: str) -> None:
    script = (root / ".ci/run").read_text()
    assert "block 1 >" in script
    assert '"$(block 2)"' in script
    assert not any(block.strip() in script for block in sh_blocks(readme)[:2])


def test_the_key_table_is_the_schema(root: Path) -> None:
    assert reference.reference_table().strip() in (root / "config/README.md").read_text()


def test_every_key_that_the_readme_shows_is_as_the_schema_has_it(readme: str) -> None:
    section = readme.partition("\n## Configuration\n")[2].partition("\n## ")[0]
    shown = rows(section)
    assert len(shown) > 5
    assert set(shown) <= set(rows(reference.reference_table()))


def test_the_readme_has_every_command_and_no_other(root: Path, readme: str) -> None:
    section = readme.partition("\n## Commands\n")[2].partition("\n## ")[0]
    shown = {re.sub(r"^globaldns ", "", word).split()[0] for word in commands_of(section)}
    known = subprocess.run(
        [sys.executable, "-m", "globaldns", "--help"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.partition("Commands:\n")[2]
    assert shown == set(re.findall(r"^  ([a-z]+)", known, re.MULTILINE))


def commands_of(section: str) -> list[str]:
    """The commands in the first cells of a table; what follows a group are its verbs."""
    cells = [row.split(" | ")[0] for row in rows(section)]
    return [
        word
        for cell in cells
        for index, word in enumerate(re.findall(r"`([^`]+)`", cell))
        if index == 0 or (word.islower() and not any(group in cell for group in GROUPS))
    ]


@pytest.mark.parametrize("paper", PAPERS)
def test_every_link_inside_the_project_leads_somewhere(paper: str, root: Path) -> None:
    here = (root / paper).parent
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", (root / paper).read_text())
    assert [link for link in links if not (here / link).exists()] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_file_that_a_paper_names_exists(paper: str, root: Path) -> None:
    text = (root / paper).read_text()
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]*\w)`", text)
    assert [name for name in named if not (root / name).exists()] == []


def test_the_changelog_begins_with_this_version(root: Path) -> None:
    versions = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == globaldns.__version__


def test_every_release_says_how_to_upgrade(root: Path) -> None:
    releases = (root / "CHANGELOG.md").read_text().split("\n## ")[1:]
    assert [release.split()[0] for release in releases if "### Upgrade" not in release] == []


def test_the_configuration_folder_is_the_example(root: Path) -> None:
    example = root / "globaldns/example"
    assert (root / "config/globaldns.yaml").resolve() == example / "globaldns.yaml"
    assert (root / "config/example").resolve() == example / "example"
