"""What the project's own rules look at."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def modules() -> list[Path]:
    """Every Python file of the package."""
    return sorted((ROOT / "globaldns").rglob("*.py"))


@pytest.fixture(scope="session")
def python_files(modules: list[Path]) -> list[Path]:
    """Every Python file of the package and of its tests."""
    return [*modules, *sorted((ROOT / "tests").rglob("*.py"))]
