"""Routes on paper, and as files."""

import json

import pytest
import yaml

from globaldns.apply.folder import Difference
from globaldns.cli.export import describe

EAST = ("export", "--cluster", "east")


def hosts(documents):
    return [one["spec"]["hosts"][0] for one in documents if one["kind"] == "ServiceEntry"]


def test_the_routes_of_a_cluster_are_documents_for_kubectl(command):
    printed = command(*EAST)
    assert printed.exit_code == 0
    documents = list(yaml.safe_load_all(printed.stdout))
    assert "reviews.bookinfo.global" in hosts(documents)
    assert {one["metadata"]["labels"]["globaldns.io/owned-by"] for one in documents} == {"east"}
    assert command(*EAST).stdout == printed.stdout


def test_what_is_not_served_is_said_beside_them(command):
    printed = command(*EAST)
    assert "[plaintext]" in printed.stderr
    assert "no ledger has yet" in printed.stderr
    assert "[plaintext]" not in printed.stdout


@pytest.mark.usefixtures("remembered")
def test_a_ledger_that_has_the_vips_is_not_spoken_of(command):
    assert "6 VIPs of these no ledger has yet" in command(*EAST).stderr


@pytest.mark.parametrize("where", ["before", "after"])
def test_as_json_they_are_one_list(run, mesh, where):
    output = ("-o", "json")
    before, after = (output, ()) if where == "before" else ((), output)
    printed = run(*before, *EAST, *after, "--config", mesh.config)
    whole = json.loads(printed.stdout)
    assert whole["kind"] == "List"
    documents = list(yaml.safe_load_all(run(*EAST, "--config", mesh.config).stdout))
    assert whole["items"] == documents


def test_files_are_in_a_folder_for_each_namespace_and_twice_the_same(command, tmp_path):
    folder = tmp_path / "out"
    printed = command(*EAST, "--to", folder)
    assert (printed.exit_code, printed.stdout) == (0, "")
    text = (folder / "bookinfo/reviews-global.yaml").read_text()
    assert text.startswith("# globaldns.io/owned-by: east\n")
    assert [one["kind"] for one in yaml.safe_load_all(text)] == ["ServiceEntry", "DestinationRule"]
    assert " 0 written, " in command(*EAST, "--to", folder).stderr


def test_a_service_that_is_gone_loses_its_file_once_all_clusters_are_known(command, mesh, tmp_path):
    folder = tmp_path / "out"
    command(*EAST, "--to", folder)
    (mesh.folder / "example/west/mysqldb.yaml").unlink()
    (mesh.folder / "example/flat").rename(mesh.folder / "away")
    told = command(*EAST, "--to", folder).stderr
    assert "flat is not known as a whole: " in told
    assert "1 kept until all of flat is known" in told
    (mesh.folder / "away").rename(mesh.folder / "example/flat")
    assert "1 removed" in command(*EAST, "--to", folder).stderr
    assert not (folder / "bookinfo/mysqldb-global.yaml").exists()


def test_while_a_gateways_name_has_no_address_files_stand_as_they_are(
    command, mesh, tmp_path, dns_server
):
    folder = tmp_path / "out"
    command(*EAST, "--to", folder)
    files = {path: path.read_bytes() for path in folder.rglob("*.yaml")}
    dns_server.over_udp = lambda query: (query[:2] + b"\x81\x83" + query[4:],)
    west = mesh.settings["clusters"]["west"]
    west |= {"network": "network2", "gateways": [{"address": "gw.example"}]}
    mesh.configure(routing={"probes": {"interval": "0s", "resolvers": [dns_server.at]}})
    printed = command(*EAST, "--to", folder)
    assert printed.exit_code == 1
    assert "error: nothing is written: gw.example cannot be looked up" in printed.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*.yaml")} == files
    assert command(*EAST).exit_code == 0


def test_while_a_gateway_has_no_address_files_go_on_leading_there(command, mesh, tmp_path):
    folder = tmp_path / "out"
    west = mesh.folder / "example/west/cluster.yaml"
    text = west.read_text()
    assert "203.0.113.20" in (folder_text := written(command, folder))
    west.write_text(text.replace("    - ip: 203.0.113.20\n", ""))
    printed = command(*EAST, "--to", folder)
    assert printed.exit_code == 0
    assert "the gateway of west is left out: its Service has no address" in printed.stderr
    assert " 0 written, 7 unchanged, 0 removed\n" in printed.stderr
    (mesh.folder / "example/flat/httpbin.yaml").unlink()
    assert written(command, folder) != folder_text, "what is near goes on being written"
    assert "203.0.113.20" in written(command, folder)
    assert "203.0.113.20" not in written(command, tmp_path / "new")
    idle = folder / "bookinfo/idle.yaml"
    idle.write_text(f"{(folder / 'bookinfo/mysqldb-global.yaml').read_text()}")
    assert "1 removed" in command(*EAST, "--to", folder).stderr
    assert not idle.exists()


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_what_leads_nowhere_while_a_gateway_has_no_address_is_not_printed(command, mesh, output):
    (mesh.folder / "example/east/bookinfo.yaml").unlink()
    assert "ratings.bookinfo.global" in command(*EAST).stdout
    west = mesh.folder / "example/west/cluster.yaml"
    west.write_text(west.read_text().replace("    - ip: 203.0.113.20\n", ""))
    printed = command(*EAST, "-o", output)
    assert "ratings.bookinfo.global" in printed.stderr
    assert "ratings.bookinfo.global" not in printed.stdout
    assert "httpbin.httpbin.global" in printed.stdout


def written(command, folder):
    """Return all that is in a folder after an export."""
    assert command(*EAST, "--to", folder).exit_code == 0
    return "".join(path.read_text() for path in sorted(folder.rglob("*.yaml")))


def test_a_directory_of_another_cluster_is_refused(command, tmp_path):
    command(*EAST, "--to", tmp_path / "out")
    printed = command("export", "--cluster", "west", "--to", tmp_path / "out")
    assert printed.exit_code == 1
    assert "belongs to east" in printed.stderr
    assert "hint: name a directory for each cluster" in printed.stderr


def test_a_symbolic_link_below_a_directory_is_refused(command, tmp_path):
    for folder in ("out", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "out/bookinfo").symlink_to(tmp_path / "elsewhere")
    printed = command(*EAST, "--to", tmp_path / "out")
    assert printed.exit_code == 1
    assert "out/bookinfo is a symbolic link" in printed.stderr
    assert "hint: remove it, or name the directory that it leads to" in printed.stderr
    assert [*(tmp_path / "elsewhere").iterdir()] == []
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["bookinfo"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("export",), 2, "missing option '--cluster'"),
        (("export", "--cluster", "north"), 1, "hint: the clusters are east, flat, west"),
        ((*EAST, "-o", "table"), 2, "is not one of"),
        ((*EAST, "-o", "dir"), 2, "files are written by --to DIR"),
        ((*EAST, "-o", "json", "--to", "out"), 2, "leave out --output"),
    ],
)
def test_what_cannot_be_is_refused(command, arguments, code, said):
    printed = command(*arguments)
    assert printed.exit_code == code
    assert said in printed.stderr


def test_what_was_done_is_one_line(tmp_path):
    done = Difference(("a", "b"), ("c",), 3, ("d",))
    assert describe(done, tmp_path, ["flat", "west"]) == (
        f"{tmp_path}: 2 written, 3 unchanged, 1 removed, 1 kept until all of flat, west is known"
    )
