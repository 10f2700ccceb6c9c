"""Lists in pages that all show one revision."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from tests.kube.apiserver.statuses import ApiError, invalid_options, too_large_version
from tests.kube.apiserver.storage import Key, Object, Storage
from tests.kube.apiserver.watching import Wanted

EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list."
)
INCONSISTENT = -1
"""The revision of a token that goes on in the present, after its own expired."""


def list_page(storage: Storage, wanted: Wanted, query: Mapping[str, str]) -> Object:
    """Return a page of a list.

    Raises:
        ApiError: 410 for an expired token, 400 and 422 for parameters that do not fit.
    """
    version = parse_version(query.get("resourceVersion", ""))
    _check_match(query, version)
    limit = int(query.get("limit") or 0)
    if query.get("continue"):
        if version:
            why = "specifying resource version is not allowed when using continue"
            raise ApiError(400, why)
        revision, start = _decode(query["continue"])
        return _page(storage, wanted, revision, start, limit)
    if version > storage.revision:
        raise too_large_version(version, storage.revision)
    match = query.get("resourceVersionMatch", "")
    is_exact = match == "Exact" or (version > 0 and limit > 0 and not match)
    if query.get("resourceVersion") == "0":
        limit = 0  # the watch cache does not page
    return _page(storage, wanted, version if is_exact else storage.revision, "", limit)


def parse_version(text: str) -> int:
    if text and not text.isdecimal():
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: invalid syntax'
        raise ApiError(400, f"invalid resource version: {why}")
    return int(text or 0)


def _check_match(query: Mapping[str, str], version: int) -> None:
    match = query.get("resourceVersionMatch", "")
    if not match:
        return
    if not query.get("resourceVersion"):
        why = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif match == "Exact" and version == 0:
        why = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
    else:
        return
    raise invalid_options("ListOptions", "resourceVersionMatch", why, "FieldValueForbidden")


def _page(storage: Storage, wanted: Wanted, revision: int, start: str, limit: int) -> Object:
    shown = storage.revision if revision == INCONSISTENT else revision
    try:
        found = storage.select(wanted.resource.id, wanted.namespace, shown)
    except ApiError as error:
        token = _encode(INCONSISTENT, start)
        message = EXPIRED if start else str(error)
        raise ApiError(410, message, metadata={"continue": token} if start else {}) from error
    rest = [(k, item) for k, item in found if k.place >= start and wanted.selection(item)]
    page = rest[:limit] if limit else rest
    left = len(rest) - len(page)
    metadata: dict[str, Any] = {"resourceVersion": str(shown)}
    if left:
        metadata["continue"] = _encode(shown, _after(page[-1][0]))
        if not wanted.is_selective:
            metadata["remainingItemCount"] = left
    elif not wanted.resource.is_builtin:
        metadata["continue"] = ""
    return _document(wanted, metadata, [item for _, item in page])


def _document(wanted: Wanted, metadata: Mapping[str, Any], items: list[Object]) -> Object:
    """A list; the items of built-in resources do not say their type."""
    shown = [wanted.present(item) for item in items]
    if wanted.resource.is_builtin:
        for item in shown:
            del item["apiVersion"], item["kind"]
    return {
        "kind": f"{wanted.resource.kind}List",
        "apiVersion": wanted.resource.api_version(wanted.version),
        "metadata": metadata,
        "items": shown,
    }


def _after(key: Key) -> str:
    return f"{key.place}\0"


def _encode(revision: int, start: str) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": start}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, str]:
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(read["rv"]), str(read["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise ApiError(400, "invalid continue token: continue key is not valid") from error
