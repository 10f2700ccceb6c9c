import re

import pytest

from globaldns.config import schema_document
from globaldns.config.keys import SHORT_FORMS
from globaldns.config.patterns import is_match
from globaldns.config.schema import Zone
from globaldns.config.texts import TEXTS


def at(*path):
    document = schema_document()
    for key in path:
        document = document["properties"][key]
    return document


def test_the_file_is_a_closed_mapping_with_two_required_keys():
    document = schema_document()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["additionalProperties"] is False
    assert document["required"] == ["cluster", "clusters"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("dns", "explain"), {"type": "boolean", "default": True}),
        (("dns", "ttl"), {"type": "string", "default": "30s"}),
        (("dns", "udp_payload"), {"type": ["string", "integer"]}),
        (("dns", "limits", "tcp_connections"), {"minimum": 1, "maximum": 65535, "default": 1024}),
        (("log", "format"), {"enum": ["console", "json"], "default": "console"}),
        (("vips", "pools"), {"type": "array", "default": ["240.128.0.0/10"]}),
        (("zones",), {"default": ["global"]}),
        (("state",), {"default": "~/.local/state/globaldns"}),
    ],
)
def test_a_key_has_type_limits_and_default(path, expected):
    assert at(*path).items() >= expected.items()


def test_descriptions_are_the_docstrings():
    assert at("cluster")["description"] == "Our own id, the sidecars' cluster name."


def test_a_zone_is_a_name_or_a_mapping():
    name, mapping = at("zones")["items"]["anyOf"]
    assert (name["type"], mapping["type"]) == ("string", "object")
    assert SHORT_FORMS[Zone] == "name"


def test_what_becomes_of_a_lost_cluster_is_a_word_or_a_mapping():
    (cluster,) = at("clusters")["patternProperties"].values()
    lost = cluster["properties"]["lost"]["properties"]
    word, mapping = lost["endpoints"]["anyOf"]
    assert word == {"type": "string", "enum": ["keep", "demote", "drop"]}
    assert mapping["properties"].keys() == {"demote", "expire"}


@pytest.mark.parametrize("kind", TEXTS, ids=str)
def test_a_pattern_accepts_its_example_and_no_line_break(kind):
    text = TEXTS[kind]
    assert is_match(text.example, text.patterns)
    assert not re.search(text.patterns[0], f"{text.example}\nx")
