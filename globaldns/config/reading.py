"""From plain YAML values to the schema's structs, with every problem on the way.

A value that cannot be used is reported and something of its type stands in for it, so that whatever
else is wrong is found in the same run. The result of a reading with problems is good for nothing
but looking for more.
"""

from __future__ import annotations

from collections.abc import Sized
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msgspec import Meta

from globaldns.config.keys import (
    ELSEWHERE,
    SHORT_FORMS,
    WORDS,
    Key,
    choices,
    element,
    entry,
    is_section,
    keys,
    unwrap,
)
from globaldns.config.kinds import OR_ZERO, Section
from globaldns.config.problem import Problem, join
from globaldns.config.texts import TEXTS, Text
from globaldns.errors import InvalidValue

_MAX_DIGITS = 18
_MAX_SHOWN = 60
"""Characters of a wrong value in a message."""
_SCALARS: dict[object, str] = {bool: "true or false", int: "a whole number", Path: "a path"}


class Reading:
    """One reading of one file; ``problems`` grows."""

    def __init__(self, *, folder: Path, home: str) -> None:
        self.problems: list[Problem] = []
        self._folder = folder
        self._home = home

    def read(self, annotation: Any, value: object, path: str = "$") -> Any:
        """Return a value as its type."""
        kind, limits = unwrap(annotation)
        if is_section(kind):
            return self._read_section(kind, value, path)
        if (inner := element(kind)) is not None:
            return self._read_list(inner, limits, value, path)
        if (pair := entry(kind)) is not None:
            return self._read_entries(*pair, limits, value, path)
        return self._read_scalar(kind, limits, value, path)

    def _report(self, path: str, reason: str, hint: str = "") -> None:
        self.problems.append(Problem(path, reason, hint))

    def _read_section(self, section: type[Section], value: object, path: str) -> Section:
        short = SHORT_FORMS.get(section)
        if short is not None and isinstance(value, str):
            value = {short: value}
        words = WORDS.get(section, {})
        if words and isinstance(value, str):
            return self._read_word(section, words, value, path)
        if not isinstance(value, dict):
            names = ", ".join(key.name for key in keys(section))
            hint = ", ".join((*words, f"a mapping with {names}"))
            self._report(path, f"{_shown(value)} is no mapping", hint)
            return blank_section(section)
        self._refuse_unknown(section, value, path)
        return section(**{key.name: self._read_key(key, value, path) for key in keys(section)})

    def _read_word(
        self, section: type[Section], words: dict[str, Section], value: str, path: str
    ) -> Section:
        try:
            return words[_choose(value, tuple(words))]
        except InvalidValue as error:
            names = ", ".join(key.name for key in keys(section))
            self._report(path, f"{error}, and no mapping", error.hint or f"a mapping has {names}")
            return blank_section(section)

    def _refuse_unknown(self, section: type[Section], value: dict[Any, Any], path: str) -> None:
        known = [key.name for key in keys(section)]
        for name in value:
            if name not in known:
                hint = ELSEWHERE.get(section, {}).get(name) or _nearest(name, known)
                self._report(join(path, str(name)), "unknown key", hint)

    def _read_key(self, key: Key, value: dict[str, Any], path: str) -> Any:
        where = join(path, key.name)
        if key.name in value:
            return self.read(key.type, value[key.name], where)
        if not key.is_required:
            return key.default
        self._report(where, "is missing", key.doc.removesuffix("."))
        return blank(key.type)

    def _read_list(self, inner: Any, limits: Meta, value: object, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self._report(path, f"{_shown(value)} is no list", f"write [{_shown(value)}]")
            return ()
        self._check_length(value, limits, path, hint=f"write [{_example(inner)}]")
        return tuple(self.read(inner, item, join(path, i)) for i, item in enumerate(value))

    def _read_entries(
        self, key: Any, inner: Any, limits: Meta, value: object, path: str
    ) -> dict[Any, Any]:
        hint = _entry_hint(key, inner)
        if not isinstance(value, dict):
            self._report(path, f"{_shown(value)} is no mapping", hint)
            return {}
        self._check_length(value, limits, path, hint=hint)
        entries = {}
        for name, item in value.items():
            where = join(path, str(name))
            if isinstance(item, dict) and inner in TEXTS:
                remedy = f"write what stands below {name} without it: {hint}"
                self._report(where, f"{_shown(item)} is no {TEXTS[inner].noun}", remedy)
                continue
            entries[self._read_scalar(key, Meta(), name, where)] = self.read(inner, item, where)
        return entries

    def _check_length(self, value: Sized, limits: Meta, path: str, *, hint: str) -> None:
        count = len(value)
        if limits.min_length is not None and count < limits.min_length:
            self._report(path, "is empty", hint)
        if limits.max_length is not None and count > limits.max_length:
            self._report(path, f"{count} are too many", f"at most {limits.max_length}")

    def _read_scalar(self, kind: Any, limits: Meta, value: object, path: str) -> Any:
        try:
            result = self._parse(kind, value)
            _check_limits(kind, limits, result)
        except InvalidValue as error:
            self._report(path, str(error), error.hint)
            return blank(kind)
        return result

    def _parse(self, kind: Any, value: object) -> Any:
        if _is_huge(value):
            raise InvalidValue(f"{_shown(value)} is too large")
        if words := choices(kind):
            return kind(_choose(value, words))
        if kind is Path:
            return self._place(value)
        if (text := TEXTS.get(kind)) is None:
            return _plain(kind, value)
        if text.is_number and isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise InvalidValue(f"{_shown(value)} is no {text.noun}", hint=_remedy(text, value))
        return text.parse(value)

    def _place(self, value: object) -> Path:
        """Return a path as it is from here: relative to the file, ``~`` is the home directory."""
        if not isinstance(value, str) or not value or "\0" in value:
            raise InvalidValue(f"{_shown(value)} is no path")
        return place(value, folder=self._folder, home=self._home)


def place(text: str, *, folder: Path, home: str) -> Path:
    """Return a path of the file as it is from here.

    Raises:
        InvalidValue: it begins with ``~`` and there is no home directory, or it is another user's.
    """
    if not text.startswith("~"):
        return folder / text
    first, _, rest = text.partition("/")
    if first != "~" or not home:
        raise InvalidValue(f"{first} in {text!r} is unknown", hint="write the whole path")
    return Path(home, rest.lstrip("/"))


def blank(annotation: Any) -> Any:
    """Return something of a type that stands in for a value with a problem."""
    kind, _ = unwrap(annotation)
    if is_section(kind):
        return blank_section(kind)
    if element(kind) is not None:
        return ()
    if entry(kind) is not None:
        return {}
    if words := choices(kind):
        return kind(words[0])
    if kind in {bool, int, Path}:
        return kind()
    return TEXTS[kind].blank


def blank_section(section: type[Section]) -> Section:
    """Return a section of defaults, and of stand-ins where a key has none."""
    return section(
        **{key.name: blank(key.type) if key.is_required else key.default for key in keys(section)}
    )


def _nearest(name: object, known: list[str]) -> str:
    near = get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"


def _example(inner: Any) -> str:
    """Return how an element of a list is written, in its short form."""
    for key in keys(inner) if is_section(inner) else ():
        return _example(key.type)
    return TEXTS[inner].example


def _entry_hint(key: Any, inner: Any) -> str:
    """Return how an entry of a mapping is written."""
    if inner in TEXTS:
        return f"{{{TEXTS[key].example}: {TEXTS[inner].example}}}"
    return f"{TEXTS[key].noun}: settings"


def _choose(value: object, words: tuple[str, ...]) -> str:
    if value in words:
        return str(value)
    near = get_close_matches(str(value), words, n=1)
    raise InvalidValue(
        f"{_shown(value)} is none of {', '.join(words)}",
        hint=f"did you mean {near[0]}?" if near else "",
    )


def _remedy(text: Text, value: object) -> str:
    """Return how to write what is no text: in quotes, if that makes it right."""
    hint = f"write it like {text.example}"
    if not isinstance(value, int | float):
        return hint
    try:
        text.parse(_shown(value))
    except InvalidValue as error:
        return error.hint or hint
    return f'write "{_shown(value)}" in quotes'


def _plain(kind: Any, value: object) -> Any:
    if type(value) is not kind:
        raise InvalidValue(f"{_shown(value)} is not {_SCALARS[kind]}")
    return value


def _check_limits(kind: Any, limits: Meta, value: Any) -> None:
    show = TEXTS[kind].show if kind in TEXTS else str
    zero = (limits.extra or {}).get(OR_ZERO)
    if zero and not value:
        return
    if limits.ge is not None and value < limits.ge:
        besides = f", or {show(0)} for {zero}" if zero else ""
        hint = f"at least {show(limits.ge)}{besides}"
        raise InvalidValue(f"{show(value)} is too small", hint=hint)
    if limits.le is not None and value > limits.le:
        raise InvalidValue(f"{show(value)} is too large", hint=f"at most {show(limits.le)}")


def _is_huge(value: object) -> bool:
    """Whether a value is a number that nothing here means; Python refuses to print the largest."""
    return isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS


def _shown(value: object) -> str:
    """Return a value for a message: short, on one line, in YAML's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if _is_huge(value):
        return f"a number of over {_MAX_DIGITS} digits"
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
