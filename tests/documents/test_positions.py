from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from globaldns.documents import format_yaml, locate, read_documents
from globaldns.documents.positions import line_of_repeated_key, parts
from tests.documents.values import DOCUMENTS

PLACES = """\
# a comment
---
metadata:
  name: a
---
# nothing here
---
metadata:
  labels:
    topology.istio.io/network: n1
    topology: n2
spec:
  ports:
  - number: 80
    name: http
  - number: 81
    name: https
"""


@pytest.mark.parametrize(
    ("index", "path", "line"),
    [
        (0, "$", 3),
        (0, "$.metadata.name", 4),
        (1, "$", 8),
        (1, "$.spec.ports[1].name", 17),
        (1, "$.spec.ports[1]", 16),
        (1, "$.spec.ports[7].name", 13),
        (1, "$.spec.portz", 12),
        (1, "$.metadata.labels.topology.istio.io/network", 10),
        (1, '$.metadata.labels["topology.istio.io/network"]', 10),
        (1, "$.metadata.labels.topology", 11),
        (1, "$.nowhere", 8),
        (2, "$", 0),
    ],
)
def test_a_path_is_found_by_its_line(index: int, path: str, line: int) -> None:
    assert locate(PLACES, index, path) == line


def test_a_path_in_one_line_of_json_is_found() -> None:
    assert locate('{"a":\n {"b": [1,\n 2]}}', 0, "$.a.b[1]") == 3


@given(values=DOCUMENTS.filter(bool), data=st.data())
def test_every_key_of_every_document_is_found(
    values: list[dict[str, object]], data: st.DataObject
) -> None:
    text = "".join(f"---\n{format_yaml(value)}" for value in values)
    index = data.draw(st.integers(0, len(values) - 1))
    name = data.draw(st.sampled_from(sorted(values[index])))
    line = locate(text, index, f'$["{name}"]')
    marks = list(yaml.compose_all(text, Loader=yaml.CSafeLoader))[index].value
    assert line in {key.start_mark.line + 1 for key, _ in marks if str(key.value) == name}


@pytest.mark.parametrize("path", ["$.a.b", "$['a']['b']", '$["a"]["b"]', "$.a.b.c.d[0]"])
def test_a_key_may_be_written_in_each_way_of_json_path(path: str) -> None:
    assert locate("a:\n  bb: 0\n  b: 1\n", 0, path) == 3


def test_a_document_that_cannot_be_read_is_found_by_its_first_line() -> None:
    assert locate("a: 1\n---\n# here\nb: [\n", 1, "$.b[0]") == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("---\n# nothing\n...\n~\n--- null\n", []),
        ("\n# a\na: 1\n\n---\nb: 1\n...\n", [(3, "a: 1\n\n"), (6, "b: 1\n")]),
        ("--- {a: 1}\n---x: 1\n", [(1, "--- {a: 1}\n---x: 1\n")]),
        ("a: |\n  ---\n  x\n", [(1, "a: |\n  ---\n  x\n")]),
        ("%YAML 1.2\n---\na: 1", [(3, "a: 1")]),
        ("a: 1\r\n---\r\nb: 1\r\n", [(1, "a: 1\r\n"), (3, "b: 1\r\n")]),
    ],
)
def test_a_text_is_cut_at_its_markers_into_what_says_something(
    text: str, expected: list[tuple[int, str]]
) -> None:
    assert list(parts(text)) == expected


@given(values=DOCUMENTS, empty=st.sampled_from(["", "---\n", "---\n# none\n", "--- null\n...\n"]))
def test_the_parts_of_a_text_are_the_documents_that_are_read(
    values: list[dict[str, object]], empty: str
) -> None:
    text = "".join(f"{empty}---\n{format_yaml(value)}" for value in values)
    found = list(parts(text))
    assert [read_documents(part) for _, part in found] == [[value] for value in values]
    lines = text.split("\n")
    assert all("\n".join(lines[line - 1 :]).startswith(part) for line, part in found)


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ("a: 1\nb: 1\n", 0),
        ("a: {b: 1}\nb: {a: 1}\n", 0),
        ("a: 1\nb: 1\na: 2\n", 2),
        ("a:\n  b: 1\n  c: 1\n  b: 2\n", 3),
        ("- a: 1\n- a: 1\n  b: 1\n  b: 2\n", 3),
        ("x:\n  a: 1\n  a: 2\nx: 1\n", 2),
        ("a: &it\n  b: *it\n", 0),
        ("a: 1\na: [\n", 0),
    ],
)
def test_the_first_repeated_key_is_found_by_its_line(part: str, line: int) -> None:
    assert line_of_repeated_key(part) == line


def test_only_a_line_feed_ends_a_line():
    assert locate("# a\u2028b\x0cc\x85d\na: 1\nc: 2\n", 0, "$.c") == 3
