"""What must be configured alike in all clusters, as short texts that tell whether it is."""

from __future__ import annotations

import msgspec


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """A digest of each setting; an empty one was not published."""

    pools: str = ""
    zones: str = ""
    allow: str = ""
    quarantine: str = ""

    def differing(self, other: Fingerprint) -> tuple[str, ...]:
        """Return the settings that both say, and that are not the same."""
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in FIELDS)
        return tuple(name for name, ours, theirs in pairs if ours and theirs and ours != theirs)


FIELDS = Fingerprint.__struct_fields__
