"""Whether a ledger in Kubernetes may be written, by the account that the configuration names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import groupby

from globaldns.app.membership import listed_access
from globaldns.config.schema import Config
from globaldns.errors import ApiError, ApiRefused
from globaldns.kube import lease
from globaldns.kube.client import Client
from globaldns.kube.resources import LEASES, NAMESPACES, VIP_LEDGERS
from globaldns.kube.rights import Right, has_right
from globaldns.model.finding import Finding, Severity

CODE = "ledger-unwritable"


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
        needed = needed_rights(config.namespace)
        answers = await asyncio.gather(*(has_right(client, one) for one in needed))
    except ApiRefused as error:
        return () if error.status != HTTPStatus.NOT_FOUND else (_tell_missing(config),)
    except ApiError:
        return ()
    finally:
        await client.close()
    lacking = [right for right, answer in zip(needed, answers, strict=True) if not answer]
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


def _tell_lacking(lacking: Sequence[Right], config: Config) -> Iterator[Finding]:
    for resource, rights in groupby(lacking, lambda right: right.resource):
        verbs = ", ".join(right.verb for right in rights)
        yield Finding(
            Severity.ERROR,
            CODE,
            f"our account may not {verbs} it in namespace {config.namespace}: no new name gets a "
            "VIP while no replica may",
            object=str(resource),
            hint="bind roles globaldns-ledger-writer and, to get it, globaldns-ledger-reader of "
            "deploy/README.md to the account",
            cluster=config.cluster,
        )
