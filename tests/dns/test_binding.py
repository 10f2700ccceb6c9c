from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from globaldns.dns.binding import RECEIVE_BUFFER_OCTETS, BoundPair, bind_all, bind_streams
from globaldns.dns.listen import Listen, parse_listen
from globaldns.errors import ListenError

FOREIGN = "192.0.2.77:0"
"""TEST-NET-1 (RFC 5737): no host has it."""


@contextmanager
def bound(*texts: str, skip_missing: bool = False) -> Iterator[tuple[BoundPair, ...]]:
    pairs = bind_all(map(parse_listen, texts), skip_missing=skip_missing)
    try:
        yield pairs
    finally:
        for pair in pairs:
            pair.udp.close()
            pair.tcp.close()


def test_udp_and_tcp_get_the_same_port_and_do_not_block() -> None:
    with bound("127.0.0.1:0", "[::1]:0") as pairs:
        for pair in pairs:
            assert pair.listen.port
            assert pair.udp.getsockname() == pair.tcp.getsockname()
            assert pair.udp.getsockname()[1] == pair.listen.port
            assert not pair.udp.getblocking()
            assert not pair.tcp.getblocking()


def test_the_wildcards_of_both_families_share_a_port() -> None:
    with bound("[::]:0") as (six,), bound(f"0.0.0.0:{six.listen.port}") as (four,):
        assert four.listen.port == six.listen.port


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("holder", ["127.0.0.1", "0.0.0.0"])
def test_an_address_that_another_has_is_refused_with_its_name_and_a_remedy(
    kind: socket.SocketKind, holder: str
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind((holder, 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ListenError, match=f"127.0.0.1:{port} is in use") as caught:
            bind_all([parse_listen(f"127.0.0.1:{port}")], skip_missing=True)
        assert f":{port}" in caught.value.hint


def test_a_refused_address_leaves_no_other_bound() -> None:
    with bound("127.0.0.1:0") as (held,):
        port = held.listen.port
    with pytest.raises(ListenError, match="no address of this host"):
        bind_all([parse_listen(f"127.0.0.1:{port}"), parse_listen(FOREIGN)], skip_missing=False)
    with bound(f"127.0.0.1:{port}") as (again,):
        assert again.listen.port == port


def test_of_the_default_what_is_missing_is_skipped_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with bound("127.0.0.1:0", FOREIGN, skip_missing=True) as pairs:
        assert len(pairs) == 1
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert vars(warning)["address"] == FOREIGN


def test_nothing_to_listen_on_is_an_error() -> None:
    with pytest.raises(ListenError, match="no address to listen on"):
        bind_all([parse_listen(FOREIGN)], skip_missing=True)


def test_the_receive_buffer_that_was_granted_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), bound("127.0.0.1:0") as (pair,):
        granted = pair.udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    (record,) = [record for record in caplog.records if hasattr(record, "asked")]
    assert vars(record)["octets"] == granted
    assert vars(record)["asked"] == RECEIVE_BUFFER_OCTETS


def test_a_free_port_is_one_that_udp_has_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first port that TCP finds is taken for UDP; the next is tried."""
    taken: list[int] = []
    bind = socket.socket.bind

    class Contested(socket.socket):
        def bind(self, address: object) -> None:
            if self.type == socket.SOCK_DGRAM and not taken:
                taken.append(address[1])  # type: ignore[index]
                raise OSError(errno.EADDRINUSE, "taken")
            bind(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "socket", Contested)
    with bound("127.0.0.1:0") as (pair,):
        assert taken
        assert isinstance(pair.listen, Listen)


def test_a_stream_has_a_port_of_its_own_and_leaves_udp_to_others() -> None:
    (stream,) = bind_streams([parse_listen("127.0.0.1:0")], skip_missing=False)
    try:
        assert stream.tcp.getsockname() == ("127.0.0.1", stream.listen.port)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", stream.listen.port))
    finally:
        stream.close()


def test_what_is_said_of_a_stream_names_its_key() -> None:
    with pytest.raises(ListenError) as caught:
        bind_streams([parse_listen(FOREIGN)], skip_missing=False)
    assert "dns.tls.listen" in caught.value.hint
    with pytest.raises(ListenError) as caught:
        bind_all([parse_listen(FOREIGN)], skip_missing=False)
    assert caught.value.hint.endswith("correct dns.listen")
