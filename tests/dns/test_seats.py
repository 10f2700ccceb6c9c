from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from globaldns.dns import binding, seats
from globaldns.dns.listen import parse_listen
from globaldns.dns.seats import Seat, ServerSettings, TlsListening, bind_seats
from globaldns.errors import ListenError


def settings(*texts: str, tls: tuple[str, ...] = ()) -> ServerSettings:
    return ServerSettings(
        listen=tuple(map(parse_listen, texts)),
        tls=TlsListening(listen=tuple(map(parse_listen, tls)), certificate="c", key="k")
        if tls
        else None,
    )


@contextmanager
def bound(wanted: ServerSettings, workers: int = 1) -> Iterator[tuple[Seat, ...]]:
    taken = bind_seats(wanted, workers)
    try:
        yield taken
    finally:
        for seat in taken:
            seat.close()


def is_shared(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_worker_has_a_seat_at_the_same_addresses(workers: int) -> None:
    with bound(settings("127.0.0.1:0", "[::1]:0", tls=("127.0.0.1:0",)), workers) as taken:
        assert len(taken) == workers
        assert len({(seat.addresses, seat.tls_addresses) for seat in taken}) == 1
        assert [address.host for address in taken[0].addresses] == ["127.0.0.1", "::1"]
        assert all(address.port for address in taken[0].addresses + taken[0].tls_addresses)
        for seat in taken:
            for pair in seat.pairs:
                assert pair.udp.getsockname()[1] == pair.tcp.getsockname()[1] == pair.listen.port
                assert not pair.udp.getblocking()
                assert not pair.tcp.getblocking()


def test_each_worker_has_a_socket_of_its_own_for_datagrams_and_all_accept_from_one() -> None:
    with bound(settings("127.0.0.1:0", tls=("127.0.0.1:0",)), 3) as taken:
        assert len({seat.pairs[0].udp.fileno() for seat in taken}) == 3
        assert len({seat.pairs[0].tcp.fileno() for seat in taken}) == 1
        assert len({seat.streams[0].tcp.fileno() for seat in taken}) == 1
        assert all(is_shared(seat.pairs[0].udp) for seat in taken)


def test_where_one_worker_is_nobody_else_may_have_a_part_of_the_queries() -> None:
    with bound(settings("127.0.0.1:0")) as (seat,):
        assert not is_shared(seat.pairs[0].udp)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", seat.addresses[0].port))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_second_server_is_refused_however_many_workers_the_first_has(workers: int) -> None:
    with bound(settings("127.0.0.1:0"), workers) as taken:
        address = str(taken[0].addresses[0])
        for others in (1, 3):
            with pytest.raises(ListenError, match=f"{address} is in use"):
                bind_seats(settings(address), others)


def test_datagrams_come_to_one_seat_each_and_to_all_in_turn() -> None:
    with bound(settings("127.0.0.1:0"), 2) as taken:
        port = taken[0].addresses[0].port
        for _ in range(64):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"?", ("127.0.0.1", port))
        counts = [0, 0]
        for number, seat in enumerate(taken):
            with pytest.raises(BlockingIOError):  # noqa: PT012
                while True:
                    seat.pairs[0].udp.recv(9)
                    counts[number] += 1
        assert sum(counts) == 64
        assert min(counts) > 0


def test_connections_wait_in_the_seat_for_whoever_sits_down_there() -> None:
    with bound(settings("127.0.0.1:0", tls=("127.0.0.1:0",)), 2) as taken:
        for address in (*taken[0].addresses, *taken[0].tls_addresses):
            with socket.create_connection((address.host, address.port), timeout=20) as client:
                client.sendall(b"?")
        for waiting in (taken[1].pairs[0].tcp, taken[1].streams[0].tcp):
            connection, _ = waiting.accept()
            connection.close()


def test_seats_that_are_closed_leave_the_address_to_the_next() -> None:
    with bound(settings("127.0.0.1:0"), 2) as taken:
        address = str(taken[0].addresses[0])
    with bound(settings(address), 3) as again:
        assert str(again[2].addresses[0]) == address


def test_where_it_listens_if_nothing_is_said_what_the_host_does_not_have_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    default = (parse_listen("127.0.0.1:0"), parse_listen("192.0.2.77:0"))
    monkeypatch.setattr(seats, "DEFAULT_LISTEN", default)
    with bound(ServerSettings()) as (seat,):
        assert [address.host for address in seat.addresses] == ["127.0.0.1"]
    with pytest.raises(ListenError, match="no address of this host"):
        bind_seats(ServerSettings(listen=default))


def open_sockets() -> int:
    return sum(
        "socket:" in str(path.readlink())
        for path in Path("/proc/self/fd").iterdir()
        if path.is_symlink()
    )


def test_where_tls_cannot_listen_no_address_is_kept() -> None:
    before = open_sockets()
    with pytest.raises(ListenError, match="no address of this host"):
        bind_seats(settings("127.0.0.1:0", tls=("127.0.0.1:0", "192.0.2.77:0")), 2)
    assert open_sockets() == before


def test_where_another_takes_the_port_in_between_no_address_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sockets for several workers are bound again, when the port is known to be free."""
    before = open_sockets()
    bind = binding._bind
    bound_again: list[object] = []

    def contested(*arguments: object, **options: object) -> socket.socket:
        if options:
            if len(bound_again) == 3:
                raise OSError(98, "taken")
            bound_again.append(options)
        return bind(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(binding, "_bind", contested)
    with pytest.raises(ListenError, match="is in use"):
        bind_seats(settings("127.0.0.1:0", "[::1]:0", tls=("127.0.0.1:0",)), 2)
    assert len(bound_again) == 3
    assert open_sockets() == before
