"""What a GlobalService says of lost clusters: ``spec.lost``."""

from __future__ import annotations

from globaldns.config.schema import MAX_LOST_SECONDS
from globaldns.config.values import parse_whole_seconds
from globaldns.errors import InvalidObject, InvalidValue
from globaldns.model.lost import LostEndpoints, LostNames, LostPolicy
from globaldns.objects.own import (
    LostEndpointsAges,
    LostEndpointsWord,
    LostNamesAges,
    LostNamesWord,
    LostSpec,
)

_PATH = "$.spec.lost"
_CODE = "lost-policy"
_NAMES = {LostNamesWord.KEEP: LostNames(), LostNamesWord.DROP: LostNames(expire=0)}
_ENDPOINTS = {
    LostEndpointsWord.KEEP: LostEndpoints(),
    LostEndpointsWord.DEMOTE: LostEndpoints(demote=0),
    LostEndpointsWord.DROP: LostEndpoints(expire=0),
}


def read_lost(spec: LostSpec | None) -> LostPolicy | None:
    """Return what people chose for one service; None where that is nothing.

    Raises:
        InvalidObject: a time is none, or the times do not go together.
    """
    if spec is None or (spec.names is None and spec.endpoints is None):
        return None
    return LostPolicy(_read_names(spec.names), _read_endpoints(spec.endpoints))


def _read_names(names: LostNamesWord | LostNamesAges | None) -> LostNames | None:
    if not isinstance(names, LostNamesAges):
        return None if names is None else _NAMES[names]
    return LostNames(_read_age(names.expire, "names.expire"))


def _read_endpoints(
    endpoints: LostEndpointsWord | LostEndpointsAges | None,
) -> LostEndpoints | None:
    if not isinstance(endpoints, LostEndpointsAges):
        return None if endpoints is None else _ENDPOINTS[endpoints]
    demote = _read_age(endpoints.demote, "endpoints.demote")
    expire = _read_age(endpoints.expire, "endpoints.expire")
    if demote and expire and expire <= demote:
        raise _refusal(
            "endpoints.expire",
            f"{endpoints.expire} is not after demote",
            f"more than {endpoints.demote}, or no demote",
        )
    return LostEndpoints(demote, expire)


def _read_age(text: str | None, key: str) -> int | None:
    if text is None:
        return None
    try:
        age = parse_whole_seconds(text)
    except InvalidValue as error:
        raise _refusal(key, str(error), error.hint or "write it like 60s or 1h") from None
    if not age:
        raise _refusal(key, f"{text!r} is no time", "write drop or demote for at once")
    if age > MAX_LOST_SECONDS:
        raise _refusal(key, f"{text!r} is longer than a year", "write at most 366d, or keep")
    return age


def _refusal(key: str, reason: str, hint: str) -> InvalidObject:
    return InvalidObject(reason, path=f"{_PATH}.{key}", code=_CODE, hint=hint)
