"""What is said on the sockets comes back as it was."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.demo.plan import Speech
from globaldns.demo.words import (
    AgentRequest,
    Ask,
    Curl,
    Cut,
    Down,
    GetStatus,
    Heal,
    Kill,
    Read,
    Request,
    Status,
)


@pytest.mark.parametrize(
    "request_",
    [Curl("a", "east"), Cut("a", "b"), Kill("pod", "a"), Heal(), GetStatus(), Down()],
    ids=lambda one: type(one).__name__,
)
def test_a_request_says_what_it_is(request_: Request) -> None:
    assert msgspec.json.decode(msgspec.json.encode(request_), type=Request) == request_


@pytest.mark.parametrize("request_", [Ask("a", 80, Speech.HTTP, 2), Read("/")])
def test_an_agent_is_asked_likewise(request_: AgentRequest) -> None:
    assert msgspec.json.decode(msgspec.json.encode(request_), type=AgentRequest) == request_


@pytest.mark.parametrize(
    ("digests", "is_agreed"),
    [
        ({}, False),
        ({"east": "1", "west": "1"}, True),
        ({"east": "1", "west": "2"}, False),
        ({"east": "", "west": ""}, False),
    ],
)
def test_clusters_agree_when_all_answer_the_same(
    digests: dict[str, str], *, is_agreed: bool
) -> None:
    assert Status(digests=digests).is_agreed is is_agreed
