"""Stub domains in JSON: ours come and go, all others keep their bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from globaldns.coredns.kubedns import alike, fingerprints, install, remove, told
from globaldns.errors import StubError
from tests.coredns.collection import STUB, TWO_POLICIES, stub

TWO = stub("global", "mesh.example", server="10.96.0.99 fd00::53")
TEXTS = {
    "empty": "{}",
    "empty, with blanks": " {\n } \n",
    "one line": '{"corp.example": ["10.1.0.53"], "b" :["1.2.3.4:53"]}',
    "no blanks": '{"a":["1.1.1.1"],"b":["1.1.1.1"]}',
    "many lines": '{\n  "corp.example": ["10.1.0.53"],\n  "b": [\n    "1.2.3.4"\n  ]\n}\n',
    "CRLF": '{\r\n\t"corp.example": ["10.1.0.53"]\r\n}',
    "signs in names": '{"a,{\\"}:": ["x"]}',
}


def check_laws(text: str) -> None:
    for one in (STUB, TWO):
        installed = install(text, one)
        ours = {domain: list(one.targets) for domain in one.domains}
        assert json.loads(installed) == json.loads(text) | ours
        assert install(installed, one) == installed
        known = fingerprints(text, installed)
        assert fingerprints(installed, installed, known) == known
        assert remove(installed, known) == text
        assert remove(installed) == installed
        moved = stub(server="10.96.0.7")
        assert install(installed, moved, known) == install(text, moved)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_laws(text: str) -> None:
    check_laws(text)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), st.lists(st.text())), st.none() | st.integers(0, 4))
def test_laws_over_other_domains(domains: dict[str, list[str]], indent: int | None) -> None:
    foreign = {name: to for name, to in domains.items() if name.lower().strip(".") not in TWO.names}
    check_laws(json.dumps(foreign, indent=indent))


def test_where_there_is_no_key_it_comes_and_goes() -> None:
    installed = install(None, TWO)
    assert installed == (
        "{\n"
        '  "global": ["10.96.0.99", "fd00::53"],\n'
        '  "mesh.example": ["10.96.0.99", "fd00::53"]\n'
        "}\n"
    )
    assert install(installed, TWO) == installed
    known = fingerprints(None, installed)
    assert remove(installed, known) is None
    moved = install(installed, stub(server="10.96.0.7"), known)
    assert remove(moved, known | fingerprints(installed, moved, known)) is None


def test_another_domain_is_written_as_those_before() -> None:
    assert install(TEXTS["many lines"], STUB) == (
        '{\n  "corp.example": ["10.1.0.53"],\n  "b": [\n    "1.2.3.4"\n  ],\n'
        '  "global": ["10.96.0.99"]\n}\n'
    )


def test_ours_stay_where_they_stand() -> None:
    text = '{"global" : [ "10.96.0.99" ], "b": ["1.1.1.1"]}'
    assert install(text, STUB) == text
    known = alike(text, STUB)
    moved = install(text, stub(server="10.96.0.7"), known)
    assert moved == '{"global" : ["10.96.0.7"], "b": ["1.1.1.1"]}'
    assert remove(text, known) == '{"b": ["1.1.1.1"]}'


@pytest.mark.parametrize(
    "text", ['{"global": ["10.96.0.99"]}', '{\n  "GLOBAL.": ["10.96.0.99"]\n}\n', "{\n\n}\n"]
)
def test_what_somebody_else_wrote_as_we_would_is_left_and_never_removed(text: str) -> None:
    both = stub("global", "mesh.example")
    installed = install(text, both)
    assert told(installed, both) == both.names
    known = fingerprints(text, installed)
    assert known.isdisjoint(alike(text, both))
    assert remove(installed, known) == text
    assert remove(text, known) == text
    assert told(text, both) == both.names[: len(json.loads(text))]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('{"global": ["10.9.9.9"]}', "user-owned", 1),
        ('{\n"GLOBAL.": ["10.9.9.9"]}', "user-owned", 2),
        ('{"a": ["10.9.9.9"],\n}', "syntax", 2),
        ("", "syntax", 1),
        ('["global"]', "syntax", 1),
        ('{"a": NaN}', "syntax", 1),
        ('{\n"a": "10.9.9.9"}', "syntax", 2),
        ('{\n"a": [1]}', "syntax", 2),
        pytest.param('{"a": ' + "[" * 3000 + "]" * 3000 + "}", "syntax", 1, id="deep"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "syntax", 1, id="a long number"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, code: str, line: int) -> None:
    with pytest.raises(StubError) as refused:
        install(text, STUB)
    assert (refused.value.code, refused.value.line) == (code, line)
    assert refused.value.hint


def test_names_of_others_cannot_be_asked_elsewhere() -> None:
    with pytest.raises(StubError) as refused:
        install(None, TWO_POLICIES)
    assert refused.value.code == "build"
