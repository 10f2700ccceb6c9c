"""What each type of text in the schema is called, how it is read and how a default is shown.

Standards:
    Kubernetes "Labels and Selectors"   the syntax of label values and of qualified names
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from globaldns.config import kinds, patterns, values
from globaldns.errors import InvalidValue

_LABEL_VALUE = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"


class Text(Struct, frozen=True):
    """One type of text."""

    noun: str
    """What a person calls it, with its article's noun: ``duration``."""
    parse: Callable[[str], Any]
    """Returns the canonical value; raises InvalidValue."""
    example: str
    patterns: tuple[str, ...]
    """Its syntax for editors and the chart: whatever is read matches all of them, and as little
    else as regular expressions can say."""
    max_length: int | None = None
    """Characters."""
    show: Callable[[Any], str] = str
    is_number: bool = False
    """Whether an unquoted number is read as its text."""
    integers: tuple[int, int] | None = None
    """The least and the largest number that may stand without quotes; None: none may."""
    units: Mapping[str, int] | None = None
    """Of a number with a unit: the size of each."""
    scale: int = 1
    """The size of what limits are written in."""

    @property
    def blank(self) -> Any:
        """What stands in for a wrong one: falsy, of its type."""
        return type(self.parse(self.example))()


def _match(noun: str, pattern: str, *, example: str, hint: str) -> Text:
    """Return a text that is exactly what a pattern says."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise InvalidValue(f"{text!r} is no {noun}", hint=hint)
        return text

    return Text(noun, parse, example, patterns=(f"^({pattern})$",))


def _duration(parse: Callable[[str], Any], syntax: tuple[str, ...]) -> Text:
    return Text(
        "duration",
        parse,
        "30s",
        patterns=syntax,
        show=values.format_duration,
        is_number=True,
        units=values.UNITS,
        scale=values.UNITS["s"],
    )


_BY_LABEL = "letters, digits, inner - _ . and at most 63 of them, as in a Kubernetes label"

TEXTS: dict[object, Text] = {
    kinds.Seconds: _duration(values.parse_duration, patterns.DURATION),
    kinds.WholeSeconds: _duration(values.parse_whole_seconds, patterns.WHOLE_DURATION),
    kinds.Octets: Text(
        "size",
        values.parse_size,
        "64KiB",
        patterns=patterns.SIZE,
        show=values.format_size,
        is_number=True,
        integers=(0, 10**15 - 1),
        units=values.SIZES,
    ),
    kinds.Workers: Text(
        "number of workers",
        values.parse_workers,
        "2",
        patterns=patterns.WORKERS,
        show=values.format_workers,
        is_number=True,
        integers=(1, 99),
    ),
    kinds.ListenAddress: Text(
        "address:port", values.parse_listen, "127.0.0.1:1053", patterns=patterns.LISTEN
    ),
    kinds.ServerAddress: Text(
        "address:port",
        values.parse_server,
        "192.0.2.53:53",
        patterns=patterns.SERVER,
    ),
    kinds.IpAddress: Text("IP address", values.parse_ip, "192.0.2.1", patterns=patterns.ADDRESS),
    kinds.Cidr: Text("CIDR", values.parse_cidr, "240.128.0.0/10", patterns=patterns.CIDR),
    kinds.ZoneName: Text(
        "domain name",
        values.parse_zone,
        "global",
        patterns=patterns.DOMAIN,
        max_length=values.MAX_ZONE,
    ),
    kinds.AddressOrName: Text(
        "IP address or domain name",
        values.parse_address_or_name,
        "203.0.113.1",
        patterns=patterns.ADDRESS_OR_NAME,
        max_length=values.MAX_NAME,
    ),
    kinds.ClusterId: _match("cluster id", _LABEL_VALUE, example="east", hint=_BY_LABEL),
    kinds.LabelValue: _match("label value", f"({_LABEL_VALUE})?", example="on", hint=_BY_LABEL),
    kinds.ContextName: _match(
        "context",
        r"([^ \t\r\n][^\r\n]{0,252})?",
        example="east-admin",
        hint="as kubectl config prints it",
    ),
    kinds.NetworkId: _match("network id", f"({_LABEL_VALUE})?", example="network1", hint=_BY_LABEL),
    kinds.Locality: _match(
        "locality",
        r"([^ \t\r\n/]{1,63}(/[^ \t\r\n/]{1,63}){0,2})?",
        example="eu-west-1/eu-west-1a",
        hint="write it like region/zone",
    ),
    kinds.Label: _match(
        "label",
        patterns.LABEL,
        example="ns",
        hint="one label of lower-case letters, digits and inner hyphens",
    ),
    kinds.Pattern: _match(
        "pattern",
        r"[a-z0-9_.*?-]{1,253}",
        example="team-*",
        hint="lower-case letters, digits, - _ . and the wildcards * and ?",
    ),
    kinds.QualifiedName: _match(
        "label or annotation key",
        rf"({patterns.NAME}/)?{_LABEL_VALUE}",
        example="globaldns.io/export",
        hint="write it like example.com/name",
    ),
    kinds.FileName: _match(
        "file name",
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
        example="ledger.db",
        hint="it lies in the state directory; a path cannot be given",
    ),
    kinds.ShortText: _match(
        "short text", r"[ -~]{0,64}", example="pod-1", hint="at most 64 printable ASCII characters"
    ),
}
"""By the schema's type."""
