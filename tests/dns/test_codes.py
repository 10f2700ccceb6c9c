from __future__ import annotations

import dns.edns
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest

from globaldns.dns.codes import Opcode, Option, Rcode, Rrclass, Rrtype


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Opcode, dns.opcode.Opcode),
        (Rcode, dns.rcode.Rcode),
        (Rrtype, dns.rdatatype.RdataType),
        (Rrclass, dns.rdataclass.RdataClass),
        (Option, dns.edns.OptionType),
    ],
)
def test_numbers_are_those_of_the_registry(ours: type, theirs: type) -> None:
    for member in ours:
        assert theirs[member.name] == member
