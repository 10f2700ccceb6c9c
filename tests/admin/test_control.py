from __future__ import annotations

import asyncio
import json
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from globaldns.admin.control import (
    READ_SECONDS,
    SOCKET_NAME,
    Changes,
    ControlServer,
    Foresee,
    Forget,
    Import,
    Renumber,
    Reply,
    SetFence,
    ask,
)
from globaldns.admin.reports import FenceReport, ForgetReport, MoveReport
from globaldns.errors import LedgerError, ListenError, RequestRefused
from globaldns.model.claim import format_claims
from tests.admin.client import CEILING_SECONDS
from tests.registry.mesh import claim

CLAIMS = (claim("a.ns", "240.128.0.1", 5), claim("b.ns", "240.128.0.2", 6, retired_at=7))


class Ledger:
    """Takes what it is told to change; a host named ``refused`` it does not know."""

    def __init__(self):
        self.renumbered = []
        self.imported = []

    @property
    def changes(self):
        return Changes(
            renumber=self.renumber,
            import_claims=self.import_claims,
            set_fence=self.set_fence,
            foresee=self.foresee,
            forget=self.forget,
        )

    async def renumber(self, hosts):
        if "refused" in hosts:
            raise RequestRefused("refused has no number", hint="name another")
        self.renumbered += hosts
        return [
            MoveReport(host=h, old=(), new=("240.128.0.9",), reason="renumbered") for h in hosts
        ]

    async def import_claims(self, claims):
        self.imported += claims
        return len(claims)

    async def set_fence(self, cluster, fenced):
        return FenceReport(
            cluster=cluster, fenced=fenced, changed=True, at="", services=2, alone=("a.ns",)
        )

    async def foresee(self, cluster):
        return ForgetReport(cluster=cluster, vips=2, resting=("a.ns",), done=False)

    async def forget(self, cluster, rebuilt):
        return ForgetReport(cluster=cluster, vips=2, resting=("a.ns",), rebuilt=rebuilt)


@pytest.fixture
def ledger():
    return Ledger()


@asynccontextmanager
async def serving(state, changes) -> AsyncIterator[ControlServer]:
    server = ControlServer(state, changes)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def send(state, data: bytes) -> Reply:
    """Say something that is no request of ours, and return the reply."""
    reader, writer = await asyncio.open_unix_connection(state / SOCKET_NAME)
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(CEILING_SECONDS):
            return Reply(**json.loads(await reader.read()))
    finally:
        writer.close()
        await writer.wait_closed()


async def test_hosts_are_renumbered_and_the_moves_told(tmp_path, ledger):
    async with serving(tmp_path, ledger.changes):
        reply = await asyncio.to_thread(ask, tmp_path, Renumber(hosts=("a.ns", "b.ns")))
    assert ledger.renumbered == ["a.ns", "b.ns"]
    assert reply is not None
    assert [(move.host, move.new) for move in reply.moves] == [
        ("a.ns", ("240.128.0.9",)),
        ("b.ns", ("240.128.0.9",)),
    ]


async def test_claims_are_imported_as_they_were_exported(tmp_path, ledger):
    async with serving(tmp_path, ledger.changes):
        reply = await asyncio.to_thread(ask, tmp_path, Import(claims=format_claims(CLAIMS)))
    assert sorted(ledger.imported) == sorted(CLAIMS)
    assert reply == Reply(claims=2)


async def test_an_import_may_be_larger_than_any_buffer(tmp_path, ledger):
    many = [claim(f"host-{n}.ns", "240.128.0.1", n) for n in range(20_000)]
    async with serving(tmp_path, ledger.changes):
        reply = await asyncio.to_thread(ask, tmp_path, Import(claims=format_claims(many)))
    assert reply == Reply(claims=20_000)


async def test_a_cluster_is_fenced_unfenced_and_forgotten(tmp_path, ledger):
    async with serving(tmp_path, ledger.changes):
        for fenced in (True, False):
            reply = await asyncio.to_thread(ask, tmp_path, SetFence("west", fenced))
            assert (reply.fence.cluster, reply.fence.fenced) == ("west", fenced)
            assert reply.forgotten is None
        reply = await asyncio.to_thread(ask, tmp_path, Foresee("west"))
        assert (reply.forgotten.cluster, reply.forgotten.done) == ("west", False)
        reply = await asyncio.to_thread(ask, tmp_path, Forget("west"))
        assert reply.forgotten.done
        assert (reply.forgotten.cluster, reply.forgotten.resting) == ("west", ("a.ns",))
        assert (await send(tmp_path, b'{"do":"fence","cluster":"west"}\n')).fence["fenced"]


