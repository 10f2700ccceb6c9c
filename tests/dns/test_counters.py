from __future__ import annotations

import pytest

from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.counters import (
    BLOCK_OCTETS,
    SIZE_BOUNDS,
    Channel,
    Counters,
    Counts,
    Dropped,
    Histogram,
)


@pytest.mark.parametrize(
    ("channel", "proto", "family"),
    [
        (Channel.UDP_IPV4, "udp", "ipv4"),
        (Channel.UDP_IPV6, "udp", "ipv6"),
        (Channel.TCP_IPV4, "tcp", "ipv4"),
        (Channel.TCP_IPV6, "tcp", "ipv6"),
        (Channel.DOT_IPV4, "dot", "ipv4"),
        (Channel.DOT_IPV6, "dot", "ipv6"),
    ],
)
def test_a_channel_has_the_labels_of_metrics(channel: Channel, proto: str, family: str) -> None:
    assert (channel.proto, channel.family) == (proto, family)


def test_requests_are_counted_by_protocol_family_and_type() -> None:
    counters = Counters()
    counters.count_request(Channel.UDP_IPV4, Rrtype.A, 40)
    counters.count_request(Channel.UDP_IPV4, Rrtype.A, 40)
    counters.count_request(Channel.TCP_IPV6, 64, 40)
    assert counters.requests() == {("udp", "ipv4", "A"): 2, ("tcp", "ipv6", "SVCB"): 1}


def test_types_without_a_name_are_one_class_whatever_clients_send() -> None:
    counters = Counters()
    for rrtype in range(-1, 65536):
        counters.count_request(Channel.UDP_IPV4, rrtype, 40)
    requests = counters.requests()
    assert len(requests) == len(Rrtype) + 1
    assert requests["udp", "ipv4", "other"] == 65537 - len(Rrtype)


def test_responses_are_counted_by_protocol_and_rcode() -> None:
    counters = Counters()
    counters.count_response(Channel.UDP_IPV4, Rcode.BADVERS, 40)
    counters.count_response(Channel.UDP_IPV6, Rcode.BADVERS, 40)
    counters.count_response(Channel.TCP_IPV4, Rcode.NOERROR, 40)
    assert counters.responses() == {("udp", "BADVERS"): 2, ("tcp", "NOERROR"): 1}


def test_every_reason_starts_at_zero_and_counts() -> None:
    counters = Counters()
    assert set(counters.dropped) == set(Dropped)
    counters.drop(Dropped.PORT_ZERO)
    assert counters.dropped[Dropped.PORT_ZERO] == sum(counters.dropped.values()) == 1


def test_a_size_is_counted_in_the_first_bucket_that_holds_it() -> None:
    counters = Counters()
    for size in (1, 32, 33, 1232, 1233, 65535, 70000):
        counters.count_request(Channel.UDP_IPV4, Rrtype.A, size)
    histogram = counters.request_sizes
    assert counters.response_sizes == Histogram((0,) * (len(SIZE_BOUNDS) + 1), 0)
    counted = dict(zip((*SIZE_BOUNDS, "beyond"), histogram.buckets, strict=True))
    assert {bound: count for bound, count in counted.items() if count} == {
        32: 2,
        48: 1,
        1232: 1,
        4096: 1,
        65535: 1,
        "beyond": 1,
    }
    assert histogram.octets == 1 + 32 + 33 + 1232 + 1233 + 65535 + 70000


def make_block() -> memoryview:
    return memoryview(bytearray(BLOCK_OCTETS)).cast("Q")


def count_one_of_each(counters: Counters) -> None:
    counters.count_request(Channel.UDP_IPV4, Rrtype.A, 40)
    counters.count_response(Channel.UDP_IPV4, Rcode.NOERROR, 60)
    counters.drop(Dropped.SHORT)
    counters.class_of(Channel.DOT_IPV6, Rrtype.TXT, 50, Rcode.NXDOMAIN, 90)[0] += 2
    counters.settle()


def all_counted(counts: Counts) -> tuple[object, ...]:
    sizes = (counts.request_sizes, counts.response_sizes)
    return counts.requests(), counts.responses(), counts.dropped, *sizes


