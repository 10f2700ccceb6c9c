"""When whoever keeps a cluster's DNS looks whose it is, which reads all nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from globaldns.app import stubkeeping
from tests.app.keepers import kept
from tests.app.test_stubbing import US
from tests.stubs.platforms import K3S, KUBEADM


async def test_whose_dns_it_is_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        for _ in range(3):
            await here.keeper.turn()
        assert here.looks == 1
        monkeypatch.setattr(stubkeeping, "LOOK_SECONDS", 0.0)
        await here.keeper.turn()
        assert here.looks == 2


async def test_what_a_person_has_to_mend_is_no_reason_to_look_at_all_nodes(
    tmp_path: Path,
) -> None:
    base = K3S[0]["data"]
    taken = {**K3S[0], "data": {**base, "Corefile": f"{base['Corefile']}global {{\n}}\n"}}
    async with kept(tmp_path, taken, *K3S[1:], US) as here:
        for _ in range(3):
            await here.keeper.turn()
            assert "a block for global. that is not ours" in here.keeper.report().reason
        here.server.put(K3S[0])
        await here.keeper.turn()
        assert (here.keeper.report().reason, here.state) == ("", "told")
        await here.suspend()
        for _ in range(3):
            await here.keeper.turn()
        assert here.looks == 1


async def test_a_request_that_fails_is_a_reason_to_look_once(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        await here.keeper.turn()
        here.server.deny("get", "configmaps", "kube-system")
        for _ in range(3):
            await here.keeper.turn()
            assert "is forbidden" in here.keeper.report().reason
        here.server.allow()
        await here.keeper.turn()
        assert here.keeper.report().reason == ""
        assert here.looks == 1
        here.server.fail(500, resource="services")
        for _ in range(3):
            await here.keeper.turn()
        assert here.looks == 2


async def test_what_fails_before_all_nodes_are_looked_at_spares_them(tmp_path: Path) -> None:
    async with kept(tmp_path, *KUBEADM, US) as here:
        here.server.deny("get", "services", "globaldns")
        for _ in range(3):
            await here.keeper.turn()
        assert here.looks == 0
