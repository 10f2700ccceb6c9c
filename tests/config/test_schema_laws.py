"""What the JSON Schema takes, the program takes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from globaldns.config import schema_document
from globaldns.config.keys import choices, element, entry, is_section, keys, unwrap
from globaldns.config.kinds import Cidr
from globaldns.config.loading import inspect_text
from globaldns.config.reading import Reading
from globaldns.config.schema import Config
from globaldns.config.texts import TEXTS
from tests.config.judging import takes

ENV = {"HOME": "/home/jo"}


def leaves(annotation: Any, schema: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each key that is no section: its path, type and schema."""
    kind, _ = unwrap(annotation)
    if is_section(kind):
        whole = next((one for one in schema.get("anyOf", ()) if "properties" in one), schema)
        for key in keys(kind):
            yield from leaves(key.type, whole["properties"][key.name], f"{path}.{key.name}")
    elif (pair := entry(kind)) is not None and is_section(pair[1]):
        (below,) = schema["patternProperties"].values()
        yield from leaves(pair[1], below, f"{path}.*")
    elif (inner := element(kind)) is not None and is_section(inner):
        yield from leaves(inner, schema["items"], f"{path}[]")
    else:
        yield path, annotation, schema


KEYS = {
    repr(annotation): (path, annotation, schema)
    for path, annotation, schema in leaves(Config, schema_document())
}
"""A key of each type, with the same limits."""

WORDS = ["0", "1", "10", "auto", ".", ":", "/", "~", "-", "a", "A", "global", "/tmp", "~/x", "~x"]
WORDS += ["./~x", "[::]", "::", "1.2.3.4", "300.1.1.1", "/8", "/32", "/33", "/129", "10.0.0.0"]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**6),
    st.integers(10**14, 10**19),
    st.text(max_size=8),
    st.lists(st.sampled_from(WORDS), max_size=4).map("".join),
    st.lists(st.integers(), max_size=1),
    st.dictionaries(st.sampled_from(WORDS), st.sampled_from(WORDS), max_size=1),
)


def near(limit: float) -> st.SearchStrategy[Any]:
    """What is about as large as a limit, in all units."""
    numbers = st.integers(-2, 2).flatmap(
        lambda off: st.sampled_from([1, 1000, 60, 3600, 86400]).map(
            lambda size: round(limit * 1000 / size) + off
        )
    )
    units = st.sampled_from(["ms", "s", "m", "h", "d", "", "KiB"])
    text = st.builds(lambda n, d, unit: f"{n}{d}{unit}", numbers, DECIMALS, units)
    exact = st.builds(lambda off, d, unit: f"{round(limit) + off}{d}{unit}", OFF, DECIMALS, units)
    small = st.builds(lambda n, unit: f"{n / 1000:.3f}{unit}", st.integers(0, 2000), units)
    return st.one_of(text, exact, small, st.integers(-2, 2).map(lambda off: round(limit) + off))


OFF = st.integers(-1, 1)
DECIMALS = st.sampled_from(["", "", ".0", ".5", ".05", ".25", ".005", ".001", ".999", ".0001", "."])


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a type, of which about half are none."""
    kind, limits = unwrap(annotation)
    if (inner := element(kind)) is not None:
        return st.one_of(JUNK, st.lists(values(inner), max_size=4))
    if (pair := entry(kind)) is not None:
        names = st.one_of(st.text(max_size=5), st.from_regex(TEXTS[pair[0]].patterns[0]))
        return st.one_of(JUNK, st.dictionaries(names, values(pair[1]), max_size=2))
    if words := choices(kind):
        return st.one_of(JUNK, st.sampled_from(words))
    found = [JUNK]
    if kind in TEXTS:
        text = TEXTS[kind]
        found.append(st.from_regex(text.patterns[0]))
        found.append(st.text(max_size=2).map(lambda end: f"{text.example}{end}"))
        if text.max_length is not None:
            lengths = st.integers(text.max_length - 2, text.max_length + 2)
            found.append(lengths.map(lambda size: ("a." * size)[:size]))
    found += [near(limit) for limit in (limits.ge, limits.le) if limit is not None]
    return st.one_of(found)


def has_bits_beyond(annotation: Any, value: Any) -> bool:
    """Whether a CIDR has bits beyond its length: the one thing that no schema says of it."""
    if isinstance(value, list):
        return any(has_bits_beyond(element(unwrap(annotation)[0]), one) for one in value)
    if annotation is not Cidr or not isinstance(value, str):
        return False
    try:
        ip_network(value)
    except ValueError as error:
        return "host bits" in str(error)
    return False


@pytest.mark.parametrize(
    ("annotation", "schema"), [pytest.param(*one, id=path[1:]) for path, *one in KEYS.values()]
)
@given(data=st.data())
def test_the_schema_of_a_key_takes_what_the_program_takes(
    annotation: Any, schema: Any, data: st.DataObject
) -> None:
    value = data.draw(values(annotation))
    reading = Reading(folder=Path("/etc"), home="/home/jo")
    reading.read(annotation, value)
    if has_bits_beyond(annotation, value):
        assert reading.problems
    else:
        assert takes(schema, value) is not bool(reading.problems), reading.problems


SECTIONS: dict[str, dict[str, Any]] = {
    "clusters.west.source": {"directory": "w", "kubernetes": {}},
    "vips.ledger": {"sqlite": "a.db", "kubernetes": {}},
    "dns.tls": {"certificate": "/c", "key": "/k", "listen": ["127.0.0.1:8853"]},
    "routing.probes": {"certificate": "/c", "key": "/k", "authority": "/a"},
}
"""Sections whose keys are something to each other."""


@pytest.mark.parametrize("path", SECTIONS)
def test_the_schema_takes_keys_together_as_the_program_does(path: str) -> None:
    said = SECTIONS[path]
    for names in chain.from_iterable(combinations(said, count) for count in range(len(said) + 1)):
        document: dict[str, Any] = {
            "cluster": "east",
            "clusters": {"east": {"source": {"kubernetes": {}}}},
        }
        place = document
        for name in path.split("."):
            place = place.setdefault(name, {})
        place.update({name: said[name] for name in names})
        loaded = inspect_text(yaml.safe_dump(document), folder=Path("/etc"), env=ENV)
        assert takes(schema_document(), document) is not bool(loaded.problems), (names, loaded)
