"""Routes between terms."""

from __future__ import annotations

from globaldns.model.host import Host
from tests.apply.routes.documents import entry
from tests.apply.routes.keeping import Keeper, keeping


async def test_between_terms_nothing_is_noted_and_nothing_waits(keeper: Keeper) -> None:
    keeper.may_write = False
    async with keeping(keeper):
        keeper.want("web.shop", entry())
        keeper.routes.note([Host("other.shop")])
        assert keeper.routes.pending == 0
        assert keeper.routes.term is None
