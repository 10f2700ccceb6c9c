"""Workloads (WorkloadEntries, inline endpoints, pods that a selector finds) as endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from globaldns.exports import marks
from globaldns.exports.context import Context
from globaldns.exports.keeping import Store
from globaldns.exports.workload_validation import UNIX
from globaldns.model.address import one_text
from globaldns.model.export import Endpoint
from globaldns.objects.istio import WorkloadEntry, WorkloadEntrySpec
from globaldns.objects.kubernetes import Node, Pod

Numbers = tuple[tuple[str, int], ...]


def own_numbers(workload: WorkloadEntrySpec, numbers: Numbers) -> Numbers:
    """Return a workload's own port numbers by the entry's port names, which are all in ``numbers``.

    Its own map comes first, then ``targetPort``, then ``number`` (Istio
    ``convertWorkloadInstanceToServiceInstance``).
    """
    if not workload.ports:
        return () if workload.address.startswith(UNIX) else numbers
    return tuple([(name, workload.ports.get(name, number)) for name, number in numbers])


def workload_endpoint(workload: WorkloadEntrySpec, numbers: Numbers, context: Context) -> Endpoint:
    """Return the endpoint that a workload with these own port numbers is."""
    share, labels = context.shared.share, workload.labels
    network = workload.network or labels.get(marks.NETWORK)
    locality = workload.locality or locality_label(labels)
    return Endpoint(
        one_text(workload.address),
        share(numbers),
        share(network) if network else context.network,
        share(locality) if locality else "",
        workload.weight,
        labels=share(tuple(sorted(labels.items()))) if labels else (),
        service_account=share(workload.service_account) if workload.service_account else "",
    )


def selected_endpoints(
    selector: Mapping[str, str], numbers: Numbers, *, namespace: str, store: Store, context: Context
) -> tuple[Endpoint, ...]:
    """Return the WorkloadEntries and pods of a namespace that a selector finds."""
    found = [
        workload_endpoint(workload, own_numbers(workload, numbers), context)
        for workload in _workload_entries(store, namespace)
        if workload.address and is_selected(workload.labels, selector)
    ]
    for name in store.names(Pod, namespace):
        pod = store.get(Pod, namespace, name)
        if pod and pod.status.pod_ip and is_selected(pod.metadata.labels, selector):
            found.append(_pod_endpoint(pod, numbers, store, context))
    return tuple(sorted(found, key=lambda endpoint: (endpoint.address, endpoint.ports)))


def is_selected(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Whether labels have all that a selector asks for."""
    return selector.items() <= labels.items()


def entry_labels(workload: WorkloadEntry) -> Mapping[str, str]:
    """Return the labels of a WorkloadEntry: those of its metadata win."""
    if not workload.spec.labels:
        return workload.metadata.labels
    return {**workload.spec.labels, **workload.metadata.labels}


def locality_label(labels: Mapping[str, str]) -> str:
    """Return the locality that a label says."""
    locality = labels.get(marks.LOCALITY)
    return locality.replace(".", "/") if locality else ""


def node_locality(node_name: str, zone: str, store: Store) -> str:
    """Return the locality of a workload on a node: the zone may be known without it."""
    node = store.get(Node, "", node_name) if node_name else None
    labels = node.metadata.labels if node else {}
    region = labels.get(marks.REGION, "")
    return f"{region}/{zone or labels.get(marks.ZONE, '')}".rstrip("/")


def is_pod_ready(pod: Pod) -> bool:
    """Whether a pod is ready; one whose conditions nobody wrote down is."""
    return all(
        condition.status == "True"
        for condition in pod.status.conditions
        if condition.type == "Ready"
    )


def _workload_entries(store: Store, namespace: str) -> Iterator[WorkloadEntrySpec]:
    for name in store.names(WorkloadEntry, namespace):
        workload = store.get(WorkloadEntry, namespace, name)
        if workload is not None:
            spec = workload.spec
            yield WorkloadEntrySpec(
                address=spec.address,
                ports=spec.ports,
                labels=entry_labels(workload),
                network=spec.network,
                locality=spec.locality,
                weight=spec.weight,
                service_account=spec.service_account,
            )


def _pod_endpoint(pod: Pod, numbers: Numbers, store: Store, context: Context) -> Endpoint:
    labels = pod.metadata.labels
    share = context.shared.share
    return Endpoint(
        pod.status.pod_ip,
        numbers,
        share(labels.get(marks.NETWORK) or context.network),
        share(locality_label(labels) or node_locality(pod.spec.node_name, "", store)),
        ready=is_pod_ready(pod),
        labels=share(tuple(sorted(labels.items()))),
        service_account=share(pod.spec.service_account_name),
    )
