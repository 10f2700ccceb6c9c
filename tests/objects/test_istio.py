"""ServiceEntry and WorkloadEntry as Istio's documents write them."""

from __future__ import annotations

import msgspec
import pytest

from globaldns.model.export import Location, Resolution
from globaldns.objects.istio import (
    AllocatedAddress,
    ServiceEntry,
    ServiceEntrySpec,
    ServiceEntryStatus,
    ServicePort,
    WorkloadEntry,
    WorkloadEntrySpec,
    WorkloadSelector,
)

METADATA = {"name": "a", "namespace": "ns"}


def test_every_field_of_a_service_entry_is_read_under_istios_name() -> None:
    found = msgspec.convert(
        {
            "metadata": METADATA,
            "spec": {
                "hosts": ["a.ns.global"],
                "addresses": ["240.0.0.5"],
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}],
                "location": "MESH_INTERNAL",
                "resolution": "STATIC",
                "endpoints": [{"address": "10.0.0.1", "serviceAccount": "a"}],
                "workloadSelector": {"labels": {"app": "a"}},
                "exportTo": ["."],
            },
            "status": {"addresses": [{"value": "240.240.0.9", "host": "a.ns.global"}]},
        },
        ServiceEntry,
    )
    assert found.spec == ServiceEntrySpec(
        hosts=("a.ns.global",),
        addresses=("240.0.0.5",),
        ports=(ServicePort(80, "http", "HTTP", 8080),),
        location=Location.MESH_INTERNAL,
        resolution=Resolution.STATIC,
        endpoints=(WorkloadEntrySpec("10.0.0.1", service_account="a"),),
        workload_selector=WorkloadSelector({"app": "a"}),
        export_to=(".",),
    )
    assert found.status == ServiceEntryStatus((AllocatedAddress("240.240.0.9", "a.ns.global"),))


def test_what_a_service_entry_does_not_say_is_as_istio_takes_it() -> None:
    found = msgspec.convert(
        {"metadata": METADATA, "spec": {"ports": [{"number": 1}]}}, ServiceEntry
    )
    assert (found.spec.location, found.spec.resolution) == (
        Location.MESH_EXTERNAL,
        Resolution.NONE,
    )
    assert found.spec.ports == (ServicePort(1, target_port=0),)
    assert (found.spec.workload_selector, found.status) == (None, None)


def test_every_field_of_a_workload_entry_is_read_under_istios_name() -> None:
    spec = {
        "address": "10.0.0.1",
        "ports": {"http": 8080},
        "labels": {"app": "a"},
        "network": "n1",
        "locality": "eu/1/a",
        "weight": 3,
        "serviceAccount": "a",
    }
    found = msgspec.convert({"metadata": METADATA, "spec": spec}, WorkloadEntry)
    assert msgspec.to_builtins(found.spec) == spec


@pytest.mark.parametrize("kind", [ServiceEntry, WorkloadEntry])
def test_an_entry_without_a_spec_is_none(kind: type[ServiceEntry | WorkloadEntry]) -> None:
    with pytest.raises(msgspec.ValidationError, match="spec"):
        msgspec.convert({"metadata": METADATA}, kind)
