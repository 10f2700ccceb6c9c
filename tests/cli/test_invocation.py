"""The options that commands share."""

import json
from pathlib import Path

import pytest

from globaldns.cli.invocation import Invocation
from globaldns.errors import ConfigError, GlobalDnsError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLOBALDNS_CONFIG", raising=False)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_configuration_is_the_one_that_is_named(monkeypatch):
    monkeypatch.setenv("GLOBALDNS_CONFIG", "from-environment.yaml")
    assert Invocation(config=Path("named.yaml")).config_path() == Path("named.yaml")
    assert Invocation().config_path() == Path("from-environment.yaml")


def test_without_a_name_it_is_the_default_that_exists(folder):
    (folder / "config").mkdir()
    (folder / "config/globaldns.yaml").touch()
    assert Invocation().config_path() == Path("config/globaldns.yaml")


@pytest.mark.skipif(Path("/etc/globaldns").exists(), reason="this machine has one")
@pytest.mark.usefixtures("folder")
def test_without_any_the_error_says_how_to_get_one():
    with pytest.raises(GlobalDnsError, match="no configuration") as caught:
        Invocation().config_path()
    assert "globaldns init" in caught.value.hint


def test_a_bad_configuration_is_refused_with_all_its_problems(folder):
    (folder / "x.yaml").write_text("grace: soon\n")
    with pytest.raises(ConfigError) as caught:
        Invocation(config=folder / "x.yaml").load_config()
    assert len(caught.value.problems) > 1


def test_options_stand_before_or_after_the_command_and_there_they_win(run):
    assert json.loads(run("-o", "json", "version").stdout)
    assert json.loads(run("-o", "yaml", "version", "-o", "json").stdout)


@pytest.mark.parametrize("server", ["localhost:8053", "ftp://x", ""])
def test_a_server_is_a_url_or_one_of_two_words(run, server):
    printed = run("list", "--server", server)
    assert printed.exit_code == 2
    assert "http://HOST:PORT, auto, none" in printed.stderr


def test_an_output_that_is_unknown_is_a_usage_error(run):
    assert run("version", "-o", "xml").exit_code == 2
