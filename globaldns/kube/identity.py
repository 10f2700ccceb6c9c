"""Which cluster an API server belongs to: its kube-system namespace has a UID for ever."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.kube.client import Client
from globaldns.kube.resources import NAMESPACES

PROBE_SECONDS = 5.0
"""A server that takes longer for one small answer is as good as gone."""


class _Meta(msgspec.Struct):
    uid: str = ""


class _Namespace(msgspec.Struct):
    metadata: _Meta


_decoder = msgspec.json.Decoder(_Namespace)


async def find_uid(client: Client) -> str:
    """Return the UID; empty where it may not be read. The cheapest proof that a server answers.

    Raises:
        ApiError: it does not.
    """
    try:
        path = NAMESPACES.path("v1", name="kube-system")
        return _decoder.decode(await client.send("GET", path, seconds=PROBE_SECONDS)).metadata.uid
    except msgspec.MsgspecError as error:
        raise ApiError(f"kube-system: an answer that is no Namespace: {error}") from error
    except ApiRefused as error:
        if error.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
            raise
    try:
        await client.send("GET", "/version", seconds=PROBE_SECONDS)
    except ApiRefused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
    return ""
