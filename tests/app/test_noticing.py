"""Notices counted for scrapes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from globaldns.app import noticing
from globaldns.app.noticing import NoticeTally
from globaldns.model.finding import Finding, Severity
from tests.app.meshes import until


def finding(code: str) -> Finding:
    return Finding(Severity.WARNING, code, "it is so")


async def test_what_is_told_is_counted_again_and_again_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(noticing, "COUNT_SECONDS", 0.01)
    told = [finding("no-vip"), finding("network-overlap"), finding("no-vip")]
    threads = set()

    def tell() -> list[Finding]:
        threads.add(threading.current_thread())
        return told

    tally = NoticeTally(lambda: tell)
    assert tally.counts == {}
    running = asyncio.create_task(tally.run())
    await until(lambda: tally.counts == {"no-vip": 2, "network-overlap": 1})
    told = told[1:2]
    await until(lambda: tally.counts == {"network-overlap": 1})
    assert threading.current_thread() not in threads
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