async def test_a_refusal_reaches_the_person_with_its_hint(tmp_path, ledger):
    async with serving(tmp_path, ledger.changes):
        with pytest.raises(RequestRefused, match="refused has no number") as caught:
            await asyncio.to_thread(ask, tmp_path, Renumber(hosts=("refused",)))
        assert caught.value.hint == "name another"
        with pytest.raises(RequestRefused, match="line 1: "):
            await asyncio.to_thread(ask, tmp_path, Import(claims="a.ns"))
    assert ledger.renumbered == ledger.imported == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"no json\n", b"[]\n", b'{"do":"drop"}\n', b'{"do":"renumber"}\n', b"\xff\n"],
)
async def test_what_is_no_request_is_told_so_and_changes_nothing(tmp_path, ledger, data):
    async with serving(tmp_path, ledger.changes):
        assert (await send(tmp_path, data)).error.startswith("not a request: ")
        assert (await send(tmp_path, b'{"do":"renumber","hosts":["a.ns"]}')).error == ""
    assert ledger.renumbered == ["a.ns"]


async def test_a_failing_ledger_is_no_wrong_request(tmp_path, ledger):
    async def fail(_):
        raise LedgerError("the ledger cannot be written")

    changes = msgspec.structs.replace(ledger.changes, renumber=fail)
    async with serving(tmp_path, changes):
        reply = await send(tmp_path, b'{"do":"renumber","hosts":["a.ns"]}\n')
    assert reply.error == "the ledger cannot be written"


def test_where_no_server_listens_there_is_no_reply(tmp_path):
    assert ask(tmp_path, Renumber(hosts=())) is None
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / SOCKET_NAME))
    assert ask(tmp_path, Renumber(hosts=())) is None


def test_a_socket_that_cannot_be_opened_is_said_to_be_so(tmp_path):
    with pytest.raises(RequestRefused, match=SOCKET_NAME):
        ask(tmp_path / ("long" * 50), Renumber(hosts=()))


async def test_a_server_that_stops_gives_no_reply_and_the_client_is_told(tmp_path, ledger):
    is_asked = asyncio.Event()

    async def never(_):
        is_asked.set()
        return await asyncio.Event().wait()

    async with serving(tmp_path, msgspec.structs.replace(ledger.changes, renumber=never)):
        asking = asyncio.create_task(asyncio.to_thread(ask, tmp_path, Renumber(hosts=("a.ns",))))
        async with asyncio.timeout(CEILING_SECONDS):
            await is_asked.wait()
    with pytest.raises(RequestRefused, match="gave no reply") as caught:
        await asking
    assert "vip history" in caught.value.hint


async def test_a_server_does_not_wait_for_who_says_nothing(tmp_path, ledger):
    loop = asyncio.get_running_loop()
    async with serving(tmp_path, ledger.changes):
        reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
        assert (await send(tmp_path, b'{"do":"renumber","hosts":[]}\n')).error == ""
        before = loop.time()
    assert loop.time() - before < READ_SECONDS / 2
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock a test moves."""

    jumped = 0.0

    def time(self) -> float:
        return super().time() + self.jumped


def test_a_request_has_ten_seconds(tmp_path, ledger):
    async def run():
        loop = asyncio.get_running_loop()
        async with serving(tmp_path, ledger.changes):
            reader, writer = await asyncio.open_unix_connection(tmp_path / SOCKET_NAME)
            writer.write(b'{"do":')
            assert (await send(tmp_path, b"x")).error  # so the server has the first one, too
            loop.jumped += READ_SECONDS
            reply = json.loads(await reader.readline())
            assert reply == {"error": "no request within 10 s"}
            writer.close()
            await writer.wait_closed()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(run())


async def test_only_its_owner_may_open_the_socket_and_it_goes_with_the_server(tmp_path, ledger):
    path = tmp_path / SOCKET_NAME
    async with serving(tmp_path, ledger.changes):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_socket_that_a_crash_left_is_replaced(tmp_path, ledger):
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / SOCKET_NAME))
    async with serving(tmp_path, ledger.changes):
        assert (await send(tmp_path, b'{"do":"renumber","hosts":[]}\n')).error == ""


async def test_a_socket_that_cannot_be_made_says_where_and_why(tmp_path, ledger):
    with pytest.raises(ListenError, match=SOCKET_NAME) as caught:
        await ControlServer(tmp_path / ("long" * 50), ledger.changes).start()
    assert "107 octets" in caught.value.hint


async def test_a_server_that_never_started_can_be_stopped(tmp_path, ledger):
    await ControlServer(tmp_path, ledger.changes).stop()
    assert list(tmp_path.iterdir()) == []
