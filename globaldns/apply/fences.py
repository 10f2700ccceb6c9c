"""A person's word on a cluster as a ClusterFence object, which whoever reads it obeys."""

from __future__ import annotations

import re
from hashlib import blake2b
from http import HTTPStatus

import msgspec

from globaldns.errors import ApiError, ApiRefused
from globaldns.exports.marks import OWNED_BY
from globaldns.kube.client import APPLY, Client
from globaldns.kube.resources import CLUSTER_FENCES
from globaldns.model.claim import format_time
from globaldns.model.view import Fence

MANAGER = "globaldns"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def object_name(cluster: str) -> str:
    """Return what a fence is called: as its cluster, where an object may be."""
    if _NAME.fullmatch(cluster):
        return cluster
    return f"cluster-{blake2b(cluster.encode(), digest_size=8).hexdigest()}"


async def write_fence(client: Client, word: Fence, *, owner: str) -> None:
    """Have a cluster hold a word; ``owner`` is our own cluster.

    Raises:
        ApiRefused: it may not be written there.
        ApiError: it is not known whether it stands.
    """
    name = object_name(word.target)
    spec = {"cluster": word.target, "fenced": word.fenced, "at": format_time(word.at)}
    if word.uid:
        spec["uid"] = word.uid
    body = {
        "apiVersion": f"{CLUSTER_FENCES.group}/{CLUSTER_FENCES.versions[0]}",
        "kind": CLUSTER_FENCES.kind,
        "metadata": {"name": name, "labels": {OWNED_BY: owner}},
        "spec": spec,
    }
    path = CLUSTER_FENCES.path(CLUSTER_FENCES.versions[0], name=name)
    query = {"fieldManager": MANAGER, "force": "true"}
    await client.send("PATCH", path, msgspec.json.encode(body), query=query, content_type=APPLY)


def why(error: ApiError) -> str:
    """Return why a word was not written, for people."""
    if isinstance(error, ApiRefused) and error.status == HTTPStatus.FORBIDDEN:
        return "its account may not write there"
    return str(error)
