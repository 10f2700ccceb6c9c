"""The keys of what a cluster's own DNS is told of us."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from globaldns.config.kinds import Section, WholeSeconds


class ForeignNames(StrEnum):
    """What becomes of names in a zone of ours that are not ours."""

    NXDOMAIN = "nxdomain"
    FALLTHROUGH = "fallthrough"


class StubSettings(Section, frozen=True):
    """What the cluster's own DNS is told of our zones."""

    manage: bool = False
    """Keep it so in our own cluster, if that is read from an API server; else `globaldns stub
    install` does it, once."""
    reverse: bool = False
    """The reverse zones of vips.pools too; they fall through where all zones do."""
    cache: Annotated[WholeSeconds, Meta(ge=0, le=3600)] = WholeSeconds(30)
    """How long it keeps answers at most; 0s: not at all."""
    force_tcp: bool = False
    """It asks us over TCP."""
