"""The schema says what it means: every key has a docstring, and every default is a legal value."""

from pathlib import Path

import pytest

from globaldns.config.keys import WORDS, element, entry, is_section, keys, show, unwrap
from globaldns.config.kinds import Section
from globaldns.config.reading import Reading
from globaldns.config.schema import Config


def all_keys(section=Config, prefix=""):
    for key in keys(section):
        yield f"{prefix}{key.name}", key
        kind, _ = unwrap(key.type)
        below = element(kind) or (entry(kind) or (None, kind))[1]
        if is_section(below):
            yield from all_keys(below, f"{prefix}{key.name}.")


KEYS = dict(all_keys())


@pytest.mark.parametrize("path", KEYS)
def test_a_key_has_a_docstring_that_is_a_sentence(path):
    assert KEYS[path].doc.endswith(".")


@pytest.mark.parametrize("path", [path for path, key in KEYS.items() if not key.is_required])
def test_a_default_is_what_the_file_could_say(path):
    key = KEYS[path]
    if key.default is None or isinstance(key.default, Path):
        return
    if isinstance(key.default, Section) and type(key.default) not in WORDS:
        return
    reading = Reading(folder=Path("/"), home="/root")
    assert reading.read(key.type, show(key.type, key.default)) == key.default
    assert reading.problems == []


@pytest.mark.parametrize("zone", ["a", {"name": "a", "foreign": "fallthrough", "namespaces": []}])
def test_a_section_is_shown_short_where_that_is_all_it_says(zone):
    kind = KEYS["zones"].type
    assert show(kind, Reading(folder=Path("/"), home="/root").read(kind, [zone])) == [zone]
