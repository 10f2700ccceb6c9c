"""What the parts of the configuration are, by type; ``config.texts`` reads each text.

Types alone, so that the files of keys have the keys and nothing else.
"""

from __future__ import annotations

from typing import Annotated, NewType

from msgspec import Meta, Struct

Seconds = NewType("Seconds", float)
"""A duration; written ``250ms 30s 5m 7d``."""
WholeSeconds = NewType("WholeSeconds", int)
"""A duration of whole seconds, as every TTL is (RFC 2181 section 8)."""
Octets = NewType("Octets", int)
"""A size; written ``1232`` or ``64KiB``."""
Workers = NewType("Workers", int)
"""A number of processes from 1 to 99; 0 is written ``auto``."""
ListenAddress = NewType("ListenAddress", str)
"""``address:port`` or ``[address]:port``."""
ServerAddress = NewType("ServerAddress", str)
"""A ``ListenAddress`` that others know: its port is not 0."""
IpAddress = NewType("IpAddress", str)
"""An IP address."""
Cidr = NewType("Cidr", str)
"""``address/length``."""
ClusterId = NewType("ClusterId", str)
"""A cluster's id, as the label ``topology.istio.io/cluster`` may say it."""
Locality = NewType("Locality", str)
"""``region``, ``region/zone`` or ``region/zone/subzone``."""
NetworkId = NewType("NetworkId", str)
"""A network's id, as the label ``topology.istio.io/network`` may say it."""
ZoneName = NewType("ZoneName", str)
"""A domain name, lower case, without its trailing dot."""
Label = NewType("Label", str)
"""One label of a domain name."""
Pattern = NewType("Pattern", str)
"""A name in which ``*`` and ``?`` stand for others, as in a shell."""
AddressOrName = NewType("AddressOrName", str)
"""An IP address or a domain name."""
LabelValue = NewType("LabelValue", str)
"""A Kubernetes label's value."""
QualifiedName = NewType("QualifiedName", str)
"""A Kubernetes annotation's or label's key: ``prefix/name``."""
FileName = NewType("FileName", str)
"""A file's name without a directory."""
ContextName = NewType("ContextName", str)
"""A context of a kubeconfig."""
ShortText = NewType("ShortText", str)
"""At most 64 printable ASCII characters."""

PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Ttl = Annotated[WholeSeconds, Meta(ge=1, le=86400)]
"""Above a day a mistake outlives its repair."""
Wait = Annotated[Seconds, Meta(ge=0, le=3600)]
"""An hour is more than any probe or drain waits for."""
OR_ZERO = "or zero"
"""Of ``Meta.extra``: zero is no number of a range, but a word of its own."""


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping of the configuration file."""
