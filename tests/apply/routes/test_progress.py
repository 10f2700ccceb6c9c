"""How far routes are, and what keeps them from being written, against an API server over HTTP."""

from __future__ import annotations

import pytest

from globaldns.apply.routes.patience import Fate
from globaldns.apply.routes.progress import Progress, Stage
from globaldns.model.host import Host
from tests.apply.routes.documents import endpoint, entry, rule
from tests.apply.routes.keeping import ENTRIES, GROUP, RULES, Keeper, keeping
from tests.kube.fake import FakeApiServer

WEB = Host("web.shop")
A = endpoint("10.0.0.1")


@pytest.mark.parametrize(
    ("verb", "done"), [("create", "created"), ("update", "replaced"), ("delete", "deleted")]
)
async def test_what_may_not_be_written_is_told_with_its_remedy_until_it_is(
    keeper: Keeper, server: FakeApiServer, verb: str, done: str
) -> None:
    kind = ENTRIES if verb == "create" else RULES
    server.deny(verb, kind.plural)
    keeper.want("web.shop", entry(A), rule())
    elsewhere = rule(name="other-global")
    async with keeping(keeper):
        if verb != "create":
            await keeper.until(lambda: keeper.spec(kind) is not None)
            keeper.want("web.shop", entry(A), rule("y") if verb == "update" else elsewhere)
        await keeper.until(lambda: WEB in keeper.routes.hindered)
        (notice,) = keeper.routes.hindered[WEB]
        assert keeper.routes.hindrances(WEB) == (notice,)
        assert keeper.routes.hindrances(Host("other.shop")) == ()
        assert (notice.host, notice.code) == ("web.shop.global", "unwritten-route")
        assert f"{kind.kind} shop/web-global is not {done}" in notice.detail
        assert f'cannot {verb} resource "{kind.plural}"' in notice.detail
        assert "globaldns-router" in notice.hint
        progress = keeper.routes.progress(WEB)
        assert (progress.stage, progress.reason) == ("refused", notice.detail)
        server.allow()
        await keeper.until(lambda: keeper.routes.hindered == {})
        await keeper.rest()
        assert keeper.routes.progress(WEB) == Progress(Stage.WRITTEN)


async def test_what_may_not_be_written_and_is_wanted_no_more_is_told_no_more(
    keeper: Keeper, server: FakeApiServer
) -> None:
    server.deny("create", ENTRIES.plural)
    keeper.want("web.shop", entry(A), rule())
    async with keeping(keeper):
        await keeper.until(lambda: WEB in keeper.routes.hindered)
        keeper.want("web.shop", fate=Fate.WITHDRAW)
        await keeper.until(lambda: keeper.routes.hindered == {})
        await keeper.until(lambda: keeper.spec(RULES) is None)
        await keeper.rest()
        assert keeper.routes.progress(WEB) == Progress(Stage.NONE)


async def test_what_stands_and_may_not_be_listed_is_told_until_it_may(
    keeper: Keeper, server: FakeApiServer
) -> None:
    server.deny("list", RULES.plural)
    server.deny("watch", RULES.plural)
    keeper.want("web.shop", entry(A))
    async with keeping(keeper):
        await keeper.until(lambda: keeper.routes.hindered != {})
        ((host, (notice,)),) = keeper.routes.hindered.items()
        assert (host, notice.host) == ("", f"destinationrules.{GROUP}")
        assert "globaldns-router" in notice.hint
        assert keeper.routes.progress(WEB) == Progress(Stage.PENDING, reason=notice.detail)
        server.allow()
        await keeper.until(lambda: keeper.spec(ENTRIES) is not None)
        assert keeper.routes.hindered == {}


async def test_what_waits_for_its_turn_is_pending(keeper: Keeper, server: FakeApiServer) -> None:
    async with keeping(keeper):
        assert keeper.routes.progress(WEB).reason == "this replica has not begun to write yet"
        assert keeper.routes.hindrances(WEB) == ()
        await keeper.until(lambda: keeper.routes.term is not None)
        await keeper.until(lambda: keeper.routes.progress(WEB) == Progress(Stage.NONE))
        server.fail(503, times=99)
        keeper.want("web.shop", entry(A))
        await keeper.until(lambda: keeper.counted["failed"] > 0)
        progress = keeper.routes.progress(WEB)
        assert progress.stage is Stage.PENDING
        assert progress.seconds is not None
        assert progress.seconds < 30
        server.recover()
        await keeper.until(lambda: keeper.routes.progress(WEB) == Progress(Stage.WRITTEN))
