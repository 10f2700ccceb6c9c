"""The chart, the kinds and the papers about them say the same."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

import globaldns
from globaldns.config.loading import RESTART_KEYS
from globaldns.objects.own import (
    ClusterFenceSpec,
    GlobalServiceSpec,
    LedgerMarker,
    LedgerRole,
    LostEndpointsAges,
    LostEndpointsWord,
    LostNamesAges,
    LostNamesWord,
    LostSpec,
    VIPLedgerSpec,
)

UNDESCRIBED = {"$.metadata"}
"""The API server's own."""


@pytest.fixture(scope="session")
def chart(root: Path) -> Path:
    return root / "deploy/chart/globaldns"


@pytest.fixture(scope="session")
def values(chart: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((chart / "values.yaml").read_text())
    return loaded


@pytest.fixture(scope="session")
def paper(root: Path) -> str:
    return (root / "deploy/README.md").read_text()


@pytest.fixture(scope="session")
def schemas(root: Path) -> dict[str, Any]:
    """The schema of each kind of ours."""
    loaded = [yaml.safe_load(file.read_text()) for file in (root / "deploy/crds").iterdir()]
    return {
        crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        for crd in loaded
    }


def leaves(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """The values that are no mapping with keys of its own, by their path."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def rows(paper: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without head and rule."""
    section = paper.partition(f"\n### {heading}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_papers_have_every_value_with_its_default(values: dict[str, Any], paper: str) -> None:
    shown = [(row[0].strip("`"), json.loads(row[1].strip("`"))) for row in rows(paper, "Values")]
    assert shown == list(leaves(values))


def test_every_value_says_what_it_means(chart: Path) -> None:
    lines = (chart / "values.yaml").read_text().splitlines()
    silent = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r" *[a-zA-Z]+: \S", line) and not before.lstrip().startswith("#")
    ]
    assert silent == ["  name: istio-reader-service-account", "  namespace: istio-system"]


def test_the_schema_knows_the_values_and_no_other(chart: Path, values: dict[str, Any]) -> None:
    def compare(schema: dict[str, Any], found: dict[str, Any], path: str) -> Iterator[str]:
        if schema.get("additionalProperties") is not False:
            return
        if not found or "patternProperties" in schema:  # a person fills it in
            return
        unknown = set(found) ^ set(schema["properties"])
        yield from (f"{path}.{key}" for key in unknown)
        for key in set(found) & set(schema["properties"]):
            if isinstance(found[key], dict):
                yield from compare(schema["properties"][key], found[key], f"{path}.{key}")

    schema = json.loads((chart / "values.schema.json").read_text())
    assert set(compare(schema, values, "$")) == {"$.global", "$.resources.claims"}


def test_the_chart_takes_the_keys_of_the_program(chart: Path, tmp_path: Path) -> None:
    made = tmp_path / "values.schema.json"
    subprocess.run([sys.executable, chart.parent / "generate", made], check=True)
    committed = (chart / "values.schema.json").read_text()
    assert made.read_text() == committed, "run .venv/bin/python deploy/chart/generate"


def test_the_papers_say_which_keys_want_a_restart_of_the_pods(chart: Path, paper: str) -> None:
    fixed = (chart / "templates/_parts.tpl").read_text().partition('"globaldns.fixed"')[2]
    refused = re.findall(r"^([a-z_.]+): ", fixed.partition("{{- end }}")[0], re.MULTILINE)
    assert len(refused) > 5
    left = [
        key
        for key in RESTART_KEYS
        if not any(key == one or key.startswith(f"{one}.") for one in refused)
    ]
    for text in (paper, (chart / "values.yaml").read_text()):
        [named] = re.findall(r"but\s+for ((?:`?[a-z_.]+`?, )*`?[a-z_]+\.[a-z_]+`?)\.", text)
        assert named.replace("`", "").split(", ") == left


def test_the_chart_has_the_version_of_the_program(chart: Path, root: Path) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    overlay = root / "deploy/kustomize/overlays/kind/kustomization.yaml"
    [image] = yaml.safe_load(overlay.read_text())["images"]
    assert {about["version"], about["appVersion"], image["newTag"]} == {globaldns.__version__}


def test_the_crds_stand_once(root: Path, chart: Path) -> None:
    shown = root / "deploy/crds"
    assert {file.name: file.resolve() for file in shown.iterdir()} == {
        file.name: file.resolve() for file in (chart / "files/crds").iterdir()
    }


def test_every_field_of_our_kinds_is_described(schemas: dict[str, Any]) -> None:
    def silent(schema: dict[str, Any], path: str) -> Iterator[str]:
        if not schema.get("description"):
            yield path
        for name, below in schema.get("properties", {}).items():
            yield from silent(below, f"{path}.{name}")
        if "properties" in schema.get("items", {}):
            yield from silent(schema["items"], f"{path}[]")

    for schema in schemas.values():
        assert set(silent(schema, "$")) == UNDESCRIBED


def _at(schemas: dict[str, Any], kind: str, *path: str) -> dict[str, Any]:
    schema: dict[str, Any] = schemas[kind]["properties"]["spec"]
    for name in path:
        schema = schema["properties"][name]
    return schema


@pytest.mark.parametrize(
    ("struct", "place"),
    [
        (VIPLedgerSpec, ("VIPLedger",)),
        (LedgerMarker, ("VIPLedger", "marker")),
        (GlobalServiceSpec, ("GlobalService",)),
        (LostSpec, ("GlobalService", "lost")),
        (LostNamesAges, ("GlobalService", "lost", "names")),
        (LostEndpointsAges, ("GlobalService", "lost", "endpoints")),
        (ClusterFenceSpec, ("ClusterFence",)),
    ],
)
def test_a_kind_has_the_fields_that_are_read(
    struct: type[msgspec.Struct], place: tuple[str, ...], schemas: dict[str, Any]
) -> None:
    schema = _at(schemas, *place)
    fields = msgspec.structs.fields(struct)
    assert set(schema["properties"]) == {field.encode_name for field in fields}
    assert set(schema.get("required", ())) == {
        field.encode_name for field in fields if field.required
    }


def test_a_kind_has_the_words_that_are_read(schemas: dict[str, Any]) -> None:
    assert _at(schemas, "VIPLedger", "role")["enum"] == list(LedgerRole)
    for name, words in (("names", LostNamesWord), ("endpoints", LostEndpointsWord)):
        assert _at(schemas, "GlobalService", "lost", name)["anyOf"][0]["enum"] == list(words)


def test_the_papers_have_every_right_and_no_other(root: Path, paper: str) -> None:
    base = (root / "deploy/kustomize/base/globaldns.yaml").read_text()
    granted = {
        (item["metadata"]["name"], _resource(rule, name), " ".join(rule["verbs"]))
        for item in yaml.safe_load_all(base)
        if item["kind"] in {"Role", "ClusterRole"}
        for rule in item["rules"]
        for name in rule["resources"]
    }
    shown = [
        (row[0].strip("`"), row[2].replace("`", ""), row[3])
        for row in rows(paper, "Who may do what")
    ]
    assert len(shown) == len(set(shown))
    assert set(shown) == granted


def _resource(rule: dict[str, Any], name: str) -> str:
    """``resource.group/subresource named NAME``, as the table has it."""
    [group] = rule["apiGroups"]
    kind, slash, below = name.partition("/")
    full = f"{kind}.{group}" if group else kind
    names = " ".join(rule.get("resourceNames", ()))
    return f"{full}{slash}{below}{names and f' named {names}'}"
