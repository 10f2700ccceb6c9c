"""Requests to one API server: what comes back, and what is said where nothing does."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import socket
import ssl
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from globaldns.errors import ApiError, ApiRefused, KubeconfigError
from globaldns.kube.client import APPLY, MAX_RETRY_SECONDS, Client
from globaldns.kube.kubeconfig import Access
from globaldns.tasks import wall_clock
from tests.certificates import make_pair
from tests.kube.fake import FakeApiServer
from tests.kube.kubeconfig import kubeconfig
from tests.kube.scripted import answer, saying, way_to

Connect = Callable[[Access], Client]
NAMESPACES = "/api/v1/namespaces"
MAPS = f"{NAMESPACES}/default/configmaps"
SECRET = "eyJhbGciOiJSUzI1NiIsI"


def config_map(name: str, **data: str) -> bytes:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    return json.dumps(body).encode()


async def test_a_request_says_what_it_wants_and_who_we_are(
    fake: FakeApiServer, client: Client
) -> None:
    await client.send("POST", MAPS, config_map("a"))
    await client.get(MAPS, {"limit": "5", "continue": ""} | {"labelSelector": "a=b,c in (d, é)"})
    query = {"fieldManager": "globaldns", "force": "true"}
    await client.send("PATCH", f"{MAPS}/a", config_map("a"), query=query, content_type=APPLY)
    posted, listed, applied = fake.asked
    assert (posted.verb, posted.content_type) == ("create", "application/json")
    assert listed.query == {"limit": "5", "continue": "", "labelSelector": "a=b,c in (d, é)"}
    assert (applied.verb, applied.content_type, applied.query) == ("patch", APPLY, query)
    assert {asked.user_agent.partition("/")[0] for asked in fake.asked} == {"globaldns"}


@pytest.mark.parametrize(
    ("status", "body", "message", "reason"),
    [
        ("404 Not Found", b'{"message": "no a", "reason": "NotFound"}', "no a", "NotFound"),
        ("404 Not Found", b"404 page not found\n", "404 page not found", ""),
        ("503 Service Unavailable", b"", "Service Unavailable", ""),
        ("500 Oops", b"\xff\xfe<html>", "\ufffd\ufffd<html>", ""),
        ("400 Bad Request", b'{"message": 5}', '{"message": 5}', ""),
        ("418 Teapot", b"[]", "[]", ""),
        ("302 Found", b"", "Found", ""),
        ("304 Not Modified", b"", "Not Modified", ""),
    ],
)
async def test_a_refusal_carries_what_the_server_says(
    connect: Connect, status: str, body: bytes, message: str, reason: str
) -> None:
    async with saying(answer(body, status)) as url:
        with pytest.raises(ApiRefused) as refusal:
            await connect(way_to(url)).get("/apis")
    assert (str(refusal.value), refusal.value.said) == (f"GET /apis: {message}", message)
    assert (refusal.value.status, refusal.value.reason) == (int(status[:3]), reason)


async def test_a_refusal_carries_its_causes(connect: Connect) -> None:
    body = b'{"details": {"causes": [{"reason": "NamespaceTerminating"}, {}]}}'
    async with saying(answer(body, "403 Forbidden")) as url:
        with pytest.raises(ApiRefused) as refusal:
            await connect(way_to(url)).get("/apis")
    assert refusal.value.causes == ("NamespaceTerminating", "")


async def test_nothing_is_sent_where_a_server_leads_to(
    fake: FakeApiServer, connect: Connect
) -> None:
    async with saying(answer(b"", "307 Elsewhere", f"Location: {fake.url}/version")) as url:
        with pytest.raises(ApiRefused, match="Elsewhere"):
            await connect(way_to(url)).send("DELETE", "/a")
    assert fake.asked == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (None, 0.0),
        ("7", 7.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1e9", 0.0),
        ("soon", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("86400", MAX_RETRY_SECONDS),
        ("9" * 400, MAX_RETRY_SECONDS),
    ],
)
async def test_a_busy_server_says_for_how_long_but_not_for_ever(
    connect: Connect, said: str | None, seconds: float
) -> None:
    headers = [] if said is None else [f"Retry-After: {said}"]
    async with saying(answer(b"{}", "429 Too Many Requests", *headers)) as url:
        with pytest.raises(ApiRefused) as refusal:
            await connect(way_to(url)).get("/")
    assert refusal.value.retry_after == seconds


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\0\1\2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        answer(b"no gzip at all", "200 OK", "Content-Encoding: gzip"),
        answer(zlib.compress(b"x" * 999)[:9], "200 OK", "Content-Encoding: deflate"),
    ],
    ids=[
        *("nothing", "binary", "short", "bad chunk", "cut chunk", "status", "length", "header"),
        *("gzip", "cut deflate"),
    ],
)
async def test_an_answer_that_is_none_is_no_answer(connect: Connect, said: bytes) -> None:
    async with saying(said) as url:
        client = connect(way_to(url, SECRET))
        with pytest.raises(ApiError, match="cannot be reached") as failure:
            await client.get("/")
    assert not isinstance(failure.value, ApiRefused)
    assert SECRET not in str(failure.value)


async def test_a_server_that_is_gone_is_named_and_is_asked_again_when_it_is_back(
    fake: FakeApiServer, client: Client
) -> None:
    await fake.stop()
    with pytest.raises(ApiError, match=rf"^{fake.url} cannot be reached: connection refused$"):
        await client.get("/version")
    await fake.start()
    assert b"gitVersion" in await client.get("/version")
    fake.fail(0, times=2)  # an old connection that breaks is taken for one that was closed
    with pytest.raises(ApiError, match=r"cannot be reached: it ended the connection$"):
        await client.get("/version")


async def test_a_name_that_nobody_knows_is_told_in_our_words(connect: Connect) -> None:
    with pytest.raises(ApiError, match=r"x\.invalid cannot be reached: its name cannot be"):
        await connect(way_to("https://x.invalid")).get("/")


async def test_an_answer_is_waited_for_as_long_as_was_said(
    fake: FakeApiServer, client: Client
) -> None:
    fake.stall_requests()
    with pytest.raises(ApiError, match="does not answer in time"):
        await client.send("GET", "/version", seconds=0.05)
    fake.stall_requests(stalled=False)


@pytest.mark.parametrize("url", ["ftp://x", "https://", "https://[::1", "no url", "http://a b/"])
async def test_a_server_that_is_no_url_cannot_be_reached(connect: Connect, url: str) -> None:
    with pytest.raises(ApiError, match="cannot be reached"):
        await connect(way_to(url)).get("/")


async def test_the_server_may_be_a_part_of_a_site(connect: Connect) -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b"{}"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/k8s/clusters/c-1/"
        await connect(way_to(url)).get("/version")
    assert heard == [b"GET /k8s/clusters/c-1/version HTTP/1.1\r\n"]


async def test_a_server_is_believed_by_its_certificate_alone(
    fake: FakeApiServer, tmp_path: Path, connect: Connect
) -> None:
    right, wrong = make_pair(tmp_path, "right"), make_pair(tmp_path, "wrong")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(right.certificate, right.key)
    data = {
        name: base64.b64encode(pair.certificate.read_bytes()).decode()
        for name, pair in (("right", right), ("wrong", wrong))
    }

    async def ask(url: str, **cluster: str) -> bytes:
        return await connect(way_to(url, SECRET, **cluster)).get("/")

    async with saying(answer(b"{}"), tls=tls) as url:
        assert await ask(url, **{"certificate-authority-data": data["right"]}) == b"{}"
        for cluster, reason in (
            ({"certificate-authority-data": data["wrong"]}, "its certificate is not trusted: "),
            ({}, "its certificate is not trusted: self-signed certificate"),
            (
                {"certificate-authority-data": data["right"], "tls-server-name": "other"},
                "its certificate is not trusted: Hostname mismatch",
            ),
        ):
            with pytest.raises(ApiError, match=reason) as failure:
                await ask(url, **cluster)
            assert SECRET not in str(failure.value)
        with pytest.raises(ApiError, match="cannot be reached"):
            await ask(url.replace("https", "http"))
    with pytest.raises(ApiError, match="cannot be reached"):
        await ask(fake.url.replace("http", "https"))


@pytest.mark.parametrize("data", ["", "Z2FyYmFnZQ=="])
async def test_certificates_that_are_none_are_a_fault_of_the_kubeconfig(
    connect: Connect, data: str
) -> None:
    broken = {"certificate-authority-data": data} if data else {}
    user = {} if data else {"client-certificate-data": "QUFB", "client-key-data": "QUFB"}
    way = Access(text=json.dumps(kubeconfig("a", "https://127.0.0.1:1", user, **broken)))
    with pytest.raises(KubeconfigError, match="remote secret cannot be used") as failure:
        await connect(way).get("/")
    assert "no PEM" in failure.value.hint


@pytest.mark.parametrize("ahead", [-3600, 0, 90])
async def test_the_servers_clock_is_compared_with_ours(connect: Connect, ahead: int) -> None:
    date = formatdate(wall_clock() + ahead, usegmt=True)
    async with saying(answer(b"{}", "200 OK", f"Date: {date}")) as url:
        client = connect(way_to(url))
        await client.get("/")
    assert abs(client.skew - ahead) <= 2


async def test_a_date_is_utcs_where_it_does_not_say(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    date = formatdate(wall_clock()).replace("+0000", "-0000")
    try:
        async with saying(answer(b"{}", "200 OK", f"Date: {date}")) as url:
            client = connect(way_to(url))
            await client.get("/")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert abs(client.skew) <= 2


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT", "0", "1 2 3 4 5 6 7"]
)
async def test_a_date_that_is_none_tells_nothing(connect: Connect, date: str) -> None:
    async with saying(answer(b"{}", "200 OK", f"Date: {date}")) as url:
        client = connect(way_to(url))
        await client.get("/")
    assert client.skew == 0


def _hold(listener: socket.socket, tls: ssl.SSLContext, is_over: threading.Event) -> None:
    """Answer one request with a line of many, and then nothing: to a farewell neither."""
    accepted, _ = listener.accept()
    with tls.wrap_socket(accepted, server_side=True) as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}\n")
        is_over.wait()


async def test_a_stream_that_is_left_leaves_no_connection_behind_its_loop(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    data = base64.b64encode(pair.certificate.read_bytes()).decode()
    is_over = threading.Event()

    async def leave(url: str) -> None:
        client = Client(way_to(url, SECRET, **{"certificate-authority-data": data}))
        async with client.stream("/", {}, idle_seconds=60) as lines:
            assert await anext(lines) == b"{}"
        await client.close()

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        warnings.catch_warnings(record=True) as seen,
    ):
        warnings.simplefilter("always")
        holding = asyncio.create_task(asyncio.to_thread(_hold, listener, tls, is_over))
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        try:
            await asyncio.to_thread(asyncio.run, leave(url))
        finally:
            is_over.set()
        await holding
        gc.collect()
    assert [str(one.message) for one in seen if one.category is ResourceWarning] == []
