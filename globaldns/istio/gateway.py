"""The one Gateway by which an east-west gateway takes calls that name hosts of our zones."""

from __future__ import annotations

from globaldns.exports.service_entry import MULTICLUSTER_PORT
from globaldns.istio.documents import Document, make_document
from globaldns.istio.settings import RouteSettings
from globaldns.model.place import Place

GATEWAY_NAME = "globaldns-eastwest"


def gateway_place(settings: RouteSettings) -> Place:
    """Return where it stands."""
    return Place(settings.namespace, GATEWAY_NAME)


def make_gateway(settings: RouteSettings) -> Document:
    """Return it, for a cluster that exports anything."""
    server = {
        "port": {"number": MULTICLUSTER_PORT, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": [f"*.{zone}" for zone in settings.zones],
    }
    spec = {"selector": {"istio": "eastwestgateway"}, "servers": [server]}
    return make_document("Gateway", gateway_place(settings), settings.cluster, spec)
