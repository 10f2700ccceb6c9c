"""The tools that judge every line agree with it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SCRIPTS = Path(sysconfig.get_path("scripts"))
TOOLS = {
    "ruff": [sys.executable, "-m", "ruff", "check", "--no-cache"],
    "format": [sys.executable, "-m", "ruff", "format", "--check", "--no-cache"],
    "mypy": [sys.executable, "-m", "mypy"],
    "layers": [str(SCRIPTS / "lint-imports"), "--no-cache"],
    "spelling": [
        *(sys.executable, "-m", "codespell_lib", "--check-hidden"),
        *("globaldns", "tests", "config", "deploy", ".github", ".ci"),
        *("README.md", "CHANGELOG.md", "Dockerfile", "pyproject.toml"),
    ],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tool", TOOLS)
def test_the_tool_has_nothing_to_say(tool: str, root: Path) -> None:
    done = subprocess.run(TOOLS[tool], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
