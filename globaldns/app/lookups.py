"""The addresses of gateways that have names, looked up once; a server goes on doing that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from globaldns.app.gateways import wanted_gateways, watch_settings
from globaldns.app.offline import OfflineMesh
from globaldns.config.kinds import ClusterId
from globaldns.errors import ServerError
from globaldns.model.export import Gateway
from globaldns.model.reach import Reach
from globaldns.probes.choice import has_name
from globaldns.probes.naming import Naming
from globaldns.probes.resolver import Server, read_nameservers, resolve
from globaldns.probes.watch import WatchSettings


def look_up_gateways(mesh: OfflineMesh, cluster: str) -> dict[Gateway, Reach]:
    """Return how gateways with names are reached by which a cluster's clients go."""
    if cluster not in mesh.config.clusters:
        return {}
    wanted = wanted_gateways(mesh.registry, mesh.config, ClusterId(cluster))
    named = sorted(filter(has_name, wanted))
    if not named:
        return {}
    settings = watch_settings(mesh.config)
    found = asyncio.run(_look_up({gateway.address for gateway in named}, settings))
    return {gateway: found[gateway.address] for gateway in named}


async def _look_up(names: Iterable[str], settings: WatchSettings) -> dict[str, Reach]:
    try:
        asked = settings.resolvers or read_nameservers()
    except ServerError as error:
        return {name: Reach(unresolved=str(error)) for name in names}
    ordered = sorted(names)
    found = await asyncio.gather(*(_ask(name, asked, settings.pools) for name in ordered))
    return dict(zip(ordered, found, strict=True))


async def _ask(name: str, servers: tuple[Server, ...], pools: tuple[str, ...]) -> Reach:
    try:
        answer = await resolve(name, servers)
    except ServerError as error:
        return Reach(unresolved=str(error))
    naming = Naming().answered(answer.addresses, answer.ttl, pools)
    return Reach(naming.addresses, unresolved=naming.reason, left_out=naming.left_out)
