"""What Istio refuses of a WorkloadEntry, alone or as an endpoint of a ServiceEntry.

Standards:
    Istio pkg/config/validation ``ValidateWorkloadEntry`` and the CRD's own rules
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from globaldns.exports.problem import Problem, warning
from globaldns.objects.istio import WorkloadEntrySpec

UNIX = "unix://"
MAX_PORT = 65535
MAX_WEIGHT = 2**32 - 1
"""The CRD's, and Envoy's for the sum of all."""
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""A DNS-1123 subdomain, as the names of ServiceAccounts are."""
_LOCALITY = re.compile(r"[^\s/]+(/[^\s/]+){0,2}")


def refuse_workload(workload: WorkloadEntrySpec, path: str) -> Iterator[Problem]:
    """Yield all that is wrong with a workload, wherever it stands."""
    if not workload.address:
        if not workload.network:
            yield Problem(
                "endpoint-address",
                f"{path}.address",
                "has neither address nor network",
                "write where it can be reached",
            )
    elif workload.address.startswith(UNIX):
        yield from _refuse_socket(workload, path)
    if not 0 <= workload.weight <= MAX_WEIGHT:
        reason = f"weight {workload.weight} is not in 0..{MAX_WEIGHT}"
        yield Problem("endpoint-weight", f"{path}.weight", reason)
    for name, number in workload.ports.items():
        if not 1 <= number <= MAX_PORT:
            yield Problem(
                "port-range", f"{path}.ports.{name}", f"port {number} is not in 1..{MAX_PORT}"
            )


def warn_workload(workload: WorkloadEntrySpec, path: str) -> Iterator[Problem]:
    """Yield what Istio takes of a workload and what means nothing to it."""
    if workload.locality and not _LOCALITY.fullmatch(workload.locality):
        yield warning(
            "endpoint-locality",
            f"{path}.locality",
            f"{workload.locality!r} is no locality: no client is near it",
            "write it like region/zone/subzone",
        )
    if workload.service_account and not _NAME.fullmatch(workload.service_account):
        yield warning(
            "endpoint-account",
            f"{path}.serviceAccount",
            f"{workload.service_account!r} is no name of a ServiceAccount: clients will not accept "
            "the workload",
            "write its name alone, without namespace",
        )


def _refuse_socket(workload: WorkloadEntrySpec, path: str) -> Iterator[Problem]:
    socket = workload.address.removeprefix(UNIX)
    if socket[:1] not in {"/", "@"} or socket.endswith("/"):
        yield Problem(
            "endpoint-address",
            f"{path}.address",
            f"{workload.address!r} is no absolute or abstract socket",
            "write unix:///path or unix://@name",
        )
    if workload.ports:
        yield Problem("unix-ports", f"{path}.ports", "a unix socket has no ports")
