from globaldns.registry.ranges import UsedRanges
from tests.registry.mesh import prefix, vip


def test_an_address_is_found_in_whatever_range_of_its_family_it_lies():
    used = UsedRanges()
    assert used.set("east", [prefix("240.1.0.0/16"), prefix("240.2.3.4/32"), prefix("fd00::/112")])
    assert used.find(vip("240.1.255.255"), ["east"]) == ("east", prefix("240.1.0.0/16"))
    assert used.find(vip("240.2.3.4"), ["west", "east"]) == ("east", prefix("240.2.3.4/32"))
    assert used.find(vip("fd00::ffff"), ["east"]) == ("east", prefix("fd00::/112"))
    assert [used.find(vip(one), ["east"]) for one in ("240.2.3.5", "fd00::1:0")] == [None, None]
    assert used.find(vip("240.2.3.4"), ["west"]) is None


def test_only_other_ranges_are_news():
    used = UsedRanges()
    assert not used.set("east", [])
    assert used.set("east", [prefix("240.1.0.0/16")])
    assert not used.set("east", [prefix("240.1.0.0/16")])
    assert used.set("east", [])
    assert used.find(vip("240.1.0.1"), ["east"]) is None
