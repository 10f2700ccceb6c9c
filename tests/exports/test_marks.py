"""Labels and annotations that mean something here."""

from __future__ import annotations

import pytest

from globaldns.errors import InvalidObject
from globaldns.exports.marks import OWNED_BY, VIP, annotated_pins, is_owned, parse_pins
from globaldns.model.address import format_address
from globaldns.objects import Metadata


def plain(pins: tuple[bytes, ...]) -> list[str]:
    return [format_address(pin) for pin in pins]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (Metadata("a"), False),
        (Metadata("a", labels={"app": "globaldns.io/owned-by"}), False),
        (Metadata("a", labels={OWNED_BY: "east"}), True),
        (Metadata("a", labels={OWNED_BY: ""}), True),
        (Metadata("a", annotations={OWNED_BY: "west"}), True),
    ],
)
def test_an_object_is_owned_by_whichever_cluster_if_it_has_the_mark(metadata, expected):
    assert is_owned(metadata) is expected


@pytest.mark.parametrize(
    ("text", "pins"),
    [
        ("240.0.0.1", ["240.0.0.1"]),
        ("240.0.0.2,240.0.0.1", ["240.0.0.2", "240.0.0.1"]),
        (" 240.0.0.1 ,\tfd00::1\n", ["240.0.0.1", "fd00::1"]),
        ("fd00::1, FD00:0::1, 240.0.0.1", ["fd00::1", "240.0.0.1"]),
    ],
)
def test_an_annotation_pins_addresses_in_its_order_each_once(text, pins):
    assert plain(annotated_pins(Metadata("a", annotations={VIP: text}))) == pins


def test_without_the_annotation_nothing_is_pinned_and_a_label_is_none():
    assert annotated_pins(Metadata("a", labels={VIP: "240.0.0.1"})) == ()


@pytest.mark.parametrize("text", ["", "x", "240.0.0.1,", "240.0.0.0/8", "240.0.0.1 240.0.0.2"])
def test_an_annotation_that_is_no_list_of_addresses_is_refused_where_it_stands(text):
    with pytest.raises(InvalidObject) as caught:
        annotated_pins(Metadata("a", annotations={VIP: text}))
    assert (caught.value.path, caught.value.code, caught.value.hint) == (
        '$.metadata.annotations["globaldns.io/vip"]',
        "pin-address",
        "write addresses, without a prefix length",
    )


def test_pins_are_refused_at_the_path_of_their_list():
    assert plain(parse_pins(("240.0.0.1", "240.0.0.1"), path="$.spec.pins")) == ["240.0.0.1"]
    assert parse_pins([], path="$.spec.pins") == ()
    with pytest.raises(InvalidObject, match="'x' is no IP address") as caught:
        parse_pins(["240.0.0.1", "x"], path="$.spec.pins")
    assert caught.value.path == "$.spec.pins"
