from __future__ import annotations

import msgspec
import pytest

from globaldns.model.address import parse_address
from globaldns.model.export import Port, Transport
from globaldns.model.service import ServiceState
from globaldns.model.snapshot import Answering, Entry, EntryPort, is_same_answer, to_entry
from tests.model.values import VIPS, export, service


def test_an_entry_is_what_a_data_plane_needs_of_a_service():
    assert to_entry(service()) == Entry(
        host="reviews.bookinfo",
        zones=("global",),
        vips=VIPS,
        ports=(EntryPort(80, "http", "tcp"), EntryPort(53, "dns", "udp")),
        answering=Answering.DATA,
        clusters=("east", "west"),
        changed_at=7,
        rule="given",
    )


@pytest.mark.parametrize(
    ("state", "answering"),
    [
        (ServiceState.READY, Answering.DATA),
        (ServiceState.NONE, Answering.DATA),
        (ServiceState.PARTIAL, Answering.PARTIAL),
        (ServiceState.CLAIMED, Answering.ADDRESSES),
    ],
)
def test_what_is_known_is_answered_as_far_as_it_is_known(state, answering):
    entry = to_entry(service(state))
    assert (entry.answering, entry.vips) == (answering, VIPS)


@pytest.mark.parametrize(
    "state",
    [*ServiceState][4:],
)
def test_every_other_state_is_a_failure(state):
    entry = to_entry(service(state))
    assert (entry.answering, entry.vips) == (Answering.FAILURE, VIPS)
    assert entry.clusters == ("east", "west")


@pytest.mark.parametrize("transport", Transport)
def test_a_port_is_named_as_srv_records_name_it(transport):
    (port,) = to_entry(service(ports=(Port(1, "a", "", transport),))).ports
    assert (port.number, port.name, port.transport) == (1, "a", transport.value)
    assert type(port.transport) is str


def test_equal_lists_of_ports_and_of_clusters_are_one_value():
    one, two = (
        to_entry(service(host=host, ports=(Port(int("8000"), "http"),))) for host in ("a.b", "c.d")
    )
    assert one.ports is two.ports
    assert one.clusters is two.clusters


@pytest.mark.parametrize(
    "change",
    [
        {"host": "ratings.bookinfo"},
        {"zones": ("global", "mesh")},
        {"vips": (parse_address("240.128.0.2"),)},
        {"vips": VIPS[::-1]},
        {"ports": ()},
        {"state": ServiceState.CLAIMED},
        {"contributions": (export("east"),)},
        {"rule": "pinned"},
    ],
    ids=lambda change: str(change)[:40],
)
def test_an_answer_is_another_if_anything_but_the_time_of_its_change_is(change):
    one, other = to_entry(service()), to_entry(service(**change))
    assert not is_same_answer(one, other)
    assert not is_same_answer(other, one)
    assert is_same_answer(one, msgspec.structs.replace(one, changed_at=99))


def test_a_detail_that_no_data_plane_sees_is_the_same_answer():
    other = service(contributions=(export("east", created_at=1), export("west")), changed_at=99)
    assert is_same_answer(to_entry(service()), to_entry(other))
