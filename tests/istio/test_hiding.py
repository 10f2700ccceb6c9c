"""What hides our routes, and what takes their place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from globaldns.istio.hiding import Mesh, Routed, Rule, Scope, Surroundings, tell_hidden
from globaldns.istio.notices import Code, Notice

CART = Routed("cart.shop.global", "shop", is_public=False)
WEB = Routed("web.shop.global", "shop", is_public=False)
FAR = Routed("far.bank.global", "globaldns", is_public=True)
OUTSIDE = Routed("api.pay.global", "pay", is_public=False, has_rule=False)
ALL = (WEB, FAR, CART, OUTSIDE)


def told(*routed: Routed, **around: object) -> dict[str, str]:
    """What is told, by the first host."""
    mesh = {key: around.pop(key) for key in Mesh.__struct_fields__ if key in around}
    keys: dict[str, object] = {"are_rules_known": True, **around}
    found = Surroundings(**keys, meshes=(Mesh(**mesh),))  # type: ignore[arg-type]
    notices = tell_hidden(routed or ALL, found)
    return {f"{one.code} {one.host}": one.detail for one in notices}


def test_where_nothing_stands_beside_them_routes_are_seen_and_obeyed() -> None:
    assert told() == {}


def test_where_nothing_stands_that_could_hide_any_hosts_are_not_even_listed() -> None:
    def listed() -> Iterator[Routed]:
        raise AssertionError
        yield

    around = Surroundings(meshes=(Mesh(root="mesh", entries_seen_in=("web", "*")),))
    assert tell_hidden(listed(), around) == []
    for hiding in (Mesh(watched=frozenset()), Mesh(entries_seen_in=(".",))):
        with pytest.raises(AssertionError):
            tell_hidden(listed(), Surroundings(meshes=(Mesh(), hiding)))


@pytest.mark.parametrize(
    "host", ["cart.shop.global", "*.shop.global", "*.global", "*", "*t.shop.global"]
)
def test_a_rule_in_the_clients_namespace_counts_there_in_place_of_ours(host: str) -> None:
    rule = Rule("web", "all", host, has_policy=False)
    assert told(CART, rules=(rule,)) == {
        "other-rule cart.shop.global": (
            f"clients in web obey DestinationRule web/all for {host} in place of ours: no rank "
            "counts for them, and no far gateway is told whom a call is for"
        )
    }


@pytest.mark.parametrize(
    "rule",
    [
        Rule("web", "other", "cart.bank.global", has_policy=True),
        Rule("web", "other", "*.bank.global", has_policy=True),
        Rule("web", "other", "shop.global", has_policy=True),
        Rule("shop", "broader", "*.shop.global", has_policy=True),
        Rule("shop", "subsets", "cart.shop.global", has_policy=False),
        Rule("istio-system", "last", "*.global", has_policy=True),
    ],
)
def test_a_rule_of_others_or_that_ours_precedes_is_nobodys_business(rule: Rule) -> None:
    assert told(CART, rules=(rule,)) == {}


def test_the_root_namespace_may_be_another() -> None:
    rule = Rule("istio-system", "last", "*.global", has_policy=True)
    assert "other-rule cart.shop.global" in told(CART, rules=(rule,), root="mesh")
    assert told(CART, rules=(Rule("mesh", "last", "*", has_policy=True),), root="mesh") == {}


def test_of_two_rules_of_one_host_in_one_namespace_the_older_one_counts() -> None:
    rule = Rule("shop", "cart", "cart.shop.global", has_policy=True)
    [detail] = told(rules=(rule,)).values()
    assert detail == (
        "DestinationRule shop/cart is about the same host: of the two only the older one's policy "
        "counts"
    )


def test_a_host_outside_of_the_mesh_has_no_rule_of_ours() -> None:
    assert told(OUTSIDE, rules=(Rule("web", "all", "*", has_policy=True),)) == {}


def test_what_has_one_cause_is_told_once() -> None:
    [notice] = tell_hidden(ALL, Surroundings(rules=(Rule("web", "all", "*", has_policy=True),)))
    assert notice.host == "cart.shop.global"
    assert notice.detail.endswith("(and so with 2 other hosts)")
    assert notice.hint == "delete it, or give it a narrower host"


@pytest.mark.parametrize(
    ("hosts", "hidden"),
    [
        (("*/*",), set()),
        (("./*", "istio-system/*"), {"cart", "web", "far", "api"}),
        (("./*", "globaldns/*"), {"cart", "web", "api"}),
        (("shop/*", "pay/*"), {"far"}),
        (("*/*.shop.global",), {"far", "api"}),
        (("*/cart.shop.global", "globaldns/*.global", "pay/*"), {"web"}),
        (("~/*",), {"cart", "web", "far", "api"}),
        (("shop/cart.shop.global",), {"web", "far", "api"}),
    ],
)
def test_a_sidecar_hides_what_it_does_not_list(hosts: tuple[str, ...], hidden: set[str]) -> None:
    scope = Scope("client", "default", hosts)
    seen = {one.name.partition(".")[0] for one in ALL if not told(one, scopes=(scope,))}
    assert {"cart", "web", "far", "api"} - seen == hidden


def test_the_own_namespace_of_a_sidecar_is_a_dot() -> None:
    scope = Scope("shop", "default", ("./*",))
    assert [*told(scopes=(scope,))] == ["hidden-by-sidecar api.pay.global"]
    [detail] = told(FAR, scopes=(scope,)).values()
    assert detail == ("clients in shop do not see it: Sidecar shop/default does not list it")


def test_a_sidecar_in_the_root_namespace_is_for_all_that_have_none() -> None:
    scope = Scope("istio-system", "default", ("./*",))
    [detail] = told(CART, scopes=(scope,)).values()
    assert detail.startswith("clients in all namespaces without a Sidecar of their own do not")


def test_istiod_sees_nothing_of_a_namespace_that_it_does_not_look_into() -> None:
    assert [*told(watched={"shop", "pay"})] == ["unwatched-namespace far.bank.global"]
    assert [*told(watched=frozenset())] == [
        "unwatched-namespace api.pay.global",
        "unwatched-namespace cart.shop.global",
        "unwatched-namespace far.bank.global",
    ]


@pytest.mark.parametrize(
    ("seen_in", "where"),
    [((".",), "its own namespace"), (("a", "b"), "a, b"), ((), "no namespace")],
)
def test_what_says_nothing_of_exports_is_seen_where_the_mesh_has_it(
    seen_in: tuple[str, ...], where: str
) -> None:
    assert told(CART, FAR, entries_seen_in=seen_in) == {
        "unexported cart.shop.global": (
            f"the route is seen in {where} alone: defaultServiceExportTo of the mesh "
            "configuration says so"
        )
    }
    [detail] = told(CART, FAR, OUTSIDE, rules_seen_in=seen_in).values()
    assert detail.startswith(f"its DestinationRule is seen in {where} alone")
    assert told(CART, entries_seen_in=("*",), rules_seen_in=(".", "*")) == {}


def test_each_cause_has_a_remedy() -> None:
    notices = tell_hidden(
        ALL,
        Surroundings(
            rules=(
                Rule("web", "all", "*", has_policy=True),
                Rule("shop", "cart", "cart.shop.global", has_policy=True),
            ),
            scopes=(Scope("web", "default", ("./*",)),),
            meshes=(Mesh(watched={"pay"}, entries_seen_in=(".",), rules_seen_in=(".",)),),
        ),
    )
    assert all(isinstance(one, Notice) and one.hint for one in notices)
    assert {one.code for one in notices} == {
        Code.OTHER_RULE,
        Code.SIDECAR,
        Code.UNWATCHED,
        Code.UNEXPORTED,
    }


def test_an_istiod_with_a_revision_hides_what_its_own_configuration_says() -> None:
    canary = Mesh("canary", watched={"pay"}, root="mesh", rules_seen_in=(".",))
    rule = Rule("mesh", "last", "*", has_policy=True)
    notices = tell_hidden([CART], Surroundings(rules=(rule,), meshes=(Mesh(), canary)))
    assert {one.code: one.detail for one in notices} == {
        Code.UNWATCHED: "istiod does not look into namespace shop: no discoverySelector of its "
        "mesh configuration of revision canary selects it",
        Code.UNEXPORTED: "its DestinationRule is seen in its own namespace alone: "
        "defaultDestinationRuleExportTo of the mesh configuration of revision canary says so",
    }


PERSONS = Routed("cart.shop.global", "shop", is_public=False, is_theirs=True)


def test_an_entry_of_a_person_wants_a_rule_of_theirs_and_is_hidden_by_their_own_will() -> None:
    scope = Scope("shop", "narrow", ("./other.global",))
    assert told(PERSONS, scopes=(scope,), watched=frozenset()) == {
        "own-entry cart.shop.global": (
            "a person's entry has the host, and no DestinationRule: no rank counts, and no far "
            "gateway is told whom a call is for"
        )
    }
    for host in ("cart.shop.global", "*.global"):
        assert told(PERSONS, rules=(Rule("shop", "own", host, has_policy=True),)) == {}
    for rule in (
        Rule("shop", "subsets", "cart.shop.global", has_policy=False),
        Rule("shop", "other", "web.shop.global", has_policy=True),
    ):
        assert [*told(PERSONS, rules=(rule,))] == ["own-entry cart.shop.global"]
    # So it is in a cluster where nobody has written a rule, but not where none may be read.
    assert [*told(PERSONS)] == ["own-entry cart.shop.global"]
    assert told(PERSONS, are_rules_known=False) == {}
    assert told(PERSONS, are_rules_known=False, scopes=(scope,)) == {}
