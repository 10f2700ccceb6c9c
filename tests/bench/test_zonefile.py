from __future__ import annotations

from pathlib import Path

import dns.zone

from tests.bench import zonefile

VIPS = {"a.b.global": "240.128.0.1", "c.d.global": "240.128.0.2"}


def test_the_zone_file_has_every_host_with_its_address(tmp_path: Path) -> None:
    files = zonefile.write(tmp_path, VIPS)
    zone = dns.zone.from_file(str(files.master), "global")
    found = {name: zone.get_rdataset(name.removesuffix(".global"), "A") for name in VIPS}
    assert {name: str(records[0]) for name, records in found.items() if records} == VIPS


def test_the_hosts_file_has_an_address_and_a_host_in_each_line(tmp_path: Path) -> None:
    lines = zonefile.write(tmp_path, VIPS).hosts.read_text().splitlines()
    assert lines == ["240.128.0.1 a.b.global", "240.128.0.2 c.d.global"]


def test_wildcards_and_hosts_without_an_address_are_left_out() -> None:
    listed = {
        "services": [
            {"names": ["a.b.global"], "vips": ["240.128.0.1", "fd67::1"]},
            {"names": ["*.t.global"], "vips": ["240.128.0.2"]},
            {"names": ["none.b.global"], "vips": []},
        ]
    }
    assert zonefile.addresses(listed) == {"a.b.global": "240.128.0.1"}
