"""Errors of an API server: the ``Status`` objects that clients decide by.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


class ApiError(Exception):
    """An answer that is a ``Status`` with ``status: Failure``."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = REASONS.get(code, "") if reason is None else reason
        self.details = dict(details or {})
        self.metadata = dict(metadata or {})

    @property
    def retry_after(self) -> int | None:
        """Seconds for the ``Retry-After`` header."""
        return self.details.get("retryAfterSeconds")

    @property
    def body(self) -> dict[str, Any]:
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }
        return {key: value for key, value in status.items() if key == "metadata" or value}


class PageNotFound(Exception):
    """A path that no API serves: 404 as plain text, not a ``Status``."""


def named(resource: str, name: str = "", **more: Any) -> dict[str, Any]:
    """Details for a resource's id, ``plural.group`` or ``plural``."""
    plural, _, group = resource.partition(".")
    details = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in details.items() if value} | more


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, f'{resource} "{name}" not found', details=named(resource, name))


def already_exists(resource: str, name: str) -> ApiError:
    message = f'{resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=named(resource, name))


def conflict(resource: str, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, message, details=named(resource, name))


def terminating(resource: str, name: str, namespace: str) -> ApiError:
    being = "because it is being terminated"
    why = f"unable to create new content in namespace {namespace} {being}"
    causes = [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    message = f'{resource} "{name}" is forbidden: {why}'
    return ApiError(403, message, details=named(resource, name, causes=causes))


def invalid(resource: str, name: str, field: str, why: str, reason: str) -> ApiError:
    message = f'{resource} "{name}" is invalid: {field}: {why}'
    causes = [{"reason": reason, "message": why, "field": field}]
    return ApiError(422, message, details=named(resource, name, causes=causes))


def invalid_options(kind: str, field: str, why: str, reason: str) -> ApiError:
    return invalid(f"{kind}.meta.k8s.io", "", field, why, reason)


def field_conflicts(conflicts: Iterable[tuple[str, str]]) -> ApiError:
    """An apply that would take fields from these managers, with the path of each."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in conflicts
    ]
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    which = ", ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    return ApiError(409, f"Apply failed with {count}: {which}", details={"causes": causes})


def too_large_version(asked: int, current: int) -> ApiError:
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return ApiError(
        504,
        f"Timeout: Too large resource version: {asked}, current: {current}",
        details={"causes": [cause], "retryAfterSeconds": 1},
    )


def too_old_version(asked: int, oldest: int) -> ApiError:
    return ApiError(410, f"too old resource version: {asked} ({oldest})")
