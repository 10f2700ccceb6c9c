"""Plain values as YAML text.

Standards:
    YAML 1.2.2 section 7.3.1    double-quoted text and its escapes
    YAML 1.2.2 section 7.4.2    a key on one line with its colon has 1024 characters at the most
    YAML 1.1 type repository    ``y``, ``on``, ``1e3`` are no texts to those who still read it
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import yaml


class _Dumper(yaml.CSafeDumper):
    """Writes YAML 1.1, and puts what YAML 1.2 would read as a number in quotes too."""


_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",  # YAML 1.2.2 section 10.3.2, and 0b, which yaml-rs reads
    re.compile(
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?0[box][0-9a-fA-F]+"
    ),
    list("-+.0123456789"),
)


def format_yaml(value: object) -> str:
    """Return a value as block-style YAML; mappings keep their order."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
    )
    return text


_PLAIN = re.compile(
    r"(?:[a-z]+://)?[A-Za-z][A-Za-z0-9_]*(?:[./=-]+[A-Za-z0-9_]+)*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}",
    re.ASCII,
)
"""What every YAML reads as the text that it is, unless it is one of these words."""
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_NOT_PRINTED = re.compile(r"[^ -~]")
_LONGEST_KEY = 1024
_REMEMBERED = 65_536
"""Texts: keys and labels are few, addresses and hosts come a few times each."""


def format_documents(documents: Iterable[Mapping[str, object]]) -> str:
    """Return mappings of text, numbers, lists and mappings as block-style YAML documents.

    Many times faster than ``format_yaml``, and with the same bytes whatever libraries there are.
    """
    return "---\n".join(map(_format_document, documents))


def _format_document(document: Mapping[str, object]) -> str:
    lines: list[str] = []
    _write_mapping(document, "", lines)
    return "\n".join((*lines, ""))


def _write_mapping(mapping: Mapping[str, object], pad: str, lines: list[str]) -> None:
    for key, value in mapping.items():
        text = _format_text(key)
        head = f"{pad}{text}:" if len(text) <= _LONGEST_KEY else f"{pad}? {text}\n{pad}:"
        if isinstance(value, str):  # as most are
            lines.append(f"{head} {_format_text(value)}")
        elif isinstance(value, dict) and value:
            lines.append(head)
            _write_mapping(value, f"{pad}  ", lines)
        elif isinstance(value, list) and value:
            lines.append(head)
            _write_sequence(value, pad, lines)
        else:
            lines.append(f"{head} {_format_scalar(value)}")


def _write_sequence(sequence: Sequence[object], pad: str, lines: list[str]) -> None:
    inside = f"{pad}  "
    for value in sequence:
        first = len(lines)
        if isinstance(value, dict) and value:
            _write_mapping(value, inside, lines)
        elif isinstance(value, list) and value:
            _write_sequence(value, inside, lines)
        else:
            lines.append(f"{inside}{_format_scalar(value)}")
        lines[first] = f"{pad}- {lines[first][len(inside) :]}"


def _format_scalar(value: object) -> str:
    """Return a text, a number, true or false, or what is empty."""
    if isinstance(value, str):
        return _format_text(value)
    return json.dumps(value)


@lru_cache(maxsize=_REMEMBERED)
def _format_text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_NOT_PRINTED.sub(_escape, escaped)}"'


def _escape(found: re.Match[str]) -> str:
    return f"\\U{ord(found[0]):08X}"
