"""Every module has its tests where a reader looks for them, and imports cleanly."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import globaldns.errors

TESTED_ELSEWHERE = {
    "errors": "here: the tree in its docstring is the tree of its types",
    "config/schema": "tests/config decodes it key by key",
    "config/routing": "likewise",
    "config/kinds": "types, which tests/config reads and writes",
    "envoy/rules": "values, which every test of envoy begins with",
    "demo/wires": "tests/system/test_demo makes, cuts and heals them",
    "envoy/fragment": "one value, which every test of envoy makes",
    "model/head": "one value, which every test of what ledgers say of clusters makes",
    "model/explanation": "values, which tests/registry and tests/cli fill and print",
    "registry/delta": "two values, which every test of the registry looks at",
    "istio/settings": "one value, which every test of routes begins with",
    "exports/rules": "one value, which every test of exports begins with",
}
"""Modules without a test file of their own, and where they are tested."""

CLIENTS = ("aiohttp", "kubernetes_asyncio")

IMPORT = """
import importlib, json, logging, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps({
    "modules": sorted(sys.modules),
    "threads": threading.active_count(),
    "handlers": len(logging.getLogger().handlers) + len(logging.getLogger("globaldns").handlers),
}))
"""


def imported(root: Path, *names: str) -> dict[str, object]:
    """What a fresh interpreter looks like after importing these modules."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT, *names],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    state: dict[str, object] = json.loads(done.stdout)
    return state


def module_names(files: list[Path], root: Path) -> list[str]:
    parts = (file.relative_to(root).with_suffix("").parts for file in files)
    return [".".join(names).removesuffix(".__init__") for names in parts if "__main__" not in names]


def has_code(file: Path) -> bool:
    return bool(re.search(r"^(def|async def|class) ", file.read_text(), re.MULTILINE))


def test_every_module_has_its_test_file(modules: list[Path], root: Path) -> None:
    missing = []
    for file in modules:
        module = file.relative_to(root / "globaldns").with_suffix("")
        if module.name.startswith("__") or not has_code(file) or str(module) in TESTED_ELSEWHERE:
            continue
        test = root / "tests" / module.parent / f"test_{module.name}.py"
        if not test.exists():
            missing.append(f"{file.relative_to(root)} wants {test.relative_to(root)}")
    assert missing == []


def test_no_exception_from_the_map_is_out_of_date(root: Path) -> None:
    for module in TESTED_ELSEWHERE:
        assert (root / "globaldns" / f"{module}.py").exists(), module
        own = root / "tests" / Path(module).parent / f"test_{Path(module).name}.py"
        assert not own.exists(), f"{module} has tests of its own now"


def test_importing_everything_starts_nothing(modules: list[Path], root: Path) -> None:
    state = imported(root, *module_names(modules, root))
    assert state["threads"] == 1
    assert state["handlers"] == 0


@pytest.mark.parametrize(
    "package",
    ["dns", "registry", "exports", "objects", "model", "config", "envoy", "coredns"],
)
def test_what_decides_and_answers_loads_no_client(
    package: str, modules: list[Path], root: Path
) -> None:
    inside = [file for file in modules if root / "globaldns" / package in file.parents]
    loaded = imported(root, *module_names(inside, root))["modules"]
    assert isinstance(loaded, list)
    assert [name for name in loaded if name in CLIENTS] == []


def test_the_command_line_does_not_pay_for_kubernetes(root: Path) -> None:
    loaded = imported(root, "globaldns.cli")["modules"]
    assert isinstance(loaded, list)
    assert "kubernetes_asyncio" not in loaded


@pytest.mark.parametrize("command", ["query", "explain", "listing"])
def test_who_asks_a_running_server_does_not_pay_for_the_registry(command: str, root: Path) -> None:
    loaded = imported(root, f"globaldns.cli.{command}")["modules"]
    assert isinstance(loaded, list)
    assert [name for name in loaded if name.startswith("globaldns.registry")] == []


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (globaldns.errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<lead>[ |-]*)(?P<name>[A-Z]\w+) {2,}", line)
        if not match:
            continue
        depth = len(match["lead"])
        above = [(at, name) for at, name in above if at < depth]
        drawn[match["name"]] = above[-1][1] if above else "Exception"
        above.append((depth, match["name"]))
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(globaldns.errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert drawn == real
