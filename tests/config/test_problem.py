"""Problems as people read them, and paths as the documents are searched by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config.problem import Problem, is_within, join
from globaldns.documents import format_yaml, locate

KEYS = st.text("aB7.-/_[]' ", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("$.grace", "is missing"), "$.grace: is missing"),
        (Problem("$.grace", "is missing", line=3), "$.grace (line 3): is missing"),
        (Problem("$", "no", "write yes"), "$: no (fix: write yes)"),
        (Problem("$.a[0]", "no", "write yes", 1), "$.a[0] (line 1): no (fix: write yes)"),
    ],
)
def test_a_problem_says_place_reason_and_remedy_as_far_as_they_are_known(problem, line):
    assert str(problem) == line


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("dns", "$.x.dns"),
        ("udp_payload", "$.x.udp_payload"),
        ("east-1", "$.x.east-1"),
        (0, "$.x[0]"),
        (12, "$.x[12]"),
        ("0", '$.x["0"]'),
        ("a.b", '$.x["a.b"]'),
        ("a/b", '$.x["a/b"]'),
        ("-a", '$.x["-a"]'),
        ("", '$.x[""]'),
        ("naïve", '$.x["naïve"]'),
    ],
)
def test_a_key_that_a_path_could_misread_is_quoted(key, path):
    assert join("$.x", key) == path


@given(KEYS)
def test_a_key_is_found_again_by_its_path(key):
    text = format_yaml({"#": 0, key: [{key: 1}, {"#": 0, key: 2}]})
    path = join("$", key)
    assert locate(text, 0, path) == 2
    assert locate(text, 0, join(join(path, 1), key)) == 5


@pytest.mark.parametrize(
    ("path", "above", "expected"),
    [
        ("$", "$", True),
        ("$.dns", "$", True),
        ("$.dns.listen[0]", "$.dns", True),
        ("$.dns.listen[0]", "$.dns.listen", True),
        ('$.clusters["a.b"].source', "$.clusters", True),
        ("$.dns", "$.dns.listen", False),
        ("$.zones[10]", "$.zones[1]", False),
        ("$.gracefully", "$.grace", False),
    ],
)
def test_a_path_is_within_itself_and_what_is_above_it(path, above, expected):
    assert is_within(path, above) is expected


@given(st.lists(KEYS | st.integers(0, 20), max_size=4), st.lists(KEYS | st.integers(0, 20)))
def test_what_is_joined_to_a_path_is_within_it(above, below):
    path = "$"
    for key in above:
        path = join(path, key)
    longer = path
    for key in below:
        longer = join(longer, key)
    assert is_within(longer, path)
    assert is_within(path, longer) is (below == [])
