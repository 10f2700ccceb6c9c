"""The routes of a cluster beside what stands in its API server: what differs, and making it so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from globaldns.app.membership import listed_access
from globaldns.app.reaching import find_members
from globaldns.app.routes import ClusterRoutes, has_routes
from globaldns.apply.routes.comparison import amend, is_same, spec_of
from globaldns.apply.routes.objects import RouteObjects, written_resources
from globaldns.apply.routes.patience import Create, Delete, Replace, Step, step_key
from globaldns.apply.routes.standing import Document, Standing, key_of
from globaldns.apply.routes.taken import tell_taken
from globaldns.config.kinds import ClusterId
from globaldns.config.schema import Config
from globaldns.errors import ApiError, RequestRefused
from globaldns.istio.notices import to_finding
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.kube.resources import Resource
from globaldns.model.finding import Finding
from globaldns.objects.metadata import ObjectKey

logger = logging.getLogger(__name__)

ASK_SECONDS = 20.0
"""For all that a person who checks waits for."""


class Comparison(msgspec.Struct, frozen=True):
    """What differs in a cluster."""

    steps: list[Step]
    """In the order of its objects."""
    findings: list[Finding]
    """Which of them cannot be done, because an object that is not ours has the name."""


class Done(msgspec.Struct, frozen=True):
    """How a step went."""

    step: Step
    failure: ApiError | None = None


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


def find_steps(config: Config, access: Access, cluster: str, routes: ClusterRoutes) -> Comparison:
    """Return what is to be done for a cluster to have its routes.

    What is not wanted stays while some cluster is not known as a whole, or a gateway's name has no
    address.

    Raises:
        ApiError: what stands is not known.
    """
    resources = _resources(config, cluster)
    wanted = [document for bundle in routes.bundles for document in bundle.documents]
    found = _compare(access, cluster, resources, wanted, may_delete=routes.are_whole)
    return asyncio.run(found)


def ask_for_taken(config: Config, cluster: str, wanted: Iterable[Document]) -> list[Finding]:
    """Return which documents of a cluster objects that are not ours have the names of, if known."""
    documents, resources = {key_of(one): one for one in wanted}, _resources(config, cluster)

    async def ask(access: Access) -> list[Finding]:
        client = Client(access)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await _find_taken(RouteObjects(client, cluster), resources, documents)
        finally:
            await client.close()

    try:
        return asyncio.run(ask(find_access(config, cluster, hint="")))
    except (ApiError, RequestRefused, TimeoutError) as error:
        reason = str(error) or "it does not answer in time"
        logger.info("whether names of routes are taken is not known", extra={"reason": reason})
        return []


def compare(
    wanted: Iterable[Document], standing: Iterable[Standing], *, may_delete: bool
) -> list[Step]:
    """Return the steps from what stands to what is wanted, by object."""
    at = {one.key: one for one in standing}
    steps: dict[ObjectKey, Step] = {}
    for document in wanted:
        key = key_of(document)
        known = at.pop(key, None)
        if known is None:
            steps[key] = Create(document)
        elif not is_same(before := known.document, amended := amend(before, document)):
            steps[key] = Replace(known, amended)
    if may_delete:
        steps |= {key: Delete(one) for key, one in at.items()}
    return [steps[key] for key in sorted(steps)]


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


async def _compare(
    access: Access,
    cluster: str,
    resources: Sequence[Resource],
    wanted: Iterable[Document],
    *,
    may_delete: bool,
) -> Comparison:
    client = Client(access)
    objects = RouteObjects(client, cluster)
    try:
        standing = [one async for one in objects.list(resources)]
        steps = compare(wanted, standing, may_delete=may_delete)
        created = {step_key(one): one.document for one in steps if isinstance(one, Create)}
        return Comparison(steps, await _find_taken(objects, resources, created))
    finally:
        await client.close()


def _resources(config: Config, cluster: str) -> tuple[Resource, ...]:
    return written_resources(
        routes=has_routes(config, cluster), replicas=config.routing.replicate_services
    )


async def _find_taken(
    objects: RouteObjects, resources: Iterable[Resource], wanted: Mapping[ObjectKey, Document]
) -> list[Finding]:
    """Return which documents objects that are not ours have the names of."""
    kinds = {key.kind for key in wanted}
    others = objects.list_others(one for one in resources if one.kind in kinds)
    taken = [tell_taken(one, wanted[one.key]) async for one in others if one.key in wanted]
    return [to_finding(one, objects.cluster) for one in taken]


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
                tell(Done(step, error))
            else:
                tell(Done(step))
    finally:
        await client.close()
    return failures
