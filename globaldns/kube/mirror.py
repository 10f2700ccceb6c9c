"""The objects that a follower tells of, as they are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import msgspec

from globaldns.kube.watch import Absent, Begun, Failed, Found, Listed, Notice, Put, Removed

Value = TypeVar("Value")


class _Meta(msgspec.Struct):
    name: str
    namespace: str = ""


class _Object(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Object)
Name = tuple[str, str]
"""Namespace, empty where the kind belongs to none, and name."""


class Mirror(Generic[Value]):
    """What there is of one scope, as ``read`` makes it of each; None: it is passed over.

    While the server gives no answer what was seen last stands.
    """

    def __init__(self, read: Callable[[msgspec.Raw], Value | None]) -> None:
        self._read = read
        self._all: dict[Name, Value] = {}
        self._shown: dict[Name, Value] | None = None
        """What a list that is under way has shown."""

    @property
    def objects(self) -> Mapping[Name, Value]:
        """All of them; while they are listed those of before."""
        return self._all

    def take(self, notice: Notice) -> bool:
        """Take in what the follower tells; return whether that may be news."""
        match notice:
            case Begun():
                self._shown = {}
            case Found(data) | Put(data):
                self._put(data)
            case Removed(data):
                self._drop(_name(data))
            case Listed():
                self._all, self._shown = self._shown or {}, None
            case Absent():
                self._all, self._shown = {}, None
            case Failed():
                self._shown = None
            case _:
                return False
        return self._shown is None and not isinstance(notice, Failed)

    def _put(self, data: msgspec.Raw) -> None:
        value, name = self._read(data), _name(data)
        if value is None:
            self._drop(name)
        else:
            (self._all if self._shown is None else self._shown)[name] = value

    def _drop(self, name: Name) -> None:
        for known in (self._all, self._shown or {}):
            known.pop(name, None)


def _name(data: msgspec.Raw) -> Name:
    metadata = _decoder.decode(data).metadata
    return metadata.namespace, metadata.name
