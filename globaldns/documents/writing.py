"""Plain values as YAML text."""

from __future__ import annotations

import re

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
