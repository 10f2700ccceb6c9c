"""The routes of a cluster beside what stands in its API server: what differs, and making it so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec
from msgspec.structs import replace

from globaldns.app.manifests import find_objects, read_entry
from globaldns.app.membership import listed_access
from globaldns.app.reaching import find_members
from globaldns.app.routes import ClusterRoutes, has_routes
from globaldns.apply.routes.comparison import amend, is_same, spec_of
from globaldns.apply.routes.objects import ROLES, RouteObjects, written_resources
from globaldns.apply.routes.patience import Create, Delete, Replace, Step, keep_known, step_key
from globaldns.apply.routes.standing import Document, Standing, key_of, named
from globaldns.apply.routes.taken import Holder, tell_taken
from globaldns.apply.setbacks import remedy_of
from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.errors import ApiError, RequestRefused
from globaldns.istio.notices import to_finding
from globaldns.istio.replacing import Replaced
from globaldns.istio.routes import Bundle
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import Resource
from globaldns.model.export import Export, Origin
from globaldns.model.finding import Finding
from globaldns.objects.metadata import ObjectKey

logger = logging.getLogger(__name__)

ASK_SECONDS = 20.0
"""For all that a person who checks waits for."""
_NONE_HELD: Mapping[str, frozenset[str]] = {}


class InTheWay(msgspec.Struct, frozen=True):
    """An entry of a person, and what would be written if it were not there."""

    own: Export
    document: Document
    """As it stands."""
    documents: tuple[Document, ...]
    lacks: tuple[str, ...] = ()
    """Why nothing would be written for a host of it."""


class Comparison(msgspec.Struct, frozen=True):
    """What differs in a cluster."""

    steps: list[Step]
    """In the order of its objects."""
    findings: list[Finding]
    """Which of them cannot be done, because an object that is not ours has the name."""
    in_the_way: tuple[InTheWay, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """How a step went."""

    step: Step
    failure: ApiError | None = None
    remedy: str = ""
    """What to do about that."""


def find_access(config: Config, cluster: str, *, hint: str) -> Access:
    """Return how the API server of a cluster is reached; ``hint`` is what to do without one.

    Raises:
        RequestRefused: it has none that is known.
    """
    known, remote = find_members(config)
    settings = known.clusters.get(ClusterId(cluster))
    access = (listed_access(settings.source) if settings else None) or remote.access.get(cluster)
    if access is None:
        raise RequestRefused(f"no API server of {cluster} is known", hint=hint)
    return access


def find_directory(config: Config, cluster: str) -> Path | None:
    """Return where the manifests of a cluster are; None: it is read from elsewhere."""
    settings = config.clusters.get(ClusterId(cluster))
    return settings.source.directory if settings else None


def find_steps(
    config: Config, where: Access | Path, cluster: str, routes: ClusterRoutes
) -> Comparison:
    """Return what is to be done for a cluster to have its routes.

    ``where``: its API server, or the directory of its manifests. What is not wanted stays while
    some cluster is not known as a whole, or a gateway's name has no address. Gateways that are
    called stay, as they do by a server, while it is not known where all of a host's are.

    Raises:
        ApiError: what stands is not known.
    """
    resources = _resources(config, cluster)
    wanted = [document for bundle in routes.bundles for document in bundle.documents]
    origins = {one.own.origin for one in routes.replaced}
    stands = (
        _find_here(where, cluster, resources, origins)
        if isinstance(where, Path)
        else asyncio.run(_ask(where, cluster, resources, origins))
    )
    steps = compare(wanted, stands.ours, may_delete=routes.are_whole, held=routes.held)
    created = {step_key(one): one.document for one in steps if isinstance(one, Create)}
    findings = _tell_taken(stands.others, created, cluster)
    return Comparison(steps, findings, (*_in_the_way(routes, stands.entries),))


def hold_files(root: Path, cluster: str, routes: ClusterRoutes) -> tuple[Bundle, ...]:
    """Return the documents of routes as they are to be files, where some may be of a time before.

    Gateways that are called in those stay while it is not known where all of a host's are.
    """
    if not routes.held or not root.is_dir():
        return routes.bundles
    wanted = [document for bundle in routes.bundles for document in bundle.documents]
    ours, _ = find_objects(root, {document["kind"] for document in wanted}, cluster)
    held = hold(wanted, ours, routes.held)
    return tuple(
        replace(bundle, documents=tuple(held[key_of(one)] for one in bundle.documents))
        for bundle in routes.bundles
    )


class _Stands(msgspec.Struct, frozen=True):
    """What a cluster has."""

    ours: list[Standing]
    others: list[Holder]
    entries: Mapping[Origin, Document]
    """Those of people that were asked for."""


def _in_the_way(routes: ClusterRoutes, entries: Mapping[Origin, Document]) -> Iterator[InTheWay]:
    """Yield each entry of a person once, with what all hosts of it would have."""
    by_origin: dict[Origin, list[Replaced]] = {}
    for one in routes.replaced:
        by_origin.setdefault(one.own.origin, []).append(one)
    for origin, those in sorted(by_origin.items()):
        if origin in entries:
            bundles = (bundle for one in those for bundle in one.route.bundles)
            lacks = (
                one.route.notices
                for one in those
                if one.route.skipped is not None or one.route.unresolved
            )
            yield InTheWay(
                those[0].own,
                entries[origin],
                tuple(document for bundle in bundles for document in bundle.documents),
                tuple(f"{notice.host}: {notice.detail}" for notice in chain.from_iterable(lacks)),
            )


def _find_here(
    root: Path, cluster: str, resources: Iterable[Resource], origins: Iterable[Origin]
) -> _Stands:
    ours, others = find_objects(root, {one.kind for one in resources}, cluster)
    found = {one: read_entry(root, one.file, one.namespace, one.name) for one in origins}
    return _Stands(ours, others, {one: entry for one, entry in found.items() if entry})


def ask_for_taken(config: Config, cluster: str, wanted: Iterable[Document]) -> list[Finding]:
    """Return which documents of a cluster objects that are not ours have the names of, if known."""
    documents = {key_of(one): one for one in wanted}
    kinds = {key.kind for key in documents}
    resources = [one for one in _resources(config, cluster) if one.kind in kinds]

    async def ask(access: Access) -> list[Holder]:
        client = Client(access)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                objects = RouteObjects(client, cluster)
                return [one async for one in objects.list_others(resources)]
        finally:
            await client.close()

    try:
        others = asyncio.run(ask(find_access(config, cluster, hint="")))
    except (ApiError, RequestRefused, TimeoutError) as error:
        reason = str(error) or "it does not answer in time"
        logger.info("whether names of routes are taken is not known", extra={"reason": reason})
        return []
    return _tell_taken(others, documents, cluster)


def compare(
    wanted: Iterable[Document],
    standing: Iterable[Standing],
    *,
    may_delete: bool,
    held: Mapping[str, frozenset[str]] = _NONE_HELD,
) -> list[Step]:
    """Return the steps from what stands to what is wanted, by object.

    ``held``: by host, the clusters of whose gateways no address is known.
    """
    at = {one.key: one for one in standing}
    steps: dict[ObjectKey, Step] = {}
    for key, document in hold(wanted, at.values(), held).items():
        known = at.pop(key, None)
        if known is None:
            steps[key] = Create(document)
        elif not is_same(before := known.document, amended := amend(before, document)):
            steps[key] = Replace(known, amended)
    if may_delete:
        steps |= {key: Delete(one) for key, one in at.items()}
    return [steps[key] for key in sorted(steps)]


def hold(
    wanted: Iterable[Document],
    standing: Iterable[Standing],
    held: Mapping[str, frozenset[str]],
) -> dict[ObjectKey, Document]:
    """Return what is wanted, with the gateways that stand where not all are known (``held``)."""
    documents = {key_of(one): one for one in wanted}
    if not held:
        return documents
    stands: dict[str, list[Standing]] = {}
    for one in standing:
        stands.setdefault(one.name, []).append(one)
    by_host: dict[str, dict[ObjectKey, Document]] = {}
    for key, document in documents.items():
        if (host := named(key, document.get("spec"))) in held:
            by_host.setdefault(host, {})[key] = document
    for host, those in by_host.items():
        documents |= keep_known(those, stands.get(host, ()), held[host])
    return documents


def take_steps(
    access: Access,
    cluster: str,
    steps: Sequence[Step],
    tell: Callable[[Done], None],
    *,
    dry_run: bool,
) -> int:
    """Take steps, and tell how each went; return how many failed. ``dry_run``: nothing changes."""
    return asyncio.run(_take(access, cluster, steps, tell, dry_run=dry_run))


def shown(document: Document) -> Document:
    """Return what people compare of a document: not what the server wrote into it."""
    metadata = document["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "labels") if metadata.get(key)}
    head: Document = {key: document[key] for key in ("apiVersion", "kind") if key in document}
    return {**head, "metadata": kept, **({"spec": spec} if (spec := spec_of(document)) else {})}


def describe(step: Step) -> str:
    """Return what a step does, for people."""
    words = {Create: "create", Replace: "replace", Delete: "delete"}
    return f"{words[type(step)]} {step_key(step)}"


async def _ask(
    access: Access, cluster: str, resources: Sequence[Resource], origins: Iterable[Origin]
) -> _Stands:
    client = Client(access)
    objects = RouteObjects(client, cluster)
    try:
        ours = [one async for one in objects.list(resources)]
        others = [one async for one in objects.list_others(resources)]
        found = {one: await objects.read_entry(one.namespace, one.name) for one in origins}
    except ApiError as error:
        error.hint = remedy_of(error, ROLES)
        raise
    finally:
        await client.close()
    return _Stands(ours, others, {one: entry for one, entry in found.items() if entry})


def kept_resources(config: Config) -> tuple[Resource, ...]:
    """Return the kinds that a server keeps in its own cluster."""
    return _resources(config, config.cluster) if config.routing.apply else ()


def _resources(config: Config, cluster: str) -> tuple[Resource, ...]:
    return written_resources(
        routes=has_routes(config, cluster), replicas=config.routing.replicate_services
    )


def _tell_taken(
    others: Iterable[Holder], wanted: Mapping[ObjectKey, Document], cluster: str
) -> list[Finding]:
    """Return which documents objects that are not ours have the names of."""
    taken = [tell_taken(one, wanted[one.key]) for one in others if one.key in wanted]
    return [to_finding(one, cluster) for one in taken]


async def _take(
    access: Access,
    cluster: str,
    steps: Sequence[Step],
    tell: Callable[[Done], None],
    *,
    dry_run: bool,
) -> int:
    client, failures = Client(access), 0
    objects = RouteObjects(client, cluster)
    try:
        for step in steps:
            try:
                await objects.take(step, dry_run=dry_run)
            except ApiError as error:
                failures += 1
                tell(Done(step, error, remedy_of(error, ROLES)))
            else:
                tell(Done(step))
    finally:
        await client.close()
    return failures
