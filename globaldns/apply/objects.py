"""GlobalServices created, given a status, and deleted: one request each, nothing decided.

An object is created by POST: an apply would put our mark on one that a person makes in the same
moment. A status is applied, so that what others wrote beside ours stays theirs; and only to what
was seen, because it goes on from the one that stood there: a leader whose time is over, and who
does not know that yet, undoes nothing.

Standards:
    Kubernetes API Concepts: "Server-Side Apply", "Resource versions", DeleteOptions preconditions
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.apply.places import is_at_home
from globaldns.apply.seen import Seen, read_seen
from globaldns.apply.steps import Create, Delete, Show, Step, Write
from globaldns.errors import ApiError, ApiRefused
from globaldns.exports import marks
from globaldns.kube.client import APPLY, MERGE, Client
from globaldns.kube.resources import GLOBAL_SERVICES
from globaldns.model.place import Place

MANAGER = "globaldns"
ROLES = "globaldns-writer and globaldns-reader"
"""By which an account may do all this."""
_VERSION = GLOBAL_SERVICES.versions[0]


class GlobalServiceObjects:
    """Those of one cluster."""

    def __init__(self, client: Client, cluster: str) -> None:
        self._client = client
        self._cluster = cluster

    async def take(self, step: Step) -> Seen | None:
        """Take a step; return the object as it is then, None: it is gone.

        Raises:
            ApiRefused: somebody was faster (409), it or its namespace is gone (404), or it may not
                be done.
            ApiError: it is not known whether it was done.
        """
        match step:
            case Create():
                return await self._create(step)
            case Write():
                return await self._write(step)
            case Show(seen):
                return await self._show(seen)
            case Delete(seen):
                await self._delete(seen)
                return None

    async def _create(self, step: Create) -> Seen:
        body = _body(step.place)
        body["metadata"]["labels"] = {marks.OWNED_BY: self._cluster, marks.BLANK: "true"}
        if not is_at_home(step.host, step.place):
            body["metadata"]["annotations"] = {marks.HOST: step.host}
        path = GLOBAL_SERVICES.path(_VERSION, step.place.namespace)
        query = {"fieldManager": MANAGER}
        data = await self._client.send("POST", path, msgspec.json.encode(body), query=query)
        return self._read(data)

    async def _write(self, step: Write) -> Seen:
        place = step.seen.place
        body = _body(place) | {"status": step.status}
        body["metadata"]["resourceVersion"] = step.seen.version
        data = await self._client.send(
            "PATCH",
            f"{path_of(place)}/status",
            msgspec.json.encode(body),
            query={"fieldManager": MANAGER, "force": "true"},
            content_type=APPLY,
        )
        return self._read(data)

    async def _show(self, seen: Seen) -> Seen:
        """Take our label from an object; others than this one are nobody's to add again."""
        body = {"metadata": {"resourceVersion": seen.version, "labels": {marks.BLANK: None}}}
        data = await self._client.send(
            "PATCH",
            path_of(seen.place),
            msgspec.json.encode(body),
            query={"fieldManager": MANAGER},
            content_type=MERGE,
        )
        return self._read(data)

    async def _delete(self, seen: Seen) -> None:
        body = {"preconditions": {"resourceVersion": seen.version}}
        try:
            await self._client.send("DELETE", path_of(seen.place), msgspec.json.encode(body))
        except ApiRefused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def _read(self, data: bytes) -> Seen:
        seen = read_seen(data, self._cluster)
        if seen is None:
            raise ApiError("an answer that is no GlobalService")
        return seen


def path_of(place: Place) -> str:
    """Return the path of an object."""
    return GLOBAL_SERVICES.path(_VERSION, place.namespace, place.name)


def _body(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": f"{GLOBAL_SERVICES.group}/{_VERSION}",
        "kind": GLOBAL_SERVICES.kind,
        "metadata": {"name": place.name, "namespace": place.namespace},
    }
