"""Who and what answers, in class CH, where that is switched on.

Standards:
    RFC 4892   version.bind, hostname.bind, id.server
"""

from __future__ import annotations

from globaldns import __version__
from globaldns.config.schema import Chaos
from globaldns.dns.answer import REFUSED
from globaldns.dns.codes import Rcode, Rrtype
from globaldns.dns.names import ROOT, encode_name
from globaldns.dns.records import encode_txt
from globaldns.dns.reply import Answer, Rrset
from globaldns.dns.rules import DnsRules

_VERSION = frozenset(encode_name(name) + ROOT for name in ("version.bind", "version.server"))
_INSTANCE = frozenset(encode_name(name) + ROOT for name in ("id.server", "hostname.bind"))


def resolve_chaos(rules: DnsRules, qname: bytes, qtype: int) -> Answer:
    """Return the answer to a question of class CH; ``qname`` is folded."""
    if rules.chaos is Chaos.HIDDEN or qtype not in (Rrtype.TXT, Rrtype.ANY):
        return REFUSED
    if qname in _VERSION:
        text = f"globaldns {__version__}"
    elif qname in _INSTANCE:
        text = rules.instance
    else:
        return REFUSED
    return Answer(Rcode.NOERROR, True, Rrset(Rrtype.TXT, 0, (encode_txt([text]),)))
