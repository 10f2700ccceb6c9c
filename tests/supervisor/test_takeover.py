"""An upgrade in place: the sockets go from hand to hand, and somebody answers all the time."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from globaldns.dns.binding import BoundPair, BoundStream
from globaldns.dns.listen import DEFAULT_LISTEN, Listen, parse_listen
from globaldns.dns.seats import Seat, ServerSettings, TlsListening, bind_seats
from globaldns.errors import TakeoverError
from globaldns.supervisor.takeover import (
    SOCKET_NAME,
    VERSION,
    Desk,
    Holder,
    Offer,
    Word,
    check_seats,
    find_holder,
)
from tests.supervisor.hosts import CEILING_SECONDS


def listen(*texts: str) -> tuple[Listen, ...]:
    return tuple(map(parse_listen, texts))


def tls(*texts: str, skip_missing: bool = False) -> TlsListening:
    return TlsListening(
        listen=listen(*texts), skip_missing=skip_missing, certificate="tls.crt", key="tls.key"
    )


def sockets(seats: tuple[Seat, ...]) -> list[list[socket.socket]]:
    """Return the sockets of each seat."""
    return [
        [sock for pair in seat.pairs for sock in (pair.udp, pair.tcp)]
        + [stream.tcp for stream in seat.streams]
        for seat in seats
    ]


def identities(seats: tuple[Seat, ...]) -> list[list[int]]:
    """Return which sockets the kernel has in each seat, whatever descriptors lead to them."""
    return [[os.fstat(one.fileno()).st_ino for one in seat] for seat in sockets(seats)]


def close(seats: tuple[Seat, ...]) -> None:
    for seat in seats:
        seat.close()


@contextmanager
def desk(folder: Path, seats: tuple[Seat, ...]) -> Iterator[Desk]:
    one = Desk(folder, seats)
    try:
        yield one
    finally:
        one.close(remove=True)
        close(seats)


@contextmanager
def found(folder: Path, one: Desk) -> Iterator[Holder]:
    """Find the holder while it gives its sockets."""
    with ThreadPoolExecutor(1) as pool:
        finding = pool.submit(find_holder, folder)
        one.listener.setblocking(True)
        assert one.receive() is not None
        holder = finding.result(CEILING_SECONDS)
    assert holder is not None
    try:
        yield holder
    finally:
        holder.close()
        close(holder.seats)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("secured", [None, tls("127.0.0.1:0", "[::1]:0")], ids=["plain", "tls"])
def test_the_sockets_that_arrive_are_those_of_the_holder(
    workers: int, secured: TlsListening | None, tmp_path: Path
) -> None:
    settings = ServerSettings(listen=listen("127.0.0.1:0", "[::1]:0"), tls=secured)
    seats = bind_seats(settings, workers)
    with desk(tmp_path, seats) as one, found(tmp_path, one) as holder:
        assert holder.pid == os.getpid()
        assert len(holder.seats) == workers
        assert identities(holder.seats) == identities(seats)
        for mine, other in zip(seats, holder.seats, strict=True):
            assert other.addresses == mine.addresses
            assert other.tls_addresses == mine.tls_addresses
            for pair in other.pairs:
                assert pair.udp.getsockname()[1] == pair.tcp.getsockname()[1] == pair.listen.port
        check_seats(holder.seats, settings, workers)


def test_as_many_workers_as_there_may_be_can_be_followed(tmp_path: Path) -> None:
    """A message carries 253 sockets (unix(7))."""
    hosts = [f"127.0.0.{number}:0" for number in range(1, 5)]
    seats = bind_seats(ServerSettings(listen=listen(*hosts)), 99)
    with desk(tmp_path, seats) as one, found(tmp_path, one) as holder:
        assert identities(holder.seats) == identities(seats)


def test_nobody_is_there_where_no_socket_is_or_none_that_anybody_listens_at(tmp_path: Path) -> None:
    assert find_holder(tmp_path) is None
    assert find_holder(tmp_path / "nowhere") is None
    with desk(tmp_path, bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))) as one:
        one.listener.close()
        assert (tmp_path / SOCKET_NAME).exists()
        assert find_holder(tmp_path) is None


def test_only_its_owner_reaches_the_desk_and_one_that_was_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / SOCKET_NAME).touch()
    with desk(tmp_path, bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))):
        assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / SOCKET_NAME).exists()


def test_a_path_that_is_no_socket_is_an_error_with_its_name(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with pytest.raises(TakeoverError, match=SOCKET_NAME):
        find_holder(folder)


def offer(**changes: object) -> bytes:
    whole = Offer(VERSION, os.getpid(), 1, listen("127.0.0.1:5353"), ())
    return msgspec.msgpack.encode(msgspec.structs.replace(whole, **changes))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "handing over already, or ends"),
        (b"\xc1garbage", "handing over already, or ends"),
        (offer(version=VERSION + 1), f"hands over otherwise .format {VERSION + 1}."),
        (offer(), "handing over already, or ends"),
        (offer(seats=7), "handing over already, or ends"),
        (offer(seats=0, listen=()), "handing over already, or ends"),
    ],
    ids=["closed", "garbage", "version", "too many", "too few", "nothing"],
)
def test_a_holder_that_offers_nothing_of_use_is_refused(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    """It sends three sockets, where an offer wants two or more."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        ThreadPoolExecutor(1) as pool,
    ):
        listener.bind(str(tmp_path / SOCKET_NAME))
        listener.listen()
        finding = pool.submit(find_holder, tmp_path)
        connection, _ = listener.accept()
        with connection:
            if data:
                socket.send_fds(connection, [data], [listener.fileno()] * 3)
        with pytest.raises(TakeoverError, match=reason) as caught:
            finding.result(CEILING_SECONDS)
    assert "without --takeover" in caught.value.hint


