"""What Istio refuses of a WorkloadEntry, alone or as an endpoint of a ServiceEntry.

Standards:
    Istio pkg/config/validation ``ValidateWorkloadEntry`` and the CRD's own rules
"""

from __future__ import annotations

from collections.abc import Iterator

from globaldns.exports.problem import Problem
from globaldns.objects.istio import WorkloadEntrySpec

UNIX = "unix://"
MAX_PORT = 65535


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
    if workload.weight < 0:
        yield Problem("endpoint-weight", f"{path}.weight", "a weight may not be negative")
    for name, number in workload.ports.items():
        if not 1 <= number <= MAX_PORT:
            yield Problem(
                "port-range", f"{path}.ports.{name}", f"port {number} is not in 1..{MAX_PORT}"
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
