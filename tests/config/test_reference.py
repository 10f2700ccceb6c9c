from globaldns.config.reference import reference_table


def rows():
    lines = reference_table().splitlines()[2:]
    return {line.removeprefix("| ").split(" | ")[0]: line for line in lines}


def test_every_key_has_a_row_with_default_and_meaning():
    table = rows()
    assert table["`dns.ttl`"] == (
        '| `dns.ttl` | duration, 1s to 1d | `"30s"` | How long a resolver may keep an answer. |'
    )
    assert "| duration, 0s or 1s to 1h |" in table["`routing.probes.interval`"]
    assert "| required |" in table["`cluster`"]
    assert "`clusters.<cluster id>.gateways[].port`" in table
    assert "`zones[].name`" in table


def test_a_section_that_words_stand_for_has_a_row_of_its_own():
    lost = "`clusters.<cluster id>.lost.names"
    assert rows()[f"{lost}`"].startswith(f'| {lost}` | `keep` or `drop` or mapping | `"keep"` |')
    assert f"{lost}.expire`" in rows()


def test_a_section_that_is_absent_unless_it_is_written_has_a_row_of_its_own():
    assert rows()["`vips.ledger.kubernetes`"].startswith(
        "| `vips.ledger.kubernetes` | mapping |  |"
    )
    source = "`clusters.<cluster id>.source.kubernetes"
    assert rows()[f"{source}`"].startswith(f"| {source}` | mapping |  | The cluster's API server")
    assert f"{source}.kubeconfig`" in rows()


def test_every_row_has_four_cells():
    assert all(row.count(" | ") == 3 for row in rows().values())
