"""API servers asked once, for commands without a server. Nothing is written there, or here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec

from globaldns.app.fencing import refuse_unheld
from globaldns.app.membership import listed_access, load_members, remote_settings
from globaldns.app.rules import export_rules
from globaldns.app.spreading import spread
from globaldns.config.kinds import ClusterId
from globaldns.config.schema import ClusterSettings, Config
from globaldns.errors import ApiError, ApiRefused, LedgerError
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.lease import MAX_SKEW_SECONDS
from globaldns.kube.resources import VIP_LEDGERS
from globaldns.ledger.copies import ReadLedger
from globaldns.ledger.objects import Held, LedgerObjects
from globaldns.ledger.remarks import Remarks
from globaldns.ledger.shards import ShardId
from globaldns.ledger.shelf import Shelf
from globaldns.model.view import Fence, SourceState, View
from globaldns.objects.own import LedgerRole
from globaldns.sources.awaited import await_access, why_unreached
from globaldns.sources.cluster import ApiSettings, ClusterSource
from globaldns.sources.parts import tell_failure
from globaldns.sources.remotes import Remotes
from globaldns.sources.secrets import Refused, RemoteClusters
from globaldns.sources.source import Source
from globaldns.state import StateDirectory
from globaldns.tasks import wall_clock

READ_SECONDS = 20.0
"""How long a cluster is read, at most: 100,000 services take seconds."""
FAILED_SECONDS = 2.0
"""How long one that fails at first is given."""
LOOK_SECONDS = 0.05
ASK_SECONDS = 10.0
"""For one small object."""


def find_members(config: Config) -> tuple[Config, RemoteClusters]:
    """Return the configuration with the clusters of remote secrets, and what those say.

    Where these cannot be read the clusters are those that a server here knew last.
    """
    remote = asyncio.run(_read_remotes(config))
    names = {*remote.access}
    if any(not one.cluster for one in remote.refused):
        names |= load_members(StateDirectory(config.state)).keys()
    found = {ClusterId(name): ClusterSettings() for name in sorted(names)}
    return msgspec.structs.replace(config, clusters={**found, **config.clusters}), remote


def read_servers(
    config: Config, remote: RemoteClusters, views: Mapping[str, View], known: Mapping[str, str]
) -> dict[str, Source]:
    """Return the sources of all clusters that have no directory, each read once if it can be.

    ``known``: the UID of each cluster, where that is known.
    """
    return asyncio.run(_read_servers(config, remote, views, known))


def spread_word(config: Config, word: Fence) -> Mapping[str, str]:
    """Write a word on a cluster into every cluster that has an API server; return how that went.

    Raises:
        RequestRefused: none holds it.
    """
    known, remote = find_members(config)
    ways = {
        str(cluster): access
        for cluster, settings in known.clusters.items()
        if (access := listed_access(settings.source) or remote.access.get(cluster))
    }
    results = asyncio.run(spread(word, ways, owner=config.cluster))
    refuse_unheld(results)
    return results


def read_shared_ledger(config: Config) -> ReadLedger | None:
    """Return what the ledger in Kubernetes says; None: nothing stands in its place.

    Where what stands there is no ledger that counts, why that is so is all that is returned.

    Raises:
        LedgerError: it cannot be read.
    """
    shelf, remarks = asyncio.run(_read_shelf(config))
    claims, copies = shelf.read_all()
    for held in shelf.of_another_ledger():
        remarks.note(held.name, shelf.remark(held))
    odd = remarks.findings()
    if shelf.marker is None:
        return ReadLedger(None, (), {}, findings=odd) if odd else None
    first = shelf.get(ShardId(LedgerRole.OWN, config.cluster, 0))
    uids = () if first is None else first.head.uids
    return ReadLedger(shelf.marker, tuple(claims), copies, uids, odd)


def ask_servers(config: Config, remote: RemoteClusters, path: str) -> dict[str, bytes | ApiError]:
    """Return what each API server answers at a path, or why it does not, by cluster.

    Clusters that have a directory are not among them.
    """
    return asyncio.run(_ask_servers(config, remote, path))


async def _read_remotes(config: Config) -> RemoteClusters:
    settings = remote_settings(config)
    if not settings.are_there:
        return RemoteClusters({})
    remotes = Remotes(settings, lambda: None)
    await _run_until(remotes.run, lambda: remotes.are_known, lambda: bool(remotes.failure))
    return RemoteClusters(remotes.clusters.access, remotes.refused)


async def _read_servers(
    config: Config, remote: RemoteClusters, views: Mapping[str, View], known: Mapping[str, str]
) -> dict[str, Source]:
    sources: dict[str, Source] = {
        cluster: _make(config, cluster, remote, views.get(cluster), known.get(cluster, ""))
        for cluster, settings in config.clusters.items()
        if settings.source.directory is None
    }
    await asyncio.gather(*map(_read_once, sources.values()))
    return sources


def _make(
    config: Config, cluster: str, remote: RemoteClusters, remembered: View | None, known: str
) -> Source:
    async def recall() -> str:
        return known

    rules = export_rules(config, cluster)
    access = listed_access(config.clusters[ClusterId(cluster)].source) or remote.reach(cluster)
    if not isinstance(access, Access):
        return await_access(rules, access, remembered)
    namespace = None if cluster == config.cluster else config.namespace
    settings = ApiSettings(namespace, grace=0, recall=recall)
    return ClusterSource(access, rules, settings, remembered=remembered)


async def _read_once(source: Source) -> None:
    await _run_until(
        lambda: source.run(lambda _changes, _received: None),
        lambda: source.freshness.state is SourceState.SYNCED,
        lambda: bool(source.freshness.reason),
    )


async def _run_until(
    run: Callable[[], Coroutine[Any, Any, None]],
    is_done: Callable[[], bool],
    has_failed: Callable[[], bool],
) -> None:
    """Run something until it is done, or has not got anywhere for a while."""
    clock = asyncio.get_running_loop().time
    started = clock()
    running = asyncio.create_task(run())
    try:
        while not is_done() and not running.done():
            limit = FAILED_SECONDS if has_failed() else READ_SECONDS
            if clock() > started + limit:
                break
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def _read_shelf(config: Config) -> tuple[Shelf, Remarks]:
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        raise LedgerError("our own cluster has no API server to keep the ledger in")
    client, remarks = Client(access), Remarks(config.cluster)
    shelf = Shelf(lambda: wall_clock() + client.skew + MAX_SKEW_SECONDS)
    try:
        async for found in LedgerObjects(client, config.namespace, config.cluster).list():
            remarks.note(found.name, found.remark)
            if isinstance(found, Held):
                shelf.see(found)
    except ApiError as error:
        if isinstance(error, ApiRefused) and error.status == HTTPStatus.NOT_FOUND:
            reason, hint = f"{VIP_LEDGERS} is not installed", "apply deploy/crds"
        else:
            reason, hint = str(error), tell_failure(error)[1]
        raise LedgerError(f"the ledger cannot be read: {reason}", hint=hint) from error
    finally:
        await client.close()
    return shelf, remarks


async def _ask_servers(
    config: Config, remote: RemoteClusters, path: str
) -> dict[str, bytes | ApiError]:
    asked = {
        str(cluster): listed_access(settings.source) or remote.reach(cluster)
        for cluster, settings in config.clusters.items()
        if settings.source.directory is None
    }
    answers = await asyncio.gather(*(_ask(access, path) for access in asked.values()))
    return dict(zip(asked, answers, strict=True))


async def _ask(access: Access | Refused | None, path: str) -> bytes | ApiError:
    if not isinstance(access, Access):
        reason, hint = why_unreached(access)
        return ApiError(reason, hint=hint)
    client = Client(access)
    try:
        return await client.send("GET", path, seconds=ASK_SECONDS)
    except ApiError as error:
        return error
    finally:
        await client.close()
