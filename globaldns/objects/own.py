"""Our own objects (globaldns.io/v1alpha1): VIPLedger, GlobalService, ClusterFence."""

from __future__ import annotations

from typing import ClassVar

from globaldns.objects.metadata import LabelledMetadata, Resource, Slim, Time


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


class VIPLedger(Resource, frozen=True):
    """What a cluster remembers of its VIPs, or a shard of it."""

    kind: ClassVar[str] = "VIPLedger"

    spec: VIPLedgerSpec


class GlobalServiceSpec(Slim, frozen=True, forbid_unknown_fields=True):
    """``spec`` of a GlobalService; a person writes it, so an unknown field is a mistake."""

    pins: tuple[str, ...] = ()


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


class ClusterFence(Resource, frozen=True):
    """A word on whether a cluster's exports count."""

    kind: ClassVar[str] = "ClusterFence"
    is_namespaced: ClassVar[bool] = False

    spec: ClusterFenceSpec
