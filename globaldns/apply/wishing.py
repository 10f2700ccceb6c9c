"""``spec.renumber`` set by a command: the wish that the leader of the cluster obeys."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from globaldns.apply.objects import path_of
from globaldns.apply.seen import Seen, read_seen
from globaldns.errors import ApiError, ApiRefused, RequestRefused
from globaldns.kube.client import MERGE, Client
from globaldns.model.claim import format_time
from globaldns.model.host import Host, is_service_host
from globaldns.model.place import Place

MANAGER = "globaldns-vip-renumber"


async def wish_numbers(client: Client, hosts: Sequence[Host], now: int) -> list[Seen]:
    """Wish for other numbers for hosts; return their GlobalServices as they were before.

    Raises:
        RequestRefused: a host has no GlobalService; nothing is wished.
        ApiError: not every wish is written.
    """
    found = [await _find(client, host) for host in hosts]
    for seen in found:
        at = max(now, (seen.renumber or 0) + 1)
        body = msgspec.json.encode({"spec": {"renumber": format_time(at)}})
        query = {"fieldManager": MANAGER}
        await client.send("PATCH", path_of(seen.place), body, query=query, content_type=MERGE)
    return found


async def _find(client: Client, host: Host) -> Seen:
    name, _, namespace = host.partition(".")
    if not is_service_host(host):
        raise RequestRefused(
            f"{host} has no GlobalService of its name", hint="ask the server that writes the ledger"
        )
    try:
        data = await client.get(path_of(Place(namespace, name)))
    except ApiRefused as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        raise RequestRefused(
            f"there is no GlobalService {namespace}/{name} in our own cluster",
            hint="only a cluster that exports a host renumbers it; globaldns list shows which do",
        ) from error
    seen = read_seen(data, "")
    if seen is None:
        raise ApiError(f"GlobalService {namespace}/{name} cannot be read")
    return seen
