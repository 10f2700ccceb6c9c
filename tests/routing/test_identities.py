from __future__ import annotations

from globaldns.model.lost import Standing
from globaldns.routing.identities import identities
from tests.routing.meshes import endpoint, export, service


def test_the_workloads_of_all_clusters_that_take_mutual_tls_are_named() -> None:
    web = service(
        export("c1", endpoint("10.0.0.1", "n1", service_account="web"), endpoint("10.0.0.2", "")),
        export("c2", endpoint("10.0.0.3", "n2", service_account="other")),
        export("c3", endpoint("10.0.0.4", "n3", service_account="plain", mutual=False)),
        export("c4", endpoint("10.0.0.5", "n4", service_account="unready", ready=False)),
        export("c5", endpoint("10.0.0.6", "n4", service_account="dropped")),
        export("c6", endpoint("10.0.0.7", "n4", service_account="demoted")),
        standings={"c5": Standing.DROPPED, "c6": Standing.DEMOTED},
    )
    assert identities(web, "mesh.example") == (
        "spiffe://mesh.example/ns/shop/sa/default",
        "spiffe://mesh.example/ns/shop/sa/demoted",
        "spiffe://mesh.example/ns/shop/sa/other",
        "spiffe://mesh.example/ns/shop/sa/web",
    )
