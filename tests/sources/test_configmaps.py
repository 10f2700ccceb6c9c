"""One ConfigMap among the manifests of a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.errors import DocumentError
from globaldns.sources.configmaps import find_config_map


def written(namespace: str = "istio-system", name: str = "roots", value: str = "a") -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\ndata: {{key: {value}}}\n"
    )


def find(folder: Path) -> str | None:
    found = find_config_map(folder, "istio-system", "roots")
    return None if found is None else (found.data or {}).get("key")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (written(), "a"),
        (f"{written(namespace='shop', value='b')}---\n{written()}", "a"),
        (f"{written()}---\n{written(value='b')}", "a"),
        ("apiVersion: v1\nkind: List\nitems:\n- " + written().replace("\n", "\n  "), "a"),
        (written(namespace="shop"), None),
        (written(name="other"), None),
        (written(name="roots-2"), None),
        (written().replace("ConfigMap", "Secret"), None),
        (written().replace("v1", "example.com/v1"), None),
        ("# roots\nkind: ConfigMap\nmetadata: roots\napiVersion: v1\n", None),
        (written().replace("data: {key: a}", ""), None),
    ],
)
def test_it_is_found_by_namespace_and_name(text: str, value: str | None, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below/f.yaml").write_text(text)
    (tmp_path / "a.yaml").write_text("kind: Service\n")
    assert find(tmp_path) == value


def test_without_a_namespace_it_is_in_default(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(written().replace(", namespace: istio-system", ""))
    assert find_config_map(tmp_path, "default", "roots")
    assert find(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("roots: [", "f.yaml: "),
        (written(value="7"), "f.yaml: Expected `str`"),
    ],
)
def test_what_may_hide_it_is_said(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(DocumentError) as caught:
        find(tmp_path)
    assert reason in str(caught.value)


def test_a_broken_file_does_not_hide_it_where_another_has_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("roots: [")
    (tmp_path / "b.yaml").write_text(written())
    assert find(tmp_path) == "a"


@pytest.mark.parametrize("name", ["", "absent"])
def test_a_directory_that_says_nothing_is_no_directory_without_it(
    name: str, tmp_path: Path
) -> None:
    with pytest.raises(DocumentError, match="its directory "):
        find(tmp_path / name)
