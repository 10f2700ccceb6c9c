from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from globaldns.demo import box as boxes
from globaldns.demo.box import Box
from globaldns.demo.layout import Layout
from globaldns.demo.ledgers import ShownLedger


async def test_no_ledger_is_shown_anew_before_all_are_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = asyncio.Queue[str]()
    monkeypatch.setattr(boxes, "_FOLLOW_SECONDS", 0.0)
    monkeypatch.setattr(ShownLedger, "follow", lambda _: shown.put_nowait("followed"))
    box = Box(Layout(tmp_path), "envoy")
    monkeypatch.setattr(box, "_write", lambda: shown.put_nowait("begun"))
    monkeypatch.setattr(box._wires, "make", lambda: 1 / 0)
    async with box.running():
        await asyncio.sleep(0.05)
        with pytest.raises(ZeroDivisionError):
            await box.start()
        assert await shown.get() == "begun"
        assert await shown.get() == "followed"
