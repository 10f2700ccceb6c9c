"""What a listing asks for, from its URL: ``?host=GLOB&cluster=&limit=&continue=``.

Whatever is not understood is refused, because a misspelt filter would list everything. A parameter
without a value is as good as none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from http import HTTPStatus

from globaldns.admin.problems import RequestProblem, describe
from globaldns.admin.selection import DEFAULT_LIMIT, MAX_LIMIT, Selection, compile_glob
from globaldns.admin.vips import VipSelection
from globaldns.errors import InvalidAddress, InvalidHost, RequestRefused
from globaldns.model.address import Address, parse_address
from globaldns.model.host import Host, check_host

Parameters = Iterable[tuple[str, str]]
"""Names and values, decoded, in the order of the URL; a name may come twice."""

_SHOWN = 60
"""Characters of a wrong value in a message."""


def parse_selection(query: Parameters, *, clusters: Collection[str]) -> Selection:
    """Return which services a URL means; ``clusters`` are those that it may name.

    Raises:
        RequestProblem: a parameter is unknown, repeated or wrong (400).
    """
    values = _read(query, ("host", "cluster", "limit", "continue"))
    return Selection(
        glob=_parse_glob(values.get("host", "*")),
        cluster=_parse_cluster(values.get("cluster", ""), clusters),
        limit=_parse_limit(values.get("limit", str(DEFAULT_LIMIT))),
        after=_parse_last_host(values.get("continue", "")),
    )


def parse_vip_selection(query: Parameters, *, zones: tuple[str, ...]) -> VipSelection:
    """Return which VIPs a URL means.

    Raises:
        RequestProblem: a parameter is unknown, repeated or wrong (400).
    """
    values = _read(query, ("host", "limit", "continue"))
    return VipSelection(
        glob=_parse_glob(values.get("host", "*")),
        zones=zones,
        limit=_parse_limit(values.get("limit", str(DEFAULT_LIMIT))),
        after=_parse_last_vip(values.get("continue", "")),
    )


def _read(query: Parameters, known: tuple[str, ...]) -> Mapping[str, str]:
    """Return the parameters that have a value."""
    values: dict[str, str] = {}
    for name, value in query:
        if name not in known:
            *others, last = (f"{one}=" for one in known)
            wanted = f"write {', '.join(others)} or {last}"
            raise _refuse(f"unknown parameter {_show(name)}", wanted)
        if name in values:
            raise _refuse(f"{name}= is repeated", "write it once")
        values[name] = value
    return {name: value for name, value in values.items() if value}


def _parse_glob(text: str) -> str:
    try:
        compile_glob(text)
    except RequestRefused as error:
        raise RequestProblem(HTTPStatus.BAD_REQUEST, f"host=: {describe(error)}") from None
    return text


def _parse_cluster(text: str, clusters: Collection[str]) -> str:
    if text and text not in clusters:
        wanted = f"write one of {', '.join(sorted(clusters))}"
        raise _refuse(f"cluster={_show(text)} is not configured", wanted)
    return text


def _parse_limit(text: str) -> int:
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_LIMIT))
    if not is_number or not 1 <= int(text) <= MAX_LIMIT:
        wanted = f"write a number from 1 to {MAX_LIMIT}"
        raise _refuse(f"limit={_show(text)} cannot be used", wanted)
    return int(text)


def _parse_last_host(text: str) -> str:
    try:
        if text:
            check_host(Host(text), zone="")
    except InvalidHost:
        raise _refuse_continue(text) from None
    return text


def _parse_last_vip(text: str) -> Address | None:
    try:
        return parse_address(text) if text else None
    except InvalidAddress:
        raise _refuse_continue(text) from None


def _refuse_continue(text: str) -> RequestProblem:
    wanted = 'write what "next" of the page before says'
    return _refuse(f"continue={_show(text)} begins no page", wanted)


def _refuse(reason: str, wanted: str) -> RequestProblem:
    return RequestProblem(HTTPStatus.BAD_REQUEST, f"{reason}: {wanted}")


def _show(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
