"""Asking over DNS, with the explanation beside the answer."""

import json

import dns.message
import dns.rcode
import dns.rrset
import pytest

from globaldns.cli.query import to_question, to_target

ZONES = ("global", "mesh.example")


@pytest.mark.parametrize(
    ("text", "name", "rrtype"),
    [
        ("reviews.bookinfo", "reviews.bookinfo.global", 1),
        ("Reviews.Bookinfo.GLOBAL.", "reviews.bookinfo.global", 1),
        ("reviews.bookinfo.mesh.example", "reviews.bookinfo.mesh.example", 1),
        ("_http._tcp.reviews.bookinfo", "_http._tcp.reviews.bookinfo.global", 1),
        ("global", "global", 1),
        ("example.com.", "example.com", 1),
        ("example.com", "example.com.global", 1),
        ("240.128.1.2", "2.1.128.240.in-addr.arpa", 12),
        ("2.1.128.240.in-addr.arpa", "2.1.128.240.in-addr.arpa", 1),
    ],
)
def test_a_name_outside_the_zones_gets_the_first_one_unless_it_ends_with_a_dot(text, name, rrtype):
    assert to_question(text, ZONES) == (name, rrtype)


def test_where_no_zone_is_known_a_name_is_asked_as_it_stands():
    assert to_question("reviews.bookinfo", ()) == ("reviews.bookinfo", 1)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("reviews.bookinfo", "reviews.bookinfo"),
        ("reviews.bookinfo.mesh.example.", "reviews.bookinfo"),
        ("_http._tcp.reviews.bookinfo.global", "reviews.bookinfo"),
        ("_explain.reviews.bookinfo", "reviews.bookinfo"),
        ("240.128.1.2", "240.128.1.2"),
        ("global", None),
        ("example.com.", None),
        ("2.1.128.240.in-addr.arpa", None),
    ],
)
def test_what_explains_a_name_is_its_host(text, target):
    assert to_target(text, ZONES) == target


@pytest.fixture
def answering(dns_server):
    """A DNS server that has one address for every name."""

    def answer(query):
        response = dns.message.make_response(dns.message.from_wire(query))
        name = response.question[0].name
        response.answer.append(dns.rrset.from_text(name, 30, "IN", "A", "240.128.0.1"))
        return [response.to_wire()]

    dns_server.over_udp = answer
    dns_server.over_tcp = lambda query: [b"".join(len(m).to_bytes(2) + m for m in answer(query))]
    return dns_server


def asked(server):
    protocol, query = server.asked[-1]
    return protocol, str(dns.message.from_wire(query).question[0])


def test_the_answer_is_printed_as_dig_does_with_its_reason_below(command, answering):
    printed = command("query", "reviews.bookinfo", "--at", answering.at)
    assert printed.exit_code == 0
    answer, _, why = printed.stdout.partition("\n\nreviews.bookinfo.global\n")
    assert answer.splitlines()[:5] == [
        ";; NOERROR, flags: qr",
        ";reviews.bookinfo.global. IN A",
        "",
        ";; answer",
        "reviews.bookinfo.global.   30   IN   A   240.128.0.1",
    ]
    assert f";; 127.0.0.1#{answering.port} over UDP" in answer
    assert "exported by" in why
    assert "claims" not in why


def test_the_configured_address_is_asked(command, mesh, answering):
    mesh.configure(dns={"listen": [answering.at]})
    assert command("query", "reviews.bookinfo.global").exit_code == 0
    assert asked(answering) == ("UDP", "reviews.bookinfo.global. IN A")


def test_the_running_servers_address_is_asked(run, api, answering, tmp_path):
    api.put_config(tmp_path, zones=["mesh"], dns={"listen": [answering.at]})
    printed = run("query", "shop.web", "--server", api.url)
    assert printed.exit_code == 0
    assert asked(answering) == ("UDP", "shop.web.mesh. IN A")
    assert "no explanation: there is nothing" in printed.stderr


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (("reviews.bookinfo", "aaaa"), ("UDP", "reviews.bookinfo.global. IN AAAA")),
        (("reviews.bookinfo", "TYPE65", "--tcp"), ("TCP", "reviews.bookinfo.global. IN HTTPS")),
        (("240.128.1.2",), ("UDP", "2.1.128.240.in-addr.arpa. IN PTR")),
    ],
)
def test_type_and_transport_are_as_they_are_asked_for(command, answering, arguments, question):
    assert command("query", *arguments, "--at", answering.at).exit_code == 0
    assert asked(answering) == question


def test_an_address_is_explained_by_its_host(command, answering):
    printed = command("query", "240.128.1.2", "--at", answering.at)
    assert "\nproductpage.bookinfo.global\n" in printed.stdout


def test_a_name_of_the_zones_own_is_called_so(command, answering):
    printed = command("query", "ns.global", "--at", answering.at)
    assert "ns is no host, but a name of the zone's own" in printed.stderr
    assert "NXDOMAIN" not in printed.stdout


def test_a_name_above_hosts_says_what_lies_below(command, answering):
    printed = command("query", "bookinfo.global", "--at", answering.at)
    assert "no host: NODATA; hosts lie below it: " in printed.stdout


def test_any_answer_is_success(command, dns_server):
    def refuse(query):
        response = dns.message.make_response(dns.message.from_wire(query))
        response.set_rcode(dns.rcode.REFUSED)
        return [response.to_wire()]

    dns_server.over_udp = refuse
    printed = command("query", "example.com.", "--at", dns_server.at)
    assert printed.exit_code == 0
    assert printed.stdout.startswith(";; REFUSED")
    assert "example.com. is no host of global" in printed.stderr


def test_no_answer_is_failure(command):
    printed = command("query", "reviews.bookinfo")
    assert (printed.exit_code, printed.stdout) == (1, "")
    assert "connection refused" in printed.stderr


def test_a_server_that_is_named_needs_no_configuration(run, answering):
    printed = run("query", "shop.web.global", "--at", answering.at, "--config", "/nowhere")
    assert printed.exit_code == 0
    assert printed.stdout.startswith(";; NOERROR")
    assert "no explanation: /nowhere" in printed.stderr


def test_without_configuration_and_server_there_is_nobody_to_ask(run):
    printed = run("query", "shop.web.global", "--config", "/nowhere")
    assert printed.exit_code == 1
    assert "error: /nowhere: no such file or directory\nhint: name another file" in printed.stderr


def test_programs_get_answer_and_explanation(command, answering):
    printed = command("query", "reviews.bookinfo", "--at", answering.at, "-o", "json")
    document = json.loads(printed.stdout)
    assert document["answer"]["message"]["answer"][0]["data"] == "240.128.0.1"
    assert document["explanation"]["host"] == "reviews.bookinfo"


@pytest.mark.parametrize("arguments", [("x", "NOPE"), ("x", "--at", "localhost"), ()])
def test_what_cannot_be_asked_is_a_usage_error(command, arguments):
    assert command("query", *arguments).exit_code == 2


@pytest.mark.parametrize("name", ["global", "GLOBAL."])
def test_a_zone_is_no_host_and_has_no_explanation(command, answering, name):
    printed = command("query", name, "SOA", "--at", answering.at)
    assert printed.exit_code == 0
    assert printed.stderr.splitlines()[-1] == "global is a zone, and no host in it"
