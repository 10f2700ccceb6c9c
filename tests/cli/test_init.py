"""Writing the example."""

from importlib.resources import files

from globaldns.cli.init import CONFIG, STATE
from globaldns.config.loading import load


def test_every_file_of_the_example_is_written(run, tmp_path):
    printed = run("init", tmp_path / "mesh")
    assert printed.exit_code == 0
    shipped = files("globaldns") / "example"
    written = [file for file in (tmp_path / "mesh").rglob("*") if file.is_file()]
    assert len(written) == 12
    for file in written:
        own = file.read_text().replace(STATE, "") if file.name == CONFIG else file.read_text()
        assert own == shipped.joinpath(*file.relative_to(tmp_path / "mesh").parts).read_text()


def test_what_it_writes_keeps_its_ledger_beside_it(run, tmp_path):
    run("init", tmp_path / "mesh")
    assert load(tmp_path / "mesh" / CONFIG, {}).state == tmp_path / "mesh/state"


def test_the_line_that_it_prints_names_the_configuration(run, tmp_path):
    printed = run("init", tmp_path / "mesh").stdout
    assert f"globaldns serve --config {tmp_path}/mesh/globaldns.yaml" in printed


def test_what_it_writes_has_no_errors(run, tmp_path):
    run("init", tmp_path / "mesh")
    printed = run(
        "check", "--config", tmp_path / "mesh/globaldns.yaml", STATE_DIRECTORY=str(tmp_path)
    )
    assert printed.stdout.splitlines()[-1].startswith("0 errors")


def test_nothing_is_overwritten_and_then_nothing_is_written(run, tmp_path):
    mine = tmp_path / "globaldns.yaml"
    mine.write_text("mine")
    printed = run("init", tmp_path)
    assert printed.exit_code == 1
    assert f"error: {mine} would be overwritten" in printed.stderr
    assert mine.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [mine]


def test_a_second_time_says_how_many_files_are_in_the_way(run, tmp_path):
    run("init", tmp_path)
    assert "and 11 more files would be overwritten" in run("init", tmp_path).stderr
