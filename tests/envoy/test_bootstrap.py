"""What an Envoy is started with."""

from __future__ import annotations

from globaldns.envoy.bootstrap import AdminPlace, bootstrap


def test_it_takes_everything_else_from_its_folder() -> None:
    made = bootstrap(node="n", cluster="c", folder="/d", admin=AdminPlace())
    assert made["node"] == {"id": "n", "cluster": "c"}
    paths = {
        name: source["path_config_source"]["path"]
        for name, source in made["dynamic_resources"].items()
    }
    assert paths == {"cds_config": "/d/cds.json", "lds_config": "/d/lds.json"}


def test_who_may_end_it_comes_over_loopback_or_a_socket_of_its_own_user() -> None:
    place = bootstrap(node="n", cluster="c", folder="/d", admin=AdminPlace())["admin"]["address"]
    assert place == {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}
    made = bootstrap(node="n", cluster="c", folder="/d", admin=AdminPlace(path="/d/a.sock"))
    assert made["admin"]["address"] == {"pipe": {"path": "/d/a.sock", "mode": 0o600}}


def test_connections_have_a_maximum() -> None:
    made = bootstrap(node="n", cluster="c", folder="/d", admin=AdminPlace())
    [monitor] = made["overload_manager"]["resource_monitors"]
    assert int(monitor["typed_config"]["max_active_downstream_connections"]) > 0
