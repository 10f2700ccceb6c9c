"""Errors of the HTTP API as ``application/problem+json``.

Standards:
    RFC 9457   problem details; ``type`` is about:blank, so ``title`` is the status's own phrase
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from globaldns.errors import GlobalDnsError

CONTENT_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, gc=False):
    """The body of an error."""

    title: str
    status: int
    detail: str


class RequestProblem(Exception):
    """A request that cannot be answered; carries the status to answer with."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def encode_problem(status: HTTPStatus, detail: str) -> bytes:
    """Return the body of the response for an error."""
    return msgspec.json.encode(Problem(status.phrase, status.value, detail))


def describe(error: GlobalDnsError) -> str:
    """Return what is wrong and, where it is known, what to do."""
    return f"{error} ({error.hint})" if error.hint else str(error)
