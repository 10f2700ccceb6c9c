"""Remote secrets: kubeconfigs of other clusters, from Secrets or from a directory of files. Pure.

Standards:
    Istio ``istioctl create-remote-secret``: label ``istio/multiCluster=true``; each key of ``data``
    is a cluster's id, its value a kubeconfig
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from globaldns.config.kinds import ClusterId
from globaldns.config.texts import TEXTS
from globaldns.errors import InvalidValue, KubeconfigError
from globaldns.kube.kubeconfig import Access, check_foreign, check_servers, parse_kubeconfig
from globaldns.model.finding import Finding, Severity

LABEL = "istio/multiCluster=true"
_OWN = "it has the id of our own cluster, which is read without it"
_OWN_HINT = "if it leads to another cluster, one of the two has a wrong id: see the key cluster"


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    created: str = msgspec.field(default="", name="creationTimestamp")


class SecretObject(msgspec.Struct):
    """A Secret, as far as it is read."""

    metadata: _Meta
    data: dict[str, str] | None = None

    def __repr__(self) -> str:
        """Return what may stand in a log: never the data."""
        return f"SecretObject({self.metadata.name})"


class Refused(msgspec.Struct, frozen=True, order=True):
    """A kubeconfig that is not used."""

    place: str
    """``Secret namespace/name``, or ``Kubeconfig path``."""
    cluster: str
    reason: str
    hint: str = ""
    is_harmless: bool = False
    """Whether nothing is missed for it: its cluster is read another way."""

    @property
    def kind(self) -> str:
        """What it stands in."""
        return self.place.partition(" ")[0]


class RemoteSettings(msgspec.Struct, frozen=True):
    """Where remote secrets are."""

    own: str
    """Our own cluster's id."""
    access: Access | None
    """How our own API server is reached; None: there is none."""
    namespace: str
    directory: Path | None = None
    may_run: bool = False

    @property
    def are_there(self) -> bool:
        """Whether there can be any."""
        return self.access is not None or self.directory is not None


class RemoteClusters(msgspec.Struct, frozen=True):
    """What remote secrets say."""

    access: Mapping[str, Access]
    """By cluster's id."""
    refused: tuple[Refused, ...] = ()

    def reach(self, cluster: str) -> Access | Refused | None:
        """Return how a cluster's API server is reached, or why nobody says so."""
        named = (one for one in self.refused if one.cluster == cluster and not one.is_harmless)
        unread = (one for one in self.refused if not one.cluster)
        return self.access.get(cluster) or next(named, None) or next(unread, None)


class Kubeconfig(msgspec.Struct, frozen=True):
    """A kubeconfig as it was found."""

    place: str
    cluster: str
    text: str | None
    """None: it is no text."""

    def __repr__(self) -> str:
        """Return what may stand in a log: never the text."""
        return f"Kubeconfig({self.cluster} in {self.place})"


_decoder = msgspec.json.Decoder(SecretObject)


def decode_secret(data: bytes | msgspec.Raw) -> SecretObject | None:
    """Return a Secret; None: it is none."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        return None


def kubeconfigs(secrets: Iterable[SecretObject]) -> Iterator[Kubeconfig]:
    """Yield what Secrets hold, those that were made first first."""
    for secret in sorted(secrets, key=lambda one: (one.metadata.created, one.metadata.name)):
        for cluster, encoded in sorted((secret.data or {}).items()):
            place = f"Secret {secret.metadata.namespace}/{secret.metadata.name}"
            yield Kubeconfig(place, cluster, _decode(encoded))


def _decode(encoded: str) -> str | None:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def find_clusters(found: Iterable[Kubeconfig], *, own: str, may_run: bool) -> RemoteClusters:
    """Return the clusters of kubeconfigs: of two for one cluster the first counts.

    One of our own cluster is harmless: ``istioctl`` users make one for each and apply all.
    """
    access: dict[str, Access] = {}
    refused: list[Refused] = []
    places: dict[str, str] = {}
    for one in found:
        if one.cluster == own:
            refused.append(Refused(one.place, own, _OWN, _OWN_HINT, is_harmless=True))
            continue
        if one.cluster in places:
            reason = f"cluster {one.cluster!r} is in {places[one.cluster]} too, which counts"
            hint = "remove one of the two"
            refused.append(Refused(one.place, one.cluster, reason, hint, is_harmless=True))
            continue
        places[one.cluster] = one.place
        try:
            access[one.cluster] = _check(one, may_run=may_run)
        except KubeconfigError as error:
            refused.append(Refused(one.place, one.cluster, str(error), error.hint))
    return RemoteClusters(access, tuple(refused))


def report_refusals(refused: Iterable[Refused], *, own: str) -> Iterator[Finding]:
    """Yield what is wrong with kubeconfigs, as findings about our own cluster's objects."""
    for one in refused:
        whose = f"cluster {one.cluster!r} is not read by it: " if one.cluster else ""
        yield Finding(
            Severity.WARNING if one.is_harmless else Severity.ERROR,
            "remote-secret",
            f"{whose}{one.reason}",
            object=one.place,
            hint=one.hint,
            cluster=own,
        )


def _check(found: Kubeconfig, *, may_run: bool) -> Access:
    """Return the way to a cluster.

    Raises:
        KubeconfigError: there is none, or one that may not be gone.
    """
    try:
        TEXTS[ClusterId].parse(found.cluster)
    except InvalidValue as error:
        raise KubeconfigError(str(error), hint=error.hint) from None
    if found.text is None:
        raise KubeconfigError("it is no base64 of UTF-8")
    config = parse_kubeconfig(found.text)
    check_servers(config)
    if not may_run:
        check_foreign(config)
    return Access(text=found.text, may_run=may_run)
