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


class OtherCluster(ApiError):
    """Another cluster answers than the one that is known by a name."""

    def __init__(self, cluster: str, *, uid: str, former: str) -> None:
        super().__init__(
            f"another cluster answers than before: kube-system has UID {uid}, it had {former}",
            hint=f"globaldns cluster forget {cluster}, if it was rebuilt",
        )
        self.uid = uid


async def confirm_uid(client: Client, cluster: str, known: str) -> str:
    """Return the UID of the cluster that answers; ``known``: of the one that is to, if not empty.

    Raises:
        OtherCluster: another one does.
        ApiError: none does.
    """
    uid = await find_uid(client)
    if uid and known and uid != known:
        raise OtherCluster(cluster, uid=uid, former=known)
    return uid


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
