"""Credentials that are refused, and what becomes of requests that have them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from globaldns.errors import ApiError, ApiRefused, KubeconfigError
from globaldns.kube import client as module
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.kube.fake import FakeApiServer
from tests.kube.scripted import answer, saying, way_to

Connect = Callable[[Access], Client]
NAMESPACES = "/api/v1/namespaces"
SECRET = "eyJhbGciOiJSUzI1NiIsI"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials may be renewed at any time."""
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.0)


def write(path: Path, fake: FakeApiServer) -> Path:
    path.write_text(json.dumps(fake.kubeconfig()))
    return path


@pytest.mark.usefixtures("impatient")
async def test_a_token_that_was_rotated_in_its_file_is_read_again_when_the_old_one_is_refused(
    fake: FakeApiServer, connect: Connect, tmp_path: Path
) -> None:
    client = connect(Access(path=write(tmp_path / "config", fake)))
    await client.get(NAMESPACES)
    fake.renew_token()
    write(tmp_path / "config", fake)
    for _ in range(2):
        await client.get(NAMESPACES)
    assert len(fake.asked) == 4


@pytest.mark.usefixtures("impatient")
async def test_many_that_are_refused_at_once_are_all_sent_again(
    fake: FakeApiServer, connect: Connect, tmp_path: Path
) -> None:
    client = connect(Access(path=write(tmp_path / "config", fake)))
    await client.get(NAMESPACES)
    fake.renew_token()
    write(tmp_path / "config", fake)
    fake.stall_requests()
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(client.get(NAMESPACES)) for _ in range(9)]
        await fake.until(lambda: len(fake.asked) == 10)
        fake.stall_requests(stalled=False)
    assert all(b"kube-system" in task.result() for task in asked)


@pytest.mark.usefixtures("impatient")
async def test_what_is_under_way_goes_on_when_credentials_are_renewed(
    fake: FakeApiServer, connect: Connect, tmp_path: Path
) -> None:
    client = connect(Access(path=write(tmp_path / "config", fake)))
    query = {"watch": "1", "resourceVersion": str(fake.revision)}
    async with client.stream(NAMESPACES, query, idle_seconds=5) as watch:
        fake.renew_token()
        write(tmp_path / "config", fake)
        await client.get(NAMESPACES)
        fake.add_namespace("shop")
        assert b'"shop"' in await anext(watch)
        assert len(client._former) == 1
    assert client._former == set()


async def test_credentials_that_are_refused_are_not_read_again_and_again(
    fake: FakeApiServer, client: Client
) -> None:
    fake.revoke(fake.token)
    for count in (1, 2, 3):
        with pytest.raises(ApiRefused) as refusal:
            await client.get(NAMESPACES)
        assert (refusal.value.status, len(fake.asked)) == (401, count)


@pytest.mark.usefixtures("impatient")
async def test_those_that_are_refused_always_are_a_refusal_and_leave_nothing_open(
    fake: FakeApiServer, client: Client
) -> None:
    fake.revoke(fake.token)
    for _ in range(3):
        with pytest.raises(ApiRefused):
            await client.get(NAMESPACES)
    assert (len(fake.asked), client._former) == (6, set())


@pytest.mark.usefixtures("impatient")
async def test_a_file_that_is_torn_while_it_is_rotated_is_read_again(
    fake: FakeApiServer, connect: Connect, tmp_path: Path
) -> None:
    client = connect(Access(path=write(tmp_path / "config", fake)))
    await client.get(NAMESPACES)
    fake.renew_token()
    (tmp_path / "config").write_text(f"users: [{{token: {SECRET}")
    with pytest.raises(KubeconfigError, match="it is no YAML") as failure:
        await client.get(NAMESPACES)
    assert SECRET not in str(failure.value)
    write(tmp_path / "config", fake)
    await client.get(NAMESPACES)


async def test_a_client_that_was_closed_opens_anew_and_closing_again_is_nothing(
    fake: FakeApiServer, client: Client
) -> None:
    for _ in range(2):
        await client.get("/version")
        await client.close()
        await client.close()
    assert len(fake.asked) == 2


@pytest.mark.parametrize("token", [f"{SECRET}\nX-Evil: 1", f"{SECRET}\r\n\r\nGET / HTTP/1.1"])
async def test_a_token_cannot_say_more_than_a_token_and_is_not_shown(
    connect: Connect, token: str
) -> None:
    async with saying(answer(b"{}")) as url:
        with pytest.raises(ApiError) as failure:
            await connect(way_to(url, token)).get("/")
    assert SECRET not in str(failure.value)


async def test_nothing_that_a_client_logs_holds_its_token(
    fake: FakeApiServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    fake.add_token(SECRET, "admin")
    client = connect(Access(text=json.dumps(fake.kubeconfig(token=SECRET))))
    await client.get(NAMESPACES)
    fake.revoke(SECRET)
    with pytest.raises(ApiRefused) as refusal:
        await client.get(NAMESPACES)
    assert SECRET not in caplog.text + repr(refusal.value) + repr(vars(client))
