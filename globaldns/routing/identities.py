"""Who the workloads of a service are: what a client may demand of whom it speaks to.

Standards:
    SPIFFE-ID section 2; Istio pkg/spiffe: ``spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT``
"""

from __future__ import annotations

from globaldns.model.export import ExportKind
from globaldns.model.lost import Standing
from globaldns.model.service import Service
from globaldns.routing.horizon import MUTUAL_TLS

DEFAULT_ACCOUNT = "default"
"""The service account of a Pod that names none."""


def identities(service: Service, trust_domain: str) -> tuple[str, ...]:
    """Return the SPIFFE ids of the ready workloads that take mutual TLS, of all clusters, sorted.

    None is left out that a client may come to, by whichever gateway: a dropped cluster's are.
    """
    found = {
        (export.origin.namespace, endpoint.service_account or DEFAULT_ACCOUNT)
        for export in service.contributions
        if export.kind is not ExportKind.ROUTE
        and service.standing(export.cluster) is not Standing.DROPPED
        for endpoint in export.endpoints
        if endpoint.ready and MUTUAL_TLS in endpoint.labels
    }
    return tuple(sorted(f"spiffe://{trust_domain}/ns/{one}/sa/{sa}" for one, sa in found))
