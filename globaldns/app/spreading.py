"""A word on a cluster, written into every cluster that can be reached: any survivor can say it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from globaldns.app.fencing import Spread
from globaldns.apply.fences import why, write_fence
from globaldns.errors import ApiError
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from globaldns.model.view import Fence

SECONDS = 10.0
"""How long a cluster is given; the one that is fenced is dead, mostly."""


async def spread(word: Fence, reached: Mapping[str, Access], *, owner: str) -> Spread:
    """Have every cluster hold a word; return how that went.

    One suffices, for every instance reads all clusters.
    """
    said = await asyncio.gather(*(_tell(word, access, owner=owner) for access in reached.values()))
    return dict(zip(reached, said, strict=True))


async def _tell(word: Fence, access: Access, *, owner: str) -> str:
    client = Client(access)
    try:
        async with asyncio.timeout(SECONDS):
            await write_fence(client, word, owner=owner)
    except ApiError as error:
        return why(error)
    except TimeoutError:
        return f"no answer within {SECONDS:.0f} s"
    finally:
        await client.close()
    return ""