def test_what_several_workers_count_is_added() -> None:
    blocks = [make_block() for _ in range(3)]
    for block in blocks:
        count_one_of_each(Counters(block))
    counts = Counts(blocks)
    assert counts.requests() == {("udp", "ipv4", "A"): 3, ("dot", "ipv6", "TXT"): 6}
    assert counts.responses() == {("udp", "NOERROR"): 3, ("dot", "NXDOMAIN"): 6}
    assert counts.dropped[Dropped.SHORT] == sum(counts.dropped.values()) == 3
    assert (counts.request_sizes.octets, counts.response_sizes.octets) == (420, 720)
    assert sum(counts.request_sizes.buckets) == sum(counts.response_sizes.buckets) == 9


def test_who_follows_in_a_block_goes_on_counting_there() -> None:
    block, whole = make_block(), Counters()
    for _ in range(2):
        count_one_of_each(Counters(block))
        count_one_of_each(whole)
    assert all_counted(Counts([block])) == all_counted(whole)


def test_others_see_what_is_counted_by_classes_after_it_is_settled_and_once() -> None:
    block = make_block()
    counters, counts = Counters(block), Counts([block])
    counted = counters.class_of(Channel.UDP_IPV4, Rrtype.A, 40, Rcode.NOERROR, 60)
    assert counters.class_of(Channel.UDP_IPV4, Rrtype.A, 40, Rcode.NOERROR, 60) is counted
    counted[0] += 1
    assert counts.requests() == {}
    assert counters.requests() == counts.requests() == {("udp", "ipv4", "A"): 1}
    counters.settle()
    assert counts.requests() == {("udp", "ipv4", "A"): 1}


def test_connections_are_added_and_the_first_certificate_to_end_is_told() -> None:
    blocks = [make_block() for _ in range(3)]
    counts = Counts(blocks)
    assert (counts.tcp_connections, counts.certificate_expires) == (0, None)
    for block, connections, expires in zip(blocks, (1, 2, 3), (None, 1900, 1800), strict=True):
        Counters(block).note_standing(tcp_connections=connections, certificate_expires=expires)
    assert (counts.tcp_connections, counts.certificate_expires) == (6, 1800)
    for block in blocks:
        Counters(block).note_standing(tcp_connections=0, certificate_expires=None)
    assert (counts.tcp_connections, counts.certificate_expires) == (0, None)


def test_what_sockets_dropped_is_counted_once_by_whoever_sits_there_and_beyond_32_bits() -> None:
    block = make_block()
    for drops in (5, 5, 0xFFFF_FFFF, 3, 3):
        Counters(block).note_socket_drops(drops)
    assert Counts([block]).dropped[Dropped.SOCKET_BUFFER] == (1 << 32) + 3


def test_the_fields_of_a_block_do_not_overlap() -> None:
    counters = Counters()
    for channel in Channel:
        for rrtype in (*Rrtype, 65280):
            counters.count_request(channel, rrtype, 70_000)
        for rcode in Rcode:
            counters.count_response(channel, rcode, 70_000)
    for reason in Dropped:
        counters.drop(reason)
    counters.note_standing(tcp_connections=7, certificate_expires=9)
    assert set(counters.dropped.values()) == {1}
    assert set(counters.requests().values()) == {1}
    assert len(counters.requests()) == len(Channel) * (len(Rrtype) + 1)
    assert sum(counters.responses().values()) == len(Channel) * len(Rcode)
    assert sum(counters.request_sizes.buckets) == len(Channel) * (len(Rrtype) + 1)
    assert sum(counters.response_sizes.buckets) == len(Channel) * len(Rcode)
    assert (counters.tcp_connections, counters.certificate_expires) == (7, 9)


def test_whatever_sizes_clients_choose_classes_have_an_end_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("globaldns.dns.counters.MOST_CLASSES", 10)
    counters = Counters()
    for size in range(100, 150):
        counters.class_of(Channel.UDP_IPV4, Rrtype.A, size, Rcode.NOERROR, size)[0] += 1
        assert len(counters._classes) <= 10
    assert counters.generation == 4
    assert counters.responses() == {("udp", "NOERROR"): 50}
    assert counters.request_sizes.octets == sum(range(100, 150))
