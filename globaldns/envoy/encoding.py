"""Documents as Envoy reads them: proto3 JSON of the xDS API, version 3.

Standards:
    envoy.service.discovery.v3.DiscoveryResponse
    google.protobuf.Any   ``@type`` beside the fields of the message
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec

Document = dict[str, Any]
"""One message."""

_TYPES = "type.googleapis.com/"


def typed(kind: str, **fields: Any) -> Document:
    """Return a message that says of which type it is; ``kind`` is the proto's full name."""
    return {"@type": _TYPES + kind, **fields}


def extension(name: str, kind: str, **fields: Any) -> Document:
    """Return an extension by its name, with its configuration."""
    return {"name": name, "typed_config": typed(kind, **fields)}


def encode(document: Document) -> bytes:
    """Return a message as JSON, the same octets for the same message."""
    return msgspec.json.encode(document)


def frozen(document: Document) -> msgspec.Raw:
    """Return a part of many messages, encoded once."""
    return msgspec.Raw(encode(document))


def response(resources: Iterable[bytes]) -> bytes:
    """Return a DiscoveryResponse of encoded resources; its version says what is in it."""
    body = b",\n".join(resources)
    version = blake2b(body, digest_size=8).hexdigest().encode()
    return b'{"version_info":"%s","resources":[\n%s\n]}\n' % (version, body)


def file_source(path: str) -> Document:
    """Return where resources are: a file that is replaced by renaming another to its name.

    ``watched_directory`` is left out on purpose: with it every file that is renamed into the folder
    has all of them read again.
    """
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def address(host: str, port: int) -> Document:
    """Return an IP address, or a name, and a port; all IPv6 addresses are all of IPv4 too."""
    place: Document = {"address": host, "port_value": port}
    if host == "::":
        place["ipv4_compat"] = True
    return {"socket_address": place}
