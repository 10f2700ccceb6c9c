"""A person's word on a cluster as a ClusterFence object, which whoever reads it obeys."""

from __future__ import annotations

import re
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.kube.client import APPLY, Client
from globaldns.kube.resources import CLUSTER_FENCES
from globaldns.model.claim import format_time
from globaldns.model.view import Fence
from globaldns.objects.metadata import Time

MANAGER = "globaldns"
ATTEMPTS = 3
_VERSION = CLUSTER_FENCES.versions[0]
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class _Meta(msgspec.Struct, rename="camel"):
    resource_version: str


class _Spec(msgspec.Struct):
    at: Time
    uid: str = ""


class _Held(msgspec.Struct):
    metadata: _Meta
    spec: _Spec


_decoder = msgspec.json.Decoder(_Held)


def object_name(cluster: str) -> str:
    """Return what a fence is called: as its cluster, where an object may be."""
    if _NAME.fullmatch(cluster):
        return cluster
    return f"cluster-{blake2b(cluster.encode(), digest_size=8).hexdigest()}"


async def write_fence(client: Client, word: Fence, *, owner: str) -> None:
    """Have a cluster hold a word; ``owner`` is our own cluster.

    The servers of all clusters write the same object: none overwrites what it has not seen, nor
    takes back by silence which one a rebuilt cluster is.

    Raises:
        ApiRefused: it may not be written there.
        ApiError: a newer word stands there; or it is not known whether this one does.
    """
    for _ in range(ATTEMPTS):
        held = await _read(client, word.target)
        if held is not None and held.spec.at.timestamp() > word.at:
            raise ApiError(f"a newer word stands there, of {held.spec.at.isoformat()}")
        try:
            await _write(client, word, held, owner=owner)
        except ApiRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        else:
            return
    raise ApiError("somebody else writes there, again and again")


async def _read(client: Client, cluster: str) -> _Held | None:
    try:
        return _decoder.decode(await client.get(_path(cluster)))
    except msgspec.MsgspecError as error:
        raise ApiError(f"an answer that is no ClusterFence: {error}") from error
    except ApiRefused as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise


async def _write(client: Client, word: Fence, held: _Held | None, *, owner: str) -> None:
    spec = {"cluster": word.target, "fenced": word.fenced, "at": format_time(word.at)}
    if uid := word.uid or (held.spec.uid if held else ""):
        spec["uid"] = uid
    metadata: dict[str, Any] = {"name": object_name(word.target), "labels": {OWNED_BY: owner}}
    if held is not None:
        metadata["resourceVersion"] = held.metadata.resource_version
    body = {
        "apiVersion": f"{CLUSTER_FENCES.group}/{_VERSION}",
        "kind": CLUSTER_FENCES.kind,
        "metadata": metadata,
        "spec": spec,
    }
    data, query = msgspec.json.encode(body), {"fieldManager": MANAGER}
    if held is None:  # to apply it would overwrite one that was made meanwhile
        await client.send("POST", CLUSTER_FENCES.path(_VERSION), data, query=query)
        return
    query["force"] = "true"
    await client.send("PATCH", _path(word.target), data, query=query, content_type=APPLY)


def _path(cluster: str) -> str:
    return CLUSTER_FENCES.path(_VERSION, name=object_name(cluster))


def why(error: ApiError) -> str:
    """Return why a word was not written, for people."""
    if isinstance(error, ApiRefused) and error.status == HTTPStatus.FORBIDDEN:
        return "its account may not write there"
    return str(error)
