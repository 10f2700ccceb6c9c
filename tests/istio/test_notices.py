from __future__ import annotations

from globaldns.istio.notices import Code, Notice, to_finding


def test_a_notice_is_a_warning_with_the_host_and_the_cluster_that_lacks_it() -> None:
    found = to_finding(Notice("web.shop.global", Code.NO_VIP, "it has no VIP", "wait"), "east")
    assert str(found) == ("east: warning: web.shop.global: it has no VIP (fix: wait) [no-vip]")
