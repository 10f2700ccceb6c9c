from __future__ import annotations

import yaml

from globaldns.istio.gateway import make_gateway
from tests.istio.sites import settings


def test_a_gateway_lets_hosts_of_all_zones_through() -> None:
    assert make_gateway(settings(zones=("global", "mesh"), cluster="east")) == yaml.safe_load("""
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
