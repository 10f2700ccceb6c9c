"""Messages as Envoy reads them, the same octets for the same message."""

from __future__ import annotations

import json

from globaldns.envoy.encoding import (
    address,
    encode,
    extension,
    file_source,
    frozen,
    response,
    typed,
)


def test_a_message_says_its_type() -> None:
    assert typed("a.B", x=1) == {"@type": "type.googleapis.com/a.B", "x": 1}
    assert extension("n", "a.B", x=1) == {"name": "n", "typed_config": typed("a.B", x=1)}


def test_a_part_that_is_encoded_once_is_the_part() -> None:
    assert encode({"a": frozen({"b": 1})}) == encode({"a": {"b": 1}})


def test_a_response_has_all_resources_and_a_version_of_what_is_in_it() -> None:
    one, other = encode({"name": "a"}), encode({"name": "b"})
    document = json.loads(response([one, other]))
    assert document["resources"] == [{"name": "a"}, {"name": "b"}]
    assert response([one, other]) == response([one, other])
    assert document["version_info"] != json.loads(response([one]))["version_info"]
    assert json.loads(response([]))["resources"] == []


def test_a_file_is_followed_by_its_name_alone() -> None:
    assert file_source("/a/cds.json")["path_config_source"] == {"path": "/a/cds.json"}


def test_all_addresses_of_ipv6_are_all_of_ipv4_too() -> None:
    assert address("::", 1)["socket_address"]["ipv4_compat"] is True
    assert address("::1", 1) == {"socket_address": {"address": "::1", "port_value": 1}}
