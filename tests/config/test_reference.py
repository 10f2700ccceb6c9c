from globaldns.config.reference import reference_table


def rows():
    lines = reference_table().splitlines()[2:]
    return {line.removeprefix("| ").split(" | ")[0]: line for line in lines}


def test_every_key_has_a_row_with_default_and_meaning():
    table = rows()
    assert table["`dns.ttl`"] == (
        '| `dns.ttl` | duration | `"30s"` | How long a resolver may keep an answer. |'
    )
    assert "| required |" in table["`cluster`"]
    assert "`clusters.<cluster id>.gateways[].port`" in table
    assert "`zones[].name`" in table


def test_every_row_has_four_cells():
    assert all(row.count(" | ") == 3 for row in rows().values())
