"""How far what is wanted of a host has come to stand."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Stage(StrEnum):
    """Whether it stands."""

    WRITTEN = "written"
    PENDING = "pending"
    REFUSED = "refused"
    """Something of it is not taken: it is tried again and again."""
    NONE = "none"
    """Nothing is wanted, and nothing stands."""


class Progress(msgspec.Struct, frozen=True):
    """How far it is now."""

    stage: Stage
    seconds: float | None = None
    """For how long there has been something to do."""
    reason: str = ""
