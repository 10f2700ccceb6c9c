"""All objects of a kind, page by page, as an API server has them now.

Standards:
    Kubernetes API Concepts, "Retrieving large results sets in chunks"
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from globaldns.errors import ApiError
from globaldns.kube.client import Client, Query

PAGE = 500
"""Objects of one answer, as client-go asks for."""


class _ListMeta(msgspec.Struct):
    more: str = msgspec.field(default="", name="continue")


class _Page(msgspec.Struct):
    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


_decoder = msgspec.json.Decoder(_Page)


async def list_objects(
    client: Client, path: str, query: Query, *, page_size: int | None = None
) -> AsyncIterator[msgspec.Raw]:
    """Yield the objects of a collection, undecoded and without their kind; ``PAGE`` at a time.

    Raises:
        ApiError: they are not known, for one because the kind is not served (404).
    """
    more = ""
    while True:
        asked = {**query, "limit": str(page_size or PAGE)} | ({"continue": more} if more else {})
        page = _decode(await client.get(path, asked))
        for item in page.items or ():
            yield item
        more = page.metadata.more
        if not more:
            break


def _decode(data: bytes) -> _Page:
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ApiError(f"an answer that is no list: {error}") from error
