from __future__ import annotations

import asyncio

import pytest

from globaldns.admin.events import MAX_CLIENTS, MAX_WAITING, Broadcast, ServiceRemoved
from globaldns.admin.problems import RequestProblem


def removed(*hosts):
    return [ServiceRemoved(host=host) for host in hosts]


def many(count):
    return removed("a.ns") * count


async def test_every_listener_gets_every_event_in_order():
    broadcast = Broadcast()
    with broadcast.subscribe() as one, broadcast.subscribe() as other:
        broadcast.publish(removed("a.ns"))
        broadcast.publish(removed("b.ns", "c.ns"))
        for listener in (one, other):
            assert await listener.receive() == removed("a.ns", "b.ns", "c.ns")


async def test_a_listener_gets_only_what_comes_after_it():
    broadcast = Broadcast()
    broadcast.publish(removed("a.ns"))
    with broadcast.subscribe() as listener:
        broadcast.publish(removed("b.ns"))
        assert await listener.receive() == removed("b.ns")


async def test_who_listens_waits_for_the_next_event():
    broadcast = Broadcast()
    with broadcast.subscribe() as listener:
        broadcast.publish(removed("a.ns"))
        await listener.receive()
        broadcast.publish([])
        waiting = asyncio.create_task(listener.receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        broadcast.publish(removed("b.ns"))
        assert await waiting == removed("b.ns")


def test_a_broadcast_is_heard_while_anybody_listens():
    broadcast = Broadcast()
    assert not broadcast.is_heard
    with broadcast.subscribe():
        assert broadcast.is_heard
    assert not broadcast.is_heard


async def test_a_listener_that_is_too_far_behind_is_dropped_and_no_other():
    broadcast = Broadcast()
    with broadcast.subscribe() as slow, broadcast.subscribe() as quick:
        broadcast.publish(many(MAX_WAITING))
        assert len(await quick.receive()) == MAX_WAITING
        assert not slow.is_over
        broadcast.publish(many(1))
        assert (slow.is_over, slow.is_dropped) == (True, True)
        assert await slow.receive() == []
        assert await quick.receive() == many(1)


async def test_a_listener_that_is_over_gets_nothing_more():
    broadcast = Broadcast()
    with broadcast.subscribe() as listener:
        broadcast.publish(many(1))
        listener.end()
        broadcast.publish(many(1))
        assert (listener.is_over, listener.is_dropped) == (True, False)
        assert [await listener.receive(), await listener.receive()] == [[], []]


def test_there_are_not_more_listeners_than_a_server_can_bear():
    broadcast = Broadcast()
    listeners = [broadcast.subscribe() for _ in range(MAX_CLIENTS)]
    with pytest.raises(RequestProblem, match="listen already") as caught:
        broadcast.subscribe()
    assert caught.value.status == 503
    with listeners[0]:
        pass
    assert broadcast.subscribe()
