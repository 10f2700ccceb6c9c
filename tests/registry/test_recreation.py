"""What comes out when everything is numbered again, and when two histories meet."""

import random

from globaldns.model.host import Host
from globaldns.model.view import Put, SetLedger
from globaldns.registry.registry import Registry
from tests.registry.mesh import export, ledger, remember, reset, settings, settled

HOSTS = [f"svc{number}.ns{number % 97}" for number in range(10_000)]
WIDE = ["240.128.0.0/10"]


def numbers(registry: Registry) -> dict[Host, tuple[bytes, ...]]:
    return {host: service.vips for host, service in registry.services.items()}


def numbered(hosts: list[str], cluster: str = "east", pool: str = WIDE[0]) -> Registry:
    registry = Registry(settings(cluster, pools=[pool]))
    return settled(registry, reset(cluster, *(export(host, cluster) for host in hosts)))


def test_equal_sets_of_hosts_are_numbered_alike_from_nothing():
    shuffled = random.Random(1).sample(HOSTS, len(HOSTS))
    assert numbers(numbered(HOSTS)) == numbers(numbered(shuffled, "west"))


def test_hosts_that_arrive_one_by_one_in_any_order_are_numbered_almost_alike():
    together = numbers(numbered(HOSTS))
    registry = settled(Registry(settings(pools=WIDE)), reset("east"))
    for host in random.Random(2).sample(HOSTS, len(HOSTS)):
        remember(registry, registry.apply([Put(export(host))], 20), 20)
    alike = sum(together[host] == vips for host, vips in numbers(registry).items())
    assert alike >= 0.995 * len(HOSTS)


def test_a_merge_of_two_histories_moves_the_losers_of_a_collision_only_and_each_once():
    hosts = HOSTS[:300]
    ours, theirs = hosts[:150], hosts[150:]
    east = numbered(ours, "east", "240.128.0.0/23")
    west = numbered(theirs, "west", "240.128.0.0/23")
    before = numbers(east) | numbers(west)
    taken = {vip for vips in numbers(east).values() for vip in vips}
    losers = {host for host, vips in numbers(west).items() if taken & set(vips)}
    assert losers
    moved: list[Host] = []
    for _ in range(4):
        for reader, source in ((east, "west"), (west, "east")):
            other = west if source == "west" else east
            known = ledger(source, *other.claims.of_cluster(source))
            exports = [export(h, source) for h in (theirs if source == "west" else ours)]
            changes = [reset(source, *exports, ledger=known), SetLedger(source, known)]
            delta = reader.apply(changes, 30)
            delta = [delta, remember(reader, delta, 30)]
            if reader is west or source == "west":
                own = {"east": ours, "west": theirs}[reader.settings.cluster]
                moved += [m.host for d in delta for m in d.moves if m.host in own]
    east.tick(10_000)
    west.tick(10_000)
    assert numbers(east) == numbers(west)
    after = numbers(east)
    changed = {host for host in before if before[host] != after[host]}
    pairs = [{host for host in before if before[host] == before[loser]} for loser in losers]
    assert len(changed) == len(losers)
    assert all(len(pair & changed) == 1 for pair in pairs)
    assert sorted(moved) == sorted(changed)
