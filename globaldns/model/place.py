"""Where an object of ours stands: in the namespace of what it is about, or in our own."""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

from globaldns.model.host import MAX_LABEL_OCTETS

_HASH_OCTETS = 5
"""Of a million names two would have the same hash, and the same beginning too, by rare chance."""
_WILDCARD = "any"


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Namespace and name of objects."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Return ``namespace/name``."""
        return f"{self.namespace}/{self.name}"


def hashed_label(name: str) -> str:
    """Return a label for a domain name that is none, or is one of many: it ends with a hash.

    ``a-b.c`` and ``a.b-c`` are two.
    """
    digest = blake2b(name.encode(), digest_size=_HASH_OCTETS).hexdigest()
    words = re.sub(r"[^a-z0-9]+", "-", name.replace("*", _WILDCARD)).strip("-")
    return f"{words[: MAX_LABEL_OCTETS - len(digest) - 1].rstrip('-')}-{digest}"
