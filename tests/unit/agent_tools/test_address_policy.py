"""Which addresses a step may be sent to."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.errors import InvalidRequestError
from workflow_engine.outbound import (
    AddressPolicy,
    AddressRefusedError,
    Destination,
    HostNotFoundError,
    embedded,
    kind_of,
)

PUBLIC = AddressPolicy()


def policy(text: str) -> AddressPolicy:
    return AddressPolicy.from_text(text)


def resolving(*addresses: str, under: AddressPolicy = PUBLIC, host: str = "some.example", port: int = 443) -> object:
    return under.resolve(host, port, lambda _host, _port: addresses)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.1.2.3", "a private address"),
        ("172.31.255.255", "a private address"),
        ("192.168.0.1", "a private address"),
        ("127.0.0.1", "a loopback address"),
        ("127.255.255.254", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("169.254.170.2", "a link-local address"),
        ("100.64.0.1", "an address of a carrier's or cloud's own network"),
        ("100.127.255.255", "an address of a carrier's or cloud's own network"),
        ("0.0.0.0", "the unspecified address"),
        ("0.1.2.3", "a reserved address"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.255", "a multicast address"),
        ("240.0.0.1", "a reserved address"),
        ("255.255.255.255", "a reserved address"),
        ("192.0.0.8", "a reserved address"),
        ("198.18.0.1", "a reserved address"),
        ("203.0.113.7", "a reserved address"),
        ("::", "the unspecified address"),
        ("::1", "a loopback address"),
        ("fe80::1", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("fc00::1", "a private address"),
        ("fd00:ec2::254", "a link-local address"),
        ("fec0::1", "a private address"),
        ("ff02::1", "a multicast address"),
        ("2001:db8::1", "a reserved address"),
        ("64:ff9b:1::1", "a reserved address"),
        ("::127.0.0.1", "a reserved address"),
        ("4000::1", "a reserved address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("64:ff9b::10.0.0.1", "a private address"),
        ("2002:7f00:1::", "a loopback address"),
        ("2002:a9fe:a9fe::1", "a link-local address"),
        # Teredo: server 65.54.227.120, client 192.168.0.1 with all bits turned around; then a server inside.
        ("2001:0:4136:e378:8000:63bf:3f57:fffe", "a private address"),
        ("2001:0:a00:1:8000:63bf:3fff:fdd2", "a private address"),
    ],
)
def test_addresses_inside_are_refused_in_each_of_their_forms(address: str, kind: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) == kind
    with pytest.raises(AddressRefusedError):
        resolving(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "172.15.255.255",
        "100.63.255.255",
        "100.128.0.1",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450:4001:80b::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:808:808::1",
    ],
)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert kind_of(ipaddress.ip_address(address)) is None
    assert resolving(address) == (address,)


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_no_address_is_public_here_that_python_knows_as_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if kind_of(address) is None:
        for carried in embedded(address) or (address,):
            assert not carried.is_private
            assert not carried.is_multicast
            assert not carried.is_reserved


@pytest.mark.parametrize("network", ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10", "::/32"])
@given(data=st.data())
def test_no_address_of_a_network_inside_is_public(network: str, data: st.DataObject) -> None:
    assert kind_of(data.draw(st.ip_addresses(network=network))) is not None


def test_a_refusal_tells_the_kind_of_address_and_the_variable_but_not_the_address() -> None:
    with pytest.raises(AddressRefusedError) as refused:
        resolving("10.0.0.5", host="db.internal")

    assert isinstance(refused.value, InvalidRequestError)
    assert refused.value.code == "address_refused"
    assert refused.value.detail == (
        "'db.internal' has a private address, and a step may only be sent to public addresses. An operator can allow "
        "others by the variable STEP_HTTP_ALLOWED_HOSTS."
    )


def test_a_host_with_one_address_inside_is_refused_as_a_whole() -> None:
    with pytest.raises(AddressRefusedError):
        resolving("8.8.8.8", "127.0.0.1")
    with pytest.raises(AddressRefusedError):
        resolving("2606:4700:4700::1111", "::ffff:10.0.0.1", under=policy("127.0.0.1"))


def test_a_host_resolves_to_its_addresses_in_order_each_once() -> None:
    assert resolving("8.8.4.4", "8.8.8.8", "8.8.4.4") == ("8.8.4.4", "8.8.8.8")


def test_a_host_without_address_is_not_found() -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(HostNotFoundError, match=r"'some.example' has no address"):
        resolving()
    with pytest.raises(HostNotFoundError, match=r"'x.example' cannot be found"):
        PUBLIC.resolve("x.example", 80, fail)
    with pytest.raises(HostNotFoundError):
        PUBLIC.resolve("a" * 64 + ".example", 80)


@pytest.mark.parametrize(
    "spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1", "::1", "localhost"]
)
def test_odd_spellings_are_judged_by_the_address_that_the_system_makes_of_them(spelling: str) -> None:
    with pytest.raises(AddressRefusedError, match="a loopback address"):
        PUBLIC.resolve(spelling, 80)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1.:80/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
        "http://localhost:8080/",
        "http://LOCALHOST./",
        "http://app.localhost/",
    ],
)
def test_a_url_that_spells_out_an_address_inside_is_refused_without_a_look_up(url: str) -> None:
    with pytest.raises(AddressRefusedError):
        PUBLIC.check_url(url)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://example.com/", "Only URLs that begin with"),
        ("file:///etc/passwd", "Only URLs that begin with"),
        ("gopher://example.com/", "Only URLs that begin with"),
        ("//example.com/", "Only URLs that begin with"),
        ("example.com", "Only URLs that begin with"),
        ("http:///path", "names no host"),
        ("http://user@example.com/", "user or password"),
        ("http://user:secret@example.com/", "user or password"),
        ("http://@example.com/", "user or password"),
        ("http://example.com:99999/", "malformed"),
        ("http://example.com:port/", "malformed"),
        ("http://[::1/", "malformed"),
        ("http://[fe80::1%25eth0]/", "host holds '%'"),
        ("http://%31%32%37.0.0.1/", "host holds '%'"),
        ("http://example.com/a b", "blank"),
        ("http://example.com\\@127.0.0.1/", "backslash"),
        ("http://exam\tple.com/", "control character"),
        ("http://example.com/\r\nHost: x", "control character"),
    ],
)
def test_a_url_that_is_not_plain_http_is_refused_with_the_reason(url: str, said: str) -> None:
    with pytest.raises(AddressRefusedError, match=said) as refused:
        PUBLIC.check_url(url)
    assert "secret" not in refused.value.detail


def test_a_url_gives_its_destination() -> None:
    assert PUBLIC.check_url("HTTPS://Example.COM./path?q=1") == Destination("https", "example.com", 443)
    assert PUBLIC.check_url("http://8.8.8.8:8080/") == Destination("http", "8.8.8.8", 8080)
    assert PUBLIC.check_url("http://bücher.example/") == Destination("http", "xn--bcher-kva.example", 80)


@pytest.mark.parametrize(
    ("allowed", "host", "port", "address", "reached"),
    [
        ("db.internal", "db.internal", 5432, "10.0.0.5", True),
        ("DB.Internal.", "db.internal", 80, "10.0.0.5", True),
        ("db.internal", "DB.internal.", 80, "10.0.0.5", True),
        ("db.internal", "other.internal", 80, "10.0.0.5", False),
        ("db.internal:8080", "db.internal", 8080, "10.0.0.5", True),
        ("db.internal:8080", "db.internal", 80, "10.0.0.5", False),
        ("10.0.0.0/8", "any.example", 80, "10.200.0.5", True),
        ("10.0.0.0/8", "any.example", 80, "11.0.0.5", True),
        ("10.0.0.0/8", "any.example", 80, "192.168.0.5", False),
        ("10.0.0.0/8", "any.example", 80, "::ffff:10.0.0.5", True),
        ("10.0.0.5", "any.example", 80, "10.0.0.5", True),
        ("10.0.0.5", "any.example", 80, "10.0.0.6", False),
        ("10.0.0.5:81", "any.example", 80, "10.0.0.5", False),
        ("fd00::/8", "any.example", 80, "fd12::1", True),
        ("fd12::1", "fd12::1", 80, "fd12::1", True),
        ("[fd12::1]:81", "fd12::1", 81, "fd12::1", True),
        ("[fd12::1]:81", "fd12::1", 80, "fd12::1", False),
        ("[fd12::1]", "fd12::1", 80, "fd12::1", True),
        ("a.internal, b.internal ,", "b.internal", 80, "10.0.0.5", True),
        ("bücher.internal", "xn--bcher-kva.internal", 80, "10.0.0.5", True),
        # A host's name opens what is private, not what answers on the link: that must be named as an address.
        ("meta.internal", "meta.internal", 80, "169.254.169.254", False),
        ("meta.internal", "meta.internal", 80, "::ffff:169.254.169.254", False),
        ("meta.internal", "meta.internal", 80, "fd00:ec2::254", False),
        ("meta.internal", "meta.internal", 80, "0.0.0.0", False),
        ("169.254.169.254", "meta.internal", 80, "169.254.169.254", True),
    ],
)
def test_the_variable_opens_what_it_names(allowed: str, host: str, port: int, address: str, reached: bool) -> None:
    if reached:
        assert policy(allowed).resolve(host, port, lambda _host, _port: [address]) == (address,)
    else:
        with pytest.raises(AddressRefusedError):
            policy(allowed).resolve(host, port, lambda _host, _port: [address])


def test_an_empty_variable_opens_nothing() -> None:
    assert policy("") == policy(" , ") == AddressPolicy()


@pytest.mark.parametrize(
    "text", ["http://x", "x:0", "x:99999", "x:port", "10.0.0.0/99", "[nonsense]:80", "[::1", "a b", "*.internal", "x/y"]
)
def test_a_wrong_entry_of_the_variable_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="STEP_HTTP_ALLOWED_HOSTS: '") as wrong:
        policy(f"good.internal,{text}")
    assert text in str(wrong.value)


def test_the_policy_needs_the_standard_library_only() -> None:
    code = (
        "import sys; before = set(sys.modules); import workflow_engine.outbound; "
        "print(sorted({m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['workflow_engine']"
