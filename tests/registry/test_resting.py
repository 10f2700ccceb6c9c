from globaldns.registry.resting import Resting
from tests.registry.mesh import claim

OLD = claim("a.ns", "240.128.0.1", 1, "west", retired_at=5)
SAME = claim("a.ns", "240.128.0.1", 1, "west")
OTHER = claim("b.ns", "240.128.0.1", 2, "west", retired_at=6)


def test_claims_rest_by_vip_until_another_reading_of_them_is_known():
    resting = Resting()
    assert not resting
    for one in (OLD, OTHER, OLD):
        resting.add(one)
    assert resting.of_vip(OLD.vip) == {OLD, OTHER} == {*resting}
    assert (OLD in resting, SAME in resting, [*resting.vips]) == (True, False, [OLD.vip])
    assert resting.of_host(OLD.host) == {OLD}
    resting.forget([SAME])
    assert [*resting] == [OTHER]
    assert resting.of_host(OLD.host) == frozenset()
    resting.forget([OTHER, OLD])
    assert not resting
