from __future__ import annotations

import pytest
import yaml
from msgspec.structs import replace

from globaldns.config.routing import Sni
from globaldns.istio.gateway import Exposure, Incoming, make_gateway
from globaldns.model.address import parse_address
from globaldns.model.export import ExportKind, Location
from globaldns.model.host import Host
from globaldns.model.service import Service
from tests.istio.sites import settings
from tests.routing.meshes import EXPORTS, endpoint, export, service

VM = replace(
    service(
        export("c1a", endpoint("10.0.0.1", "n1")),
        export("c2a", endpoint("20.0.0.1", "n2"), kind=ExportKind.SERVICE_ENTRY),
    ),
    host=Host("vm.shop"),
)


def exposed(*services: Service, cluster: str = "c2a", sni: Sni = Sni.CLIENT) -> tuple[str, ...]:
    where = settings(zones=("global", "mesh"), sni=sni)
    return Exposure(Incoming(frozenset({cluster}), where), services).hosts


def test_in_gateway_mode_what_exports_anything_has_all_zones() -> None:
    assert exposed(service(*EXPORTS), sni=Sni.GATEWAY) == ("*.global", "*.mesh")
    assert exposed(service(*EXPORTS), cluster="c9", sni=Sni.GATEWAY) == ()
    routes = (replace(one, kind=ExportKind.ROUTE) for one in EXPORTS)
    assert exposed(service(*routes), sni=Sni.GATEWAY) == ()


def test_in_client_mode_who_exports_it_has_what_cannot_be_called_as_a_service() -> None:
    moved = replace(VM, zones=("global", "mesh"), former=(parse_address("240.128.0.9"),))
    services = (service(*EXPORTS), moved)
    assert exposed(*services, cluster="c1a") == exposed(*services, cluster="c2a")
    assert exposed(*services) == (
        "vm.shop.240-128-0-9.former.global",
        "vm.shop.240-128-0-9.former.mesh",
        "vm.shop.global",
        "vm.shop.mesh",
    )
    assert exposed(*services, cluster="c2b") == ()


def test_an_entry_has_its_host_before_and_after_it_has_workloads_behind_a_gateway() -> None:
    entry = export("c2a", kind=ExportKind.SERVICE_ENTRY)
    both = replace(VM, contributions=(VM.contributions[0], entry))
    assert exposed(both, cluster="c1a") == exposed(both) == ("vm.shop.global",)
    assert exposed(replace(both, host=Host("*.shop"))) == ()
    outside = replace(entry, location=Location.MESH_EXTERNAL)
    assert exposed(replace(VM, contributions=(outside,))) == ()


@pytest.mark.parametrize("sni", Sni)
def test_what_is_let_through_follows_services_and_is_told_only_when_it_changes(sni: Sni) -> None:
    incoming = Incoming(frozenset({"c2a"}), settings(sni=sni))
    exposure = Exposure(incoming, ())
    vm, other = VM, replace(VM, host=Host("db.shop"))
    elsewhere = replace(VM, contributions=EXPORTS[:1], host=Host("far.shop"))
    assert not exposure.take_in((elsewhere,))
    for turn, removed in (((vm,), ()), ((other,), ()), ((), (vm.host,)), ((), (other.host,))):
        before = exposure.hosts
        assert exposure.take_in(turn, removed) is (exposure.hosts != before)
        assert not exposure.take_in(turn, removed)
    assert exposure.hosts == ()
    assert exposure.take_in((vm, other))
    assert exposure.hosts == Exposure(incoming, (other, vm)).hosts
    assert not exposure.take_in((replace(vm, changed_at=9), elsewhere), (Host("gone.shop"),))
    assert exposure.take_in((replace(vm, contributions=EXPORTS[:1]),)) is (sni is Sni.CLIENT)
    assert exposure.hosts == (("*.global",) if sni is Sni.GATEWAY else ("db.shop.global",))


def test_a_gateway_lets_hosts_through() -> None:
    made = make_gateway(settings(cluster="east"), ("*.global", "*.mesh"))
    assert made == yaml.safe_load("""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: globaldns-eastwest
  namespace: globaldns
  labels: {globaldns.io/owned-by: east}
spec:
  selector: {istio: eastwestgateway}
  servers:
  - port: {number: 15443, name: tls, protocol: TLS}
    tls: {mode: AUTO_PASSTHROUGH}
    hosts: ["*.global", "*.mesh"]
""")
