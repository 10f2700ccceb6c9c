"""Objects as an API server writes them, into values: typed at once, slowly where that fails."""

from __future__ import annotations

from typing import Any

import msgspec

from globaldns.errors import InvalidObject
from globaldns.kube.resources import Resource
from globaldns.model.finding import Finding, Severity
from globaldns.objects import KINDS, Object, ObjectKey, decode, identify, key

_DECODERS: dict[str, msgspec.json.Decoder[Object]] = {
    name: msgspec.json.Decoder(kind) for name, kind in KINDS.items()
}
_CODE = "invalid-object"


class Misshapen(msgspec.Struct, frozen=True):
    """An object that is not taken."""

    key: ObjectKey | None
    """None where it has no name."""
    error: InvalidObject

    def finding(self, cluster: str) -> Finding:
        """Return what is wrong with it."""
        error = self.error
        return Finding(
            Severity.ERROR,
            error.code,
            str(error),
            object=str(self.key),
            path=error.path,
            hint=error.hint,
            cluster=cluster,
        )


def take_in(data: msgspec.Raw, resource: Resource) -> Object | Misshapen:
    """Return the object that a server's words describe."""
    try:
        return _DECODERS[resource.kind].decode(data)
    except msgspec.MsgspecError:
        return _take_in_slowly(data, resource)


def identify_removed(data: msgspec.Raw, resource: Resource) -> ObjectKey | None:
    """Return whom a server's last words are about."""
    taken = take_in(data, resource)
    return taken.key if isinstance(taken, Misshapen) else key(taken)


def _take_in_slowly(data: msgspec.Raw, resource: Resource) -> Object | Misshapen:
    """Return the object; nulls are as good as absent, and what is wrong gets its place."""
    version = resource.versions[0] if resource.versions else "v1alpha1"
    kind = {
        "kind": resource.kind,
        "apiVersion": f"{resource.group}/{version}" if resource.group else version,
    }
    try:
        value: dict[str, Any] = msgspec.json.decode(data, type=dict[str, Any]) | kind
    except msgspec.MsgspecError as error:
        return Misshapen(None, InvalidObject(str(error), path="$", code=_CODE))
    try:
        found = decode(value)
    except InvalidObject as error:
        return Misshapen(identify(value), error)
    if found is None:
        return Misshapen(None, InvalidObject("is not read", path="$.kind", code=_CODE))
    return found
