from __future__ import annotations

from globaldns.exports.context import Shared


def test_equal_values_become_one():
    shared = Shared()
    first, second = ("a", int("1")), ("a", int("1"))
    assert shared.share(first) is shared.share(second)


def test_it_forgets_when_full_and_goes_on(monkeypatch):
    monkeypatch.setattr(Shared, "MAX_VALUES", 3)
    shared = Shared()
    for number in range(10):
        assert shared.share((number,)) == (number,)
    assert len(shared._values) <= 3
