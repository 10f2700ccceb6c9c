from __future__ import annotations

from http import HTTPStatus

import msgspec
import pytest

from globaldns.admin.problems import RequestProblem, describe, encode_problem
from globaldns.errors import InvalidHost


def test_the_body_has_the_status_its_phrase_and_the_detail():
    body = msgspec.json.decode(encode_problem(HTTPStatus.NOT_FOUND, 'no "a"\n'))
    assert body == {"title": "Not Found", "status": 404, "detail": 'no "a"\n'}


@pytest.mark.parametrize(
    ("error", "text"),
    [(InvalidHost("bad"), "bad"), (InvalidHost("bad", hint="write good"), "bad (write good)")],
)
def test_a_detail_says_what_to_do_where_it_is_known(error, text):
    assert describe(error) == text


def test_a_problem_carries_the_status_to_answer_with():
    problem = RequestProblem(HTTPStatus.BAD_REQUEST, "limit= is repeated")
    assert (problem.status, problem.detail, str(problem)) == (400, problem.detail, problem.detail)