def test_a_second_successor_is_sent_away_while_one_is_there(tmp_path: Path) -> None:
    seats = bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))
    with desk(tmp_path, seats) as one, ThreadPoolExecutor(1) as pool:
        with found(tmp_path, one):
            second = pool.submit(find_holder, tmp_path)
            assert one.receive() is None
            with pytest.raises(TakeoverError, match="handing over already"):
                second.result(CEILING_SECONDS)
            assert one.successor is not None
        one.successor.setblocking(True)
        assert one.hear() is None
        with found(tmp_path, one) as third:
            assert identities(third.seats) == identities(seats)


@pytest.mark.parametrize("said", [b"", b"please", Word.DONE.value])
def test_what_a_holder_does_not_mean_is_not_taken_for_giving_up(
    said: bytes, tmp_path: Path
) -> None:
    seats = bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))
    with desk(tmp_path, seats) as one, found(tmp_path, one) as holder:
        assert one.successor is not None
        if said:
            one.successor.send(said)
        else:
            one.successor.shutdown(socket.SHUT_WR)
        with pytest.raises(TakeoverError, match="does not give up the lock"):
            holder.end_control()


def test_a_holder_that_has_yielded_was_asked_to(tmp_path: Path) -> None:
    seats = bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))
    with desk(tmp_path, seats) as one, found(tmp_path, one) as holder:
        assert one.say_yielded()
        holder.end_control()
        assert one.hear() is Word.YIELD


def test_the_words_of_a_successor_are_heard_and_its_end_too(tmp_path: Path) -> None:
    with desk(tmp_path, bind_seats(ServerSettings(listen=listen("127.0.0.1:0")))) as one:
        assert one.hear() is None
        assert not one.say_yielded()
        with found(tmp_path, one) as holder:
            holder.end()
            assert one.hear() is Word.DONE
        assert one.hear() is None
        assert not one.say_yielded()


FIVE, SIX, TLS = "127.0.0.1:5353", "[::1]:5353", "127.0.0.1:853"
DEFAULTS = tuple(map(str, DEFAULT_LISTEN))


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [
        ((FIVE,), (FIVE,), True),
        ((FIVE, SIX), (FIVE, SIX), True),
        ((FIVE, SIX), (FIVE,), False),
        ((FIVE,), (FIVE, SIX), False),
        ((FIVE,), ("127.0.0.2:5353",), False),
        ((FIVE,), ("127.0.0.1:5354",), False),
        ((FIVE,), ("127.0.0.1:0",), True),
        ((FIVE,), ("127.0.0.2:0",), False),
        (DEFAULTS, None, True),
        (DEFAULTS[:1], None, True),
        ((FIVE,), None, False),
        ((*DEFAULTS, FIVE), None, False),
    ],
)
def test_where_it_listens_must_be_what_the_configuration_wants(
    found: tuple[str, ...],
    wanted: tuple[str, ...] | None,
    fits: bool,  # noqa: FBT001
) -> None:
    settings = ServerSettings(listen=None if wanted is None else listen(*wanted))
    assert is_fit(seats_at(*found), settings) is fits


TLS_FITS = [
    ((), None, True),
    ((TLS,), None, False),
    ((), tls(TLS), False),
    ((TLS,), tls(TLS), True),
    ((TLS,), tls("127.0.0.1:0"), True),
    ((TLS,), tls("127.0.0.1:854"), False),
    ((TLS,), tls(TLS, "[::1]:853"), False),
]


@pytest.mark.parametrize(
    ("plain", "found", "wanted", "fits"),
    [
        *(((FIVE,), *row) for row in TLS_FITS),
        *((None, *row) for row in TLS_FITS),
        (None, (TLS,), tls(TLS, "[::1]:853", skip_missing=True), True),
    ],
)
def test_so_must_be_where_it_listens_for_tls(
    plain: tuple[str, ...] | None,
    found: tuple[str, ...],
    wanted: TlsListening | None,
    fits: bool,  # noqa: FBT001
) -> None:
    """Where nothing is named it may lack addresses, of TLS as of the rest."""
    settings = ServerSettings(listen=None if plain is None else listen(*plain), tls=wanted)
    assert is_fit(seats_at(*(plain or DEFAULTS), secured=found), settings) is fits


@pytest.mark.parametrize(
    ("found", "wanted", "fits"),
    [(1, 1, True), (2, 2, True), (1, 2, False), (2, 1, False), (3, 0, True)],
)
def test_there_must_be_as_many_workers_and_auto_is_any_number(
    found: int,
    wanted: int,
    fits: bool,  # noqa: FBT001
) -> None:
    assert is_fit(seats_at(FIVE) * found, ServerSettings(listen=listen(FIVE)), wanted) is fits


def seats_at(*texts: str, secured: tuple[str, ...] = ()) -> tuple[Seat, ...]:
    """Return a seat with addresses, whose sockets nobody needs."""
    none = socket.socket.__new__(socket.socket)
    pairs = tuple(BoundPair(one, none, none) for one in listen(*texts))
    return (Seat(pairs, tuple(BoundStream(one, none) for one in listen(*secured))),)


def is_fit(seats: tuple[Seat, ...], settings: ServerSettings, workers: int = 0) -> bool:
    """Whether sockets are those that a configuration wants."""
    try:
        check_seats(seats, settings, workers)
    except TakeoverError:
        return False
    return True
