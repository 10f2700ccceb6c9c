"""Routes beside what stands in a cluster."""

from globaldns.apply.routes.patience import Create, Delete, Replace
from globaldns.cli.apply import tell_dropped, unified
from tests.apply.routes.documents import endpoint, entry, gateway, standing

OLD, NEW = entry(endpoint("10.0.0.1")), entry(endpoint("10.0.0.2"))


def test_what_is_in_files_alone_is_not_applied(command):
    refused = command("apply", "--cluster", "west")
    assert refused.exit_code == 1
    assert "no API server of west is known" in refused.stderr
    assert "globaldns export --cluster west" in refused.stderr


def test_a_directory_is_compared_with_the_routes_that_are_in_it(command, mesh):
    differs = command("diff", "--cluster", "flat")
    assert differs.exit_code == 3
    assert "+++ ServiceEntry bookinfo/reviews-global" in differs.stdout
    assert "globaldns export --cluster flat --to DIR writes them" in differs.stderr
    command("export", "--cluster", "flat", "--to", mesh.folder / "example/flat/routes")
    same = command("diff", "--cluster", "flat")
    assert (same.exit_code, "0 objects to create" in same.stderr) == (0, True)


BY_HAND = """\
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {name: ratings-by-hand, namespace: bookinfo}
spec:
  hosts: [ratings.bookinfo.global]
  addresses: [240.0.0.2]
  location: MESH_INTERNAL
  resolution: DNS
  ports: [{number: 9080, name: http1, protocol: HTTP}]
  endpoints: [{address: 203.0.113.20, ports: {http1: 15443}}]
"""


def test_an_entry_that_a_person_wrote_is_compared_with_what_would_be_in_its_place(command, mesh):
    file = mesh.folder / "example/flat/by-hand.yaml"
    file.write_text(BY_HAND)
    [told] = [one for one in command("check").stdout.splitlines() if "hand-written-route" in one]
    assert "globaldns diff --cluster flat shows what would be in its place" in told
    shown = command("diff", "--cluster", "flat")
    origin = "# ServiceEntry bookinfo/ratings-by-hand (by-hand.yaml)"
    _, head, rest = shown.stdout.partition(f"{origin} was written by a person: delete it to have")
    assert head, shown.stdout
    lines = rest.splitlines()[1:]
    assert lines[:2] == [
        "--- ServiceEntry bookinfo/ratings-by-hand",
        "+++ ServiceEntry bookinfo/ratings-global",
    ]
    assert any(one.startswith("-") and "http1" in one for one in lines)
    assert "+  subjectAltNames:" in lines
    assert "+++ DestinationRule bookinfo/ratings-global" in lines
    assert "1 written by people" in shown.stderr
    file.unlink()
    gone = command("diff", "--cluster", "flat")
    assert "+++ ServiceEntry bookinfo/ratings-global" in gone.stdout
    assert "# " not in gone.stdout


def test_a_difference_is_shown_as_kubectl_shows_it():
    lines = list(unified(Replace(standing(OLD), NEW)))
    assert lines[:2] == ["--- ServiceEntry shop/web-global", "+++ ServiceEntry shop/web-global"]
    assert [line for line in lines[2:] if line[0] in "+-"] == [
        "-  - address: 10.0.0.1",
        "+  - address: 10.0.0.2",
    ]


def test_what_comes_or_goes_is_shown_as_a_whole():
    made, gone = list(unified(Create(NEW))), list(unified(Delete(standing(OLD))))
    assert made[0] == "--- /dev/null"
    assert gone[1] == "+++ /dev/null"
    assert all(line.startswith("+") for line in made[3:])
    assert all(line.startswith("-") for line in gone[3:])


def test_hosts_that_a_gateway_is_to_let_through_no_more_are_told(capsys):
    before = standing(gateway("a.ns.global", "b.ns.global"))
    tell_dropped(
        [Create(gateway("a.ns.global")), Replace(standing(OLD), NEW), Delete(standing(OLD))]
    )
    assert capsys.readouterr().err == ""
    tell_dropped([Replace(before, gateway("b.ns.global", "c.ns.global"))])
    assert capsys.readouterr().err.startswith("a.ns.global: let through no more by the Gateway")
    tell_dropped([Delete(before)])
    assert capsys.readouterr().err.startswith("a.ns.global, b.ns.global: let through no more")
