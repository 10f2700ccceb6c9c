"""What an account may do, as its API server says itself.

Standards:
    Kubernetes API authorization.k8s.io/v1, SelfSubjectAccessReview
"""

from __future__ import annotations

import msgspec

from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.resources import Resource

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class Right(msgspec.Struct, frozen=True):
    """Something that may be done with objects of a kind, or with one of them."""

    verb: str
    resource: Resource
    namespace: str
    """Empty: all of them."""
    name: str = ""
    """Empty: whichever."""
    subresource: str = ""

    @property
    def what(self) -> str:
        """What it is about, as ``kubectl auth can-i`` takes it."""
        return f"{self.resource}/{self.subresource}".removesuffix("/")


class _Status(msgspec.Struct):
    allowed: bool


class _Review(msgspec.Struct):
    status: _Status


_decoder = msgspec.json.Decoder(_Review)


async def has_right(client: Client, right: Right) -> bool:
    """Return whether our account has a right.

    Raises:
        ApiError: there is no answer.
    """
    resource = right.resource
    attributes = {
        "verb": right.verb,
        "group": resource.group,
        "resource": resource.plural,
        "namespace": right.namespace,
        "name": right.name,
        "subresource": right.subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    data = await client.send("POST", _PATH, msgspec.json.encode(review))
    try:
        return _decoder.decode(data).status.allowed
    except msgspec.MsgspecError as error:
        raise ApiError(f"{_PATH}: an answer that is no review: {error}") from error
