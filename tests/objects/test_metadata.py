"""What every object has, and which names are names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from globaldns.objects.istio import ServiceEntry, ServiceEntrySpec
from globaldns.objects.kubernetes import Node
from globaldns.objects.metadata import (
    Label,
    LabelledMetadata,
    Metadata,
    Name,
    ObjectKey,
    Slim,
    Time,
    key,
)

NAMES = [
    # text, whether it is a subdomain, whether it is a label
    ("a", True, True),
    ("0", True, True),
    ("a-1", True, True),
    ("a--b", True, True),
    ("a.b", True, False),
    ("a.b-c.0", True, False),
    ("a" * 63, True, True),
    ("a" * 64, True, False),
    ("a" * 253, True, False),
    ("a" * 254, False, False),
    ("", False, False),
    ("-a", False, False),
    ("a-", False, False),
    ("a.", False, False),
    (".a", False, False),
    ("a..b", False, False),
    ("a.-b", False, False),
    ("A", False, False),
    ("a_b", False, False),
    ("a b", False, False),
    ("a\n", False, False),
    ("é", False, False),
]


def is_read_as(text: str, kind: object) -> bool:
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(("text", "is_subdomain", "is_label"), NAMES)
def test_names_are_subdomains_and_namespaces_are_labels(
    text: str, *, is_subdomain: bool, is_label: bool
) -> None:
    assert (is_read_as(text, Name), is_read_as(text, Label)) == (is_subdomain, is_label)


@pytest.mark.parametrize("name", ["a.b", "a" * 64])
def test_a_name_that_becomes_a_label_of_a_host_must_be_one(name: str) -> None:
    assert is_read_as(name, Name)
    assert msgspec.convert({"name": name}, Metadata).name == name
    with pytest.raises(msgspec.ValidationError, match=r"\$\.name"):
        msgspec.convert({"name": name}, LabelledMetadata)


def test_a_time_without_its_zone_is_no_time() -> None:
    assert not is_read_as("2026-01-02T03:04:05", Time)


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        (None, None),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 1, 0, 9, 999_999, timezone(timedelta(hours=1))), 9),
    ],
)
def test_an_object_was_created_in_whole_unix_seconds(
    at: datetime | None, seconds: int | None
) -> None:
    assert Metadata("a", creation_timestamp=at).created_at == seconds


def test_an_object_without_a_namespace_is_in_the_default_one() -> None:
    found = msgspec.convert({"name": "a"}, Metadata)
    assert found == Metadata("a", namespace="default")
    assert (found.labels, found.annotations, found.created_at) == ({}, {}, None)


def test_a_kind_that_belongs_to_no_namespace_has_none_in_its_key() -> None:
    metadata = Metadata("a", namespace="ns")
    assert key(ServiceEntry(metadata, ServiceEntrySpec())) == ObjectKey("ServiceEntry", "ns", "a")
    assert key(Node(metadata)) == ObjectKey("Node", "", "a")


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        (ObjectKey("ServiceEntry", "ns", "a"), "ServiceEntry ns/a"),
        (ObjectKey("Node", "", "a"), "Node a"),
    ],
)
def test_a_key_is_written_as_kubectl_names_objects(identity: ObjectKey, text: str) -> None:
    assert str(identity) == text


class _Mapping(Slim, frozen=True):
    two_words: int = 0


def test_fields_are_written_in_camel_case_and_others_are_ignored() -> None:
    assert msgspec.convert({"twoWords": 1, "two_words": 2, "x": 3}, _Mapping) == _Mapping(1)
    assert msgspec.to_builtins(_Mapping(1)) == {"twoWords": 1}
    assert msgspec.to_builtins(_Mapping()) == {}
