"""Who may, what fails on purpose, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.kube.apiserver.resources import Resource
from tests.kube.apiserver.statuses import REASONS, ApiError, named

PUBLIC = {"/version", "/readyz", "/livez", "/healthz"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in the API server's words; ``resource`` is ``plural.group``."""

    verb: str
    """get, list, watch, create, update, patch, delete, deletecollection."""
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    user_agent: str = ""

    @property
    def full(self) -> str:
        """``plural`` or ``plural/status``, as RBAC names it."""
        plural = self.resource.partition(".")[0]
        return f"{plural}/{self.subresource}".rstrip("/")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which requests: ``*`` is any; a resource may be without its group; no namespace is ``""``."""

    verb: str = "*"
    resource: str = "*"
    namespace: str = "*"
    user: str = "*"

    def fits(self, asked: Asked, user: str = "*") -> bool:
        plural = asked.resource.partition(".")[0]
        return (
            self.verb in {"*", asked.verb}
            and self.resource in {"*", plural, asked.resource, asked.full}
            and self.namespace in {"*", asked.namespace}
            and self.user in {"*", user}
        )


@dataclass(slots=True)
class Fault:
    """Requests that fail: a status, or 0 for a connection that is reset."""

    pattern: Pattern
    code: int
    left: int
    retry_after: int | None = None

    def error(self) -> ApiError:
        after = {} if self.retry_after is None else {"retryAfterSeconds": self.retry_after}
        return ApiError(self.code, REASONS.get(self.code, "failed on purpose"), details=after)


class Access:
    """Tokens, rules and faults, all of them a test's to change."""

    def __init__(self, token: str) -> None:
        self.tokens = {token: "admin"}
        self.denied: list[Pattern] = []
        self.faults: list[Fault] = []

    def user_of(self, authorization: str) -> str:
        """Return who has a bearer token.

        Raises:
            ApiError: 401, nobody has it.
        """
        if not authorization:
            return "system:anonymous"
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token not in self.tokens:
            raise ApiError(401, "Unauthorized")
        return self.tokens[token]

    def take_fault(self, asked: Asked) -> Fault | None:
        """Return the fault that a request runs into, one time less."""
        for fault in self.faults:
            if fault.pattern.fits(asked):
                fault.left -= 1
                if fault.left == 0:
                    self.faults.remove(fault)
                return fault
        return None

    def is_allowed(self, asked: Asked, user: str) -> bool:
        if user == "system:anonymous":
            return False
        return not any(pattern.fits(asked, user) for pattern in self.denied)

    def authorize(self, asked: Asked, user: str) -> None:
        """Let a request pass.

        Raises:
            ApiError: 403.
        """
        if self.is_allowed(asked, user):
            return
        what = asked.resource + (f' "{asked.name}"' if asked.name else "")
        group = asked.resource.partition(".")[2]
        where = (
            f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        )
        can = f'User "{user}" cannot {asked.verb} resource "{asked.full}" in API group "{group}"'
        message = f"{what} is forbidden: {can} {where}"
        raise ApiError(403, message, details=named(asked.resource, asked.name))


def review(access: Access, spec: Mapping[str, Mapping[str, str]], user: str) -> bool:
    """Whether a SelfSubjectAccessReview is allowed."""
    wanted = spec.get("resourceAttributes", {})
    resource = Resource(wanted.get("group", ""), (), wanted.get("resource", ""), "").id
    return access.is_allowed(
        Asked(
            wanted.get("verb", ""),
            resource,
            wanted.get("namespace", ""),
            wanted.get("name", ""),
            wanted.get("subresource", ""),
        ),
        user,
    )
