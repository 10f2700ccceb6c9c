"""Asking a server's API, and what can be wrong with the one that answers."""

import socket
import threading

import pytest

from globaldns.admin.reports import DigestReport
from globaldns.cli.remote import Server
from globaldns.errors import ServerError, ServerUnreachable

DIGEST = DigestReport(serial=1, services=2, zone="ab", vips="cd")


def test_an_answer_is_the_report(api):
    api.put("/api/v1/digest", DIGEST)
    assert Server(api.url + "/").fetch("/api/v1/digest", DigestReport) == DIGEST


def test_a_server_may_live_below_a_path(api):
    api.put("/dns/api/v1/digest", DIGEST)
    assert Server(f"{api.url}/dns").fetch("/api/v1/digest", DigestReport) == DIGEST


def test_a_query_is_encoded(api):
    with pytest.raises(ServerError):
        Server(api.url).fetch("/x", DigestReport, {"host": "*.a b"})
    assert api.asked == ["/x?host=%2A.a+b"]


def test_a_newer_server_may_say_more(api):
    api.put("/x", b'{"serial":1,"services":2,"zone":"ab","vips":"cd","new":true}')
    assert Server(api.url).fetch("/x", DigestReport) == DIGEST


def test_a_refusal_is_the_servers_own_words(api):
    api.put("/x", {"title": "Not Found", "status": 404, "detail": "there is no service x"}, 404)
    with pytest.raises(ServerError, match=r"^there is no service x$"):
        Server(api.url).fetch("/x", DigestReport)


def test_a_refusal_without_words_is_its_status(api):
    api.put("/x", b"<html>", 503)
    with pytest.raises(ServerError, match="answered 503"):
        Server(api.url).fetch("/x", DigestReport)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"serial":"one"}', b""])
def test_what_is_no_report_is_refused(api, body):
    api.put("/x", body)
    with pytest.raises(ServerError, match="is no answer of globaldns"):
        Server(api.url).fetch("/x", DigestReport)


def test_nobody_there_is_told_from_a_refusal():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServerUnreachable, match="connection refused") as caught:
            Server(url).fetch("/x", DigestReport)
    assert "--server none" in caught.value.hint


def test_a_server_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServerUnreachable, match="timed out"):
            Server(url).fetch("/x", DigestReport, timeout=0.05)


def test_another_protocol_is_no_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail ready\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(ServerUnreachable):
            Server(f"http://127.0.0.1:{listener.getsockname()[1]}").fetch("/x", DigestReport)
        thread.join()


def test_events_are_their_data_and_end_with_the_stream(api):
    api.put(
        "/api/v1/events", b': connected\n\nevent: a\ndata: {"a":1}\n\n: heartbeat\n\ndata: {}\n\n'
    )
    events = Server(api.url).events()
    assert [event.strip() for event in events] == [b'{"a":1}', b"{}"]


def test_events_are_connected_before_the_first_one_is_awaited(api):
    api.put("/api/v1/events", b"")
    events = Server(api.url).events()
    assert api.asked == ["/api/v1/events"]
    assert list(events) == []


def test_too_many_listeners_are_refused_in_words(api):
    api.put("/api/v1/events", {"detail": "64 clients listen already"}, 503)
    with pytest.raises(ServerError, match="64 clients"):
        Server(api.url).events()
