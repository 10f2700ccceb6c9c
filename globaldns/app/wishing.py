"""Renumbering where the ledger is in Kubernetes: a wish, written into the host's GlobalService."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from globaldns.admin.reports import MoveReport
from globaldns.app.membership import listed_access
from globaldns.apply.seen import Seen
from globaldns.apply.status import decode_status
from globaldns.apply.wishing import wish_numbers
from globaldns.config.schema import Config
from globaldns.errors import RequestRefused
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.host import Host


def wish_other_numbers(config: Config, hosts: Sequence[Host], now: int) -> tuple[MoveReport, ...]:
    """Wish for other numbers for hosts; return what moves, of which the new VIP is not known yet.

    Raises:
        RequestRefused: a host has no GlobalService; nothing is wished.
        ApiError: not every wish is written.
    """
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        raise RequestRefused("our own cluster has no API server")
    return tuple(map(_report, hosts, asyncio.run(_wish(access, hosts, now))))


async def _wish(access: Access, hosts: Sequence[Host], now: int) -> list[Seen]:
    client = Client(access)
    try:
        return await wish_numbers(client, hosts, now)
    finally:
        await client.close()


def _report(host: Host, seen: Seen) -> MoveReport:
    old = tuple(vip.address for vip in decode_status(seen.status).vips)
    return MoveReport(host=host, old=old, new=(), reason="wished")
