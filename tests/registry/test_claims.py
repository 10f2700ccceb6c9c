from hypothesis import given
from hypothesis import strategies as st

from globaldns.model.address import Address
from globaldns.model.claim import Claim, ClaimKind
from globaldns.model.host import Host
from globaldns.registry.claims import Claims
from globaldns.registry.holders import holders

HOSTS = st.sampled_from([Host(f"{name}.ns") for name in "abcdef"])
VIPS = st.sampled_from([Address(bytes([240, 0, 0, last])) for last in range(5)])
TIMES = st.integers(0, 6)
CLAIMS = st.builds(
    Claim,
    host=HOSTS,
    vip=VIPS,
    allocated_at=TIMES,
    cluster=st.sampled_from(["east", "west", "alien"]),
    kind=st.sampled_from(ClaimKind),
    retired_at=st.none() | st.integers(6, 9),
    reason=st.just(""),
)
STEPS = st.lists(st.tuples(st.booleans(), st.lists(CLAIMS, max_size=6)), max_size=10)


def counts(claim: Claim) -> bool:
    return claim.cluster != "alien"


def everything(claims: Claims) -> dict[Host, tuple[Claim, ...]]:
    """What ``holders`` says of all claims, as the incremental set answers it."""
    found: dict[Host, list[Claim]] = {}
    for winner in holders(filter(counts, claims)).values():
        found.setdefault(winner.host, []).append(winner)
    return {host: tuple(sorted(won, key=lambda c: c.vip)) for host, won in found.items()}


@given(STEPS)
def test_what_is_kept_up_to_date_equals_what_all_claims_say(steps):
    claims = Claims(counts)
    for is_removal, changed in steps:
        if is_removal:
            claims.discard(changed)
        else:
            claims.add(changed)
        expected = everything(claims)
        assert {host: claims.held(host) for host in claims.hosts if claims.held(host)} == expected
        for won in expected.values():
            for winner in won:
                assert claims.holder(winner.vip) == winner


@given(STEPS)
def test_every_host_whose_vips_changed_is_named(steps):
    claims = Claims(counts)
    for is_removal, changed in steps:
        before = everything(claims)
        touched = claims.discard(changed) if is_removal else claims.add(changed)
        after = everything(claims)
        moved = {host for host in before | after if before.get(host) != after.get(host)}
        assert moved <= touched


@given(st.lists(CLAIMS), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(claims, random):
    forward, backward = Claims(counts), Claims(counts)
    forward.add(claims)
    shuffled = claims * 2
    random.shuffle(shuffled)
    for one in shuffled:
        backward.add([one])
    assert sorted(forward, key=repr) == sorted(backward, key=repr)
    assert everything(forward) == everything(backward)
    assert {h: forward.held(h) for h in forward.hosts} == {
        h: backward.held(h) for h in forward.hosts
    }


@given(st.lists(CLAIMS), st.lists(CLAIMS))
def test_a_claim_that_would_be_void_is_void_once_it_is_made(known, tried):
    claims = Claims(counts)
    claims.add(known)
    for one in tried:
        if one.kind is ClaimKind.GIVEN and one.cluster != "alien" and not claims.of_host(one.host):
            expected = claims.would_be_void(one.host, one.vip, one.allocated_at)
            other = Claims(counts)
            other.add([*claims, one])
            assert other.is_void(one) == expected


def test_the_newest_date_is_the_newest_of_claims_and_retirements():
    claims = Claims(counts)
    host, vip = Host("a.ns"), Address(b"\xf0\0\0\1")
    claims.add([Claim(host, vip, 5, "east", ClaimKind.GIVEN)])
    assert claims.newest == 5
    claims.add([Claim(host, vip, 5, "east", ClaimKind.GIVEN, 9, "withdrawn")])
    assert claims.newest == 9
