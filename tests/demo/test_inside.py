"""A box does what it is asked, and refuses while it is not ready."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from globaldns.demo.box import Box
from globaldns.demo.inside import answer
from globaldns.demo.layout import Layout
from globaldns.demo.words import Curl, Cut, Down, Kill, Reply, Request


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """One of which nothing runs."""
    box = Box(Layout(tmp_path), "envoy")
    box.phase = ""
    return box


async def ask(box: Box, request: Request) -> Reply:
    line = await answer(box, msgspec.json.encode(request), asyncio.Event())
    return msgspec.json.decode(line, type=Reply)


async def test_what_is_not_there_is_refused(box: Box) -> None:
    for request in (Curl("a", "north"), Cut("east", "north"), Kill("pod", "legacy-v1")):
        reply = await ask(box, request)
        assert "is no " in reply.error
        assert "one of " in reply.hint


@pytest.mark.parametrize("name", ["west", "gateway-west"])
async def test_a_kind_that_is_not_known_ends_nothing(
    name: str, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(box._processes, "is_up", lambda _name: True)
    reply = await ask(box, Kill("foo", name))
    assert (reply.error, reply.hint) == ("'foo' is no kind", "one of gateway, pod")


async def test_what_is_dead_is_not_killed_again(box: Box) -> None:
    assert "dead already" in (await ask(box, Kill("gateway", "west"))).error


async def test_a_box_that_is_not_ready_says_what_it_does(box: Box) -> None:
    box.phase = "making namespaces"
    assert "making namespaces" in (await ask(box, Curl("a", "east"))).error


async def test_a_box_is_told_to_end(box: Box) -> None:
    stop = asyncio.Event()
    assert json.loads(await answer(box, msgspec.json.encode(Down()), stop)) == {}
    assert stop.is_set()


async def test_what_is_no_request_is_said(box: Box) -> None:
    assert b"not a request" in await answer(box, b"what?", asyncio.Event())
