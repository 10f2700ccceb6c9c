from __future__ import annotations

import asyncio

from globaldns.dns.turns import Turns


async def test_turns_are_taken_in_the_order_of_coming_one_by_one() -> None:
    taken: list[str] = []
    turns = Turns()
    for name in "abc":
        turns.offer(lambda name=name: taken.append(name))  # type: ignore[misc]
    for count in range(4):
        assert taken == ["a", "b", "c"][:count]
        await asyncio.sleep(0)


async def test_who_comes_again_waits_behind_the_others() -> None:
    taken: list[str] = []
    turns = Turns()

    def again() -> None:
        taken.append("a")
        turns.offer(lambda: taken.append("a again"))

    turns.offer(again)
    turns.offer(lambda: taken.append("b"))
    for _ in range(4):
        await asyncio.sleep(0)
    assert taken == ["a", "b", "a again"]


async def test_a_step_that_fails_keeps_nobody_else_from_theirs() -> None:
    taken: list[str] = []
    reported: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(str(context["exception"])))

    def fail() -> None:
        raise ValueError("bad")

    turns = Turns()
    turns.offer(fail)
    turns.offer(lambda: taken.append("b"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert (reported, taken) == (["bad"], ["b"])
