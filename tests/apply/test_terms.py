"""Terms of writing, one after the other."""

from __future__ import annotations

import asyncio

import pytest

import globaldns.apply.terms
from globaldns.apply.terms import Terms, TermsSeams
from globaldns.kube.client import Client
from globaldns.kube.kubeconfig import Access
from tests.app.meshes import until


class Pen:
    """Writes until it may not any more."""

    waiting = 3

    def __init__(self) -> None:
        self.is_followed = False
        self.done = asyncio.Event()

    async def follow(self) -> None:
        self.is_followed = True
        await asyncio.Event().wait()

    async def write(self) -> None:
        await self.done.wait()


async def test_each_term_begins_anew_and_ends_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(globaldns.apply.terms, "LOOK_SECONDS", 0.001)
    pens: list[Pen] = []
    writable, may = asyncio.Event(), [False]

    def make() -> Pen:
        pens.append(Pen())
        return pens[-1]

    client = Client(Access(text="{}"))
    terms = Terms("pens", client, make, TermsSeams(writable.wait, lambda: may[0]))
    running = asyncio.create_task(terms.run())
    writable.set()
    await asyncio.sleep(0.02)
    assert (pens, terms.pending) == ([], 0), "it may not write"
    may[0] = True
    await until(lambda: len(pens) == 1 and pens[0].is_followed)
    assert (terms.term, terms.pending) == (pens[0], 3)
    pens[0].done.set()
    await until(lambda: len(pens) == 2)
    assert terms.term is pens[1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert terms.term is None
    await terms.close()
