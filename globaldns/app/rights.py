"""Whether our cluster may be written as configured, by the account that the configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from itertools import groupby

import msgspec

from globaldns.app.applying import kept_resources
from globaldns.app.membership import listed_access
from globaldns.apply import objects as global_services
from globaldns.apply.routes import objects as routes
from globaldns.config.schema import Config
from globaldns.errors import ApiError, ApiRefused
from globaldns.kube import lease
from globaldns.kube.client import Client
from globaldns.kube.resources import (
    GLOBAL_SERVICES,
    LEASES,
    NAMESPACES,
    SERVICES,
    VIP_LEDGERS,
    Resource,
    find_version,
)
from globaldns.kube.rights import Right, has_right
from globaldns.model.finding import Finding, Severity

CODE = "ledger-unwritable"
_FOLLOWED = ("get", "list", "watch")


class Need(msgspec.Struct, frozen=True):
    """Rights everywhere that it takes to write something."""

    rights: tuple[Right, ...]
    severity: Severity
    code: str
    lack: str
    """What is missing without them."""
    roles: str


def ledger_findings(config: Config) -> tuple[Finding, ...]:
    """Return why the replicas of our cluster cannot write its ledger, asking its API server.

    One that does not answer is told where it is read.
    """
    access = listed_access(config.clusters[config.cluster].source)
    if config.vips.ledger.kubernetes is None or access is None:
        return ()
    return asyncio.run(_look(Client(access), config))


def needed_rights(namespace: str) -> tuple[Right, ...]:
    """Return all that it takes to write a ledger: objects, and the Lease of who does it."""
    return (
        Right("get", LEASES, namespace, lease.NAME),
        Right("create", LEASES, namespace),
        Right("update", LEASES, namespace, lease.NAME),
        Right("get", VIP_LEDGERS, namespace),
        Right("create", VIP_LEDGERS, namespace),
        Right("update", VIP_LEDGERS, namespace),
        Right("delete", VIP_LEDGERS, namespace),
    )


async def _look(client: Client, config: Config) -> tuple[Finding, ...]:
    try:
        await _get_namespace(client, config.namespace)
        lacking = await _find_lacking(client, needed_rights(config.namespace))
    except ApiRefused as error:
        return () if error.status != HTTPStatus.NOT_FOUND else (_tell_missing(config),)
    except ApiError:
        return ()
    finally:
        await client.close()
    return tuple(_tell_lacking(lacking, config))


async def _get_namespace(client: Client, namespace: str) -> None:
    """Make sure that a namespace is there, as far as we may know.

    Raises:
        ApiError: it is not, or there is no answer.
    """
    try:
        await client.get(NAMESPACES.path("v1", name=namespace))
    except ApiRefused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise


def _tell_missing(config: Config) -> Finding:
    return Finding(
        Severity.ERROR,
        CODE,
        "is not there, so that no ledger can be: no new name gets a VIP",
        object=f"Namespace {config.namespace}",
        hint=f"kubectl create namespace {config.namespace}, or correct the key namespace",
        cluster=config.cluster,
    )


def writing_findings(config: Config) -> tuple[Finding, ...]:
    """Return which routes, Services and GlobalServices may not be written, asking the API server.

    One that does not answer is told where it is read; kinds that it does not have are passed over.
    """
    access = listed_access(config.clusters[config.cluster].source)
    if access is None:
        return ()
    return asyncio.run(_look_at_needs(Client(access), config))


def needs(config: Config) -> Iterator[Need]:
    """Yield what it takes to write all that a server writes into our cluster beside its ledger."""
    kept = kept_resources(config)
    for resource in kept:
        lack = "what other clusters serve has no route as it should be"
        rights = _everywhere(resource, *_FOLLOWED, "create", "update", "delete")
        if resource == SERVICES:
            lack = "names of Services that this cluster lacks do not resolve in it"
            rights += _everywhere(NAMESPACES, "create")
        yield Need(rights, Severity.ERROR, "routes-unwritable", lack, routes.ROLES)
    rights = _everywhere(GLOBAL_SERVICES, *_FOLLOWED, "create", "patch", "delete")
    status = Right("patch", GLOBAL_SERVICES, "", subresource="status")
    yield Need(
        (*rights, status),
        Severity.WARNING,
        "globalservices-unwritable",
        "kubectl get globalservices does not show what is served",
        global_services.ROLES,
    )


def _everywhere(resource: Resource, *verbs: str) -> tuple[Right, ...]:
    return tuple(Right(verb, resource, "") for verb in verbs)


async def _look_at_needs(client: Client, config: Config) -> tuple[Finding, ...]:
    try:
        found = await asyncio.gather(*(_look_at_need(client, one, config) for one in needs(config)))
    except ApiError:
        return ()
    finally:
        await client.close()
    return tuple(finding for findings in found for finding in findings)


async def _look_at_need(client: Client, need: Need, config: Config) -> list[Finding]:
    if await find_version(client, need.rights[0].resource) is None:
        return []
    lacking = await _find_lacking(client, need.rights)
    return [
        Finding(
            need.severity,
            need.code,
            f"our account may not {verbs} it in all namespaces: {need.lack}",
            object=what,
            hint=f"bind roles {need.roles} of deploy/README.md to the account",
            cluster=config.cluster,
        )
        for what, verbs in _by_resource(lacking)
    ]


async def _find_lacking(client: Client, rights: Sequence[Right]) -> list[Right]:
    answers = await asyncio.gather(*(has_right(client, one) for one in rights))
    return [right for right, answer in zip(rights, answers, strict=True) if not answer]


def _by_resource(rights: Iterable[Right]) -> Iterator[tuple[str, str]]:
    """Yield of what they are rights, and the verbs."""
    for what, those in groupby(rights, lambda right: right.what):
        yield what, ", ".join(right.verb for right in those)


def _tell_lacking(lacking: Iterable[Right], config: Config) -> Iterator[Finding]:
    for what, verbs in _by_resource(lacking):
        yield Finding(
            Severity.ERROR,
            CODE,
            f"our account may not {verbs} it in namespace {config.namespace}: no new name gets a "
            "VIP while no replica may",
            object=what,
            hint="bind roles globaldns-ledger-writer and, to get it, globaldns-ledger-reader of "
            "deploy/README.md to the account",
            cluster=config.cluster,
        )
