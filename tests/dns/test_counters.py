from __future__ import annotations

import pytest

from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.counters import SIZE_BOUNDS, Channel, Counters, Dropped, Histogram


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
    histogram = Histogram()
    for size in (1, 32, 33, 1232, 1233, 65535, 70000):
        histogram.observe(size)
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
