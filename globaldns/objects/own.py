"""Our own objects (globaldns.io/v1alpha1): VIPLedger, GlobalService, ClusterFence."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from globaldns.model.fingerprint import Fingerprint
from globaldns.objects.metadata import LabelledMetadata, Resource, Slim, Time


class LedgerRole(StrEnum):
    """``spec.role``: in what capacity a cluster holds the claims of a VIPLedger."""

    OWN = "own"
    """They are its own."""
    DEPUTY = "deputy"
    """It makes them for ``spec.cluster``, which keeps no ledger."""
    COPY = "copy"
    """They are a private copy of what the ledger of ``spec.cluster`` says."""
    FORMER = "former"
    """They are a private copy of what a ledger said that ``spec.cluster`` has lost."""


class LedgerMarker(Slim, frozen=True):
    """``spec.marker``: which ledger this is."""

    id: str
    created: Time


class VIPLedgerSpec(Slim, frozen=True):
    """``spec`` of a VIPLedger."""

    cluster: str
    marker: LedgerMarker
    data: str = ""
    """A line per claim."""
    role: LedgerRole = LedgerRole.OWN
    settings: Fingerprint = Fingerprint()
    """What its writer has configured and all must have alike."""
    uids: dict[str, str] = msgspec.field(default_factory=dict)
    """By cluster's id, the UID of the kube-system namespace of the one that it stands for."""


class VIPLedger(Resource, frozen=True):
    """What a cluster remembers of its VIPs, or a shard of it."""

    kind: ClassVar[str] = "VIPLedger"

    spec: VIPLedgerSpec


class LostNamesAges(Slim, frozen=True, forbid_unknown_fields=True):
    """Times since the last contact with a cluster, written like ``60s`` or ``1h``."""

    expire: str | None = None


class LostEndpointsAges(Slim, frozen=True, forbid_unknown_fields=True):
    """The same."""

    demote: str | None = None
    expire: str | None = None


class LostNamesWord(StrEnum):
    """What becomes of a lost cluster's names."""

    KEEP = "keep"
    DROP = "drop"


class LostEndpointsWord(StrEnum):
    """What becomes of a lost cluster's endpoints."""

    KEEP = "keep"
    DEMOTE = "demote"
    DROP = "drop"


class LostSpec(Slim, frozen=True, forbid_unknown_fields=True):
    """``spec.lost``: what becomes of what lost clusters offer of this service."""

    names: LostNamesWord | LostNamesAges | None = None
    endpoints: LostEndpointsWord | LostEndpointsAges | None = None


class GlobalServiceSpec(Slim, frozen=True, forbid_unknown_fields=True):
    """``spec`` of a GlobalService; a person writes it, so an unknown field is a mistake."""

    pins: tuple[str, ...] = ()
    lost: LostSpec | None = None
    renumber: Time | None = None
    """When a person wanted the service to have another VIP."""


class GlobalService(Resource, frozen=True):
    """What people want of the service of the same namespace and name."""

    kind: ClassVar[str] = "GlobalService"

    metadata: LabelledMetadata
    spec: GlobalServiceSpec = GlobalServiceSpec()


class ClusterFenceSpec(Slim, frozen=True, forbid_unknown_fields=True):
    """``spec`` of a ClusterFence; a person writes it too."""

    cluster: str
    at: Time
    fenced: bool = True
    uid: str = ""
    """Of the kube-system namespace of the rebuilt cluster that is taken for the one before."""


class ClusterFence(Resource, frozen=True):
    """A word on a cluster: whether its exports count, and which one it is since it was rebuilt."""

    kind: ClassVar[str] = "ClusterFence"
    is_namespaced: ClassVar[bool] = False

    spec: ClusterFenceSpec
