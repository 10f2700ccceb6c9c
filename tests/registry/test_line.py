"""Who is numbered next."""

from globaldns.model.host import Host
from globaldns.registry.line import Line
from tests.registry.mesh import A, B

C = Host("c.ns")


def test_hosts_are_served_in_sorted_order_some_at_a_time():
    line = Line()
    line.join([B, C, A])
    assert line.serve(2) == [A, B]
    assert line.among({A, C}) == {C}
    assert line
    assert line.serve(2) == [C]
    assert not line
    assert line.serve(2) == []


def test_who_comes_later_is_sorted_in_and_nobody_waits_twice():
    line = Line()
    line.join([A, C])
    assert line.serve(1) == [A]
    line.join([B, C])
    assert line.serve(5) == [B, C]
    assert not line


def test_who_had_a_number_until_now_is_served_first_however_many_wait():
    line = Line()
    line.join([A, B, C])
    assert line.serve(1, first={C, Host("other.ns")}) == [C, A]
    assert line.serve(5) == [B]
