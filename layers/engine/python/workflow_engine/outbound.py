"""Which addresses a step may be sent to: public ones, and those that the deployment allows.

A workflow's author names URLs, and so does a model that was talked into it by what it read. Neither may reach what
stands beside the step: its cloud's metadata service, the VPC, the laptop. What counts is never the URL's spelling but
the addresses that its host resolves to; all of them are judged, and the connection has to be made to one that was
judged, since a second look-up may answer otherwise (DNS rebinding). Transports that do so are
`agent_tools.guarded_http` and `workflow_engine.outbound_http`.

An operator allows addresses that are otherwise refused in the variable `STEP_HTTP_ALLOWED_HOSTS`; its text is passed
in here, nothing is read at import. The networks are those of IANA's special-purpose address registries
(https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry).
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from workflow_engine.errors import InvalidRequestError, WorkflowEngineError
from workflow_engine.lazy_dataclass import dataclass

ALLOWED_HOSTS_VARIABLE: Final = "STEP_HTTP_ALLOWED_HOSTS"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Lookup = Callable[[str, int], Sequence[str]]
"""Host and port to addresses as text, the best first. Raises OSError."""

_PORTS: Final = {"http": 80, "https": 443}
_UNFIT_IN_URL: Final = re.compile(r"[\x00-\x20\x7f\\]")
"""Parsers disagree about these: some drop them, some take a backslash for a slash."""

_LINK_LOCAL: Final = "a link-local address"
_MULTICAST: Final = "a multicast address"
_UNSPECIFIED: Final = "the unspecified address"
_LOOPBACK: Final = "a loopback address"
_PRIVATE: Final = "a private address"
_SHARED: Final = "an address of a carrier's or cloud's own network"
_RESERVED: Final = "a reserved address"

_ONLY_BY_ADDRESS: Final = frozenset({_LINK_LOCAL, _MULTICAST, _UNSPECIFIED})
"""What the name of an allowed host does not open, since nobody means it: the metadata service of a cloud is link-local."""

_KINDS_V4: Final[tuple[tuple[ipaddress.IPv4Network, str], ...]] = tuple(
    (ipaddress.IPv4Network(network), kind)
    for network, kind in (
        ("0.0.0.0/32", _UNSPECIFIED),
        ("0.0.0.0/8", _RESERVED),
        ("10.0.0.0/8", _PRIVATE),
        ("100.64.0.0/10", _SHARED),
        ("127.0.0.0/8", _LOOPBACK),
        ("169.254.0.0/16", _LINK_LOCAL),
        ("172.16.0.0/12", _PRIVATE),
        ("192.0.0.0/24", _RESERVED),
        ("192.0.2.0/24", _RESERVED),
        ("192.88.99.0/24", _RESERVED),
        ("192.168.0.0/16", _PRIVATE),
        ("198.18.0.0/15", _RESERVED),
        ("198.51.100.0/24", _RESERVED),
        ("203.0.113.0/24", _RESERVED),
        ("224.0.0.0/4", _MULTICAST),
        ("240.0.0.0/4", _RESERVED),
    )
)
_KINDS_V6: Final[tuple[tuple[ipaddress.IPv6Network, str], ...]] = tuple(
    (ipaddress.IPv6Network(network), kind)
    for network, kind in (
        ("::/128", _UNSPECIFIED),
        ("::1/128", _LOOPBACK),
        # EC2, "Instance metadata": fd00:ec2::254 and its siblings answer on the link, though they look private.
        ("fd00:ec2::/32", _LINK_LOCAL),
        ("fc00::/7", _PRIVATE),
        ("fe80::/10", _LINK_LOCAL),
        ("fec0::/10", _PRIVATE),
        ("ff00::/8", _MULTICAST),
        ("2001::/23", _RESERVED),
        ("2001:db8::/32", _RESERVED),
        ("3fff::/20", _RESERVED),
    )
)
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
"""All that IANA has given out as global unicast; the rest of IPv6 is special."""

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefusedError(InvalidRequestError):
    """A step may not be sent to this URL or address. A kind of InvalidRequestError, since it is the request that names
    the address: an API answers it with 422, a run with a failure that no retry mends.
    """

    code = "address_refused"


class HostNotFoundError(WorkflowEngineError):
    """A host has no address."""

    code = "host_not_found"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads. `host` is in lower case, without a final dot, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry of the variable: a host's name or a network, and the one port if it names one."""

    name: str | None
    network: Network | None
    port: int | None

    def covers(self, host: str, port: int, address: Address, kind: str) -> bool:
        """Whether this entry opens an address of that kind, reached by that host's name."""
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return any(a.version == self.network.version and a in self.network for a in (address, *embedded(address)))
        return self.name == host and kind not in _ONLY_BY_ADDRESS


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be reached: public addresses, and what `allowed` opens."""

    allowed: tuple[AllowedHost, ...] = ()

    @classmethod
    def from_text(cls, text: str) -> AddressPolicy:
        """From the variable's text: comma separated host, host:port, [v6]:port, IP or CIDR. ValueError names a wrong
        entry. A host's name does not open link-local, multicast and unspecified addresses; only an IP or CIDR does.
        """
        return cls(tuple(_entry(part.strip()) for part in text.split(",") if part.strip()))

    def check_url(self, url: str) -> Destination:
        """Where a URL leads, as far as can be told without a look-up. Raises AddressRefusedError: not http or https,
        user and password in it, or an address (in any spelling that the system knows) that may not be reached.
        """
        to = destination(url)
        for address in _written_addresses(to.host):
            self.check_address(to.host, to.port, address)
        return to

    def check_address(self, host: str, port: int, address: Address) -> None:
        """Judge one address of a host. Raises AddressRefusedError."""
        kind = kind_of(address)
        if kind is None or any(entry.covers(_normal(host), port, address, kind) for entry in self.allowed):
            return
        # The address itself stays untold: what names inside resolve to is nobody's business outside.
        raise AddressRefusedError(
            f"'{host}' has {kind}, and a step may only be sent to public addresses. An operator can allow others by "
            f"the variable {ALLOWED_HOSTS_VARIABLE}."
        )

    def checked(self, host: str, port: int, answers: Iterable[str]) -> tuple[str, ...]:
        """The answers of a look-up, if every one may be connected to. AddressRefusedError if one may not, so that a
        host cannot mix a public address with one inside; HostNotFoundError without any.
        """
        addresses = tuple(dict.fromkeys(answers))
        if not addresses:
            raise HostNotFoundError(f"The host '{host}' has no address.")
        for address in addresses:
            self.check_address(host, port, ipaddress.ip_address(address))
        return addresses

    def resolve(self, host: str, port: int, lookup: Lookup | None = None) -> tuple[str, ...]:
        """Look a host up, once, and give the addresses to connect to, the best first. Connect to one of these and never
        to the name again. Raises AddressRefusedError, HostNotFoundError.
        """
        try:
            answers = (lookup or system_lookup)(host, port)
        except (OSError, UnicodeError):  # UnicodeError: a label that no name can have, such as one of 64 characters
            raise HostNotFoundError(f"The host '{host}' cannot be found.") from None
        return self.checked(host, port, answers)

    def resolve_within(self, host: str, port: int, seconds: float, lookup: Lookup | None = None) -> tuple[str, ...]:
        """`resolve`, in a thread of its own: getaddrinfo knows no timeout, and may take half a minute where name servers are
        silent. Raises also TimeoutError.
        """
        answer: queue.SimpleQueue[tuple[str, ...] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                answer.put(self.resolve(host, port, lookup))
            except Exception as error:  # handed over to the thread that waits, whatever it is
                answer.put(error)

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        try:
            found = answer.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"looking up '{host}' took too long") from None
        if isinstance(found, Exception):
            raise found
        return found


def system_lookup(host: str, port: int) -> list[str]:
    """What the operating system says, in the order in which it would connect (RFC 6724). Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def destination(url: str) -> Destination:
    """The parts of a URL that decide where it leads. AddressRefusedError for one that a step may not have at all."""
    if _UNFIT_IN_URL.search(url):
        raise AddressRefusedError("The URL holds a blank, a control character or a backslash. Percent-encode it.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressRefusedError("The URL cannot be read: its host or port is malformed.") from None
    if parts.scheme not in _PORTS:
        raise AddressRefusedError("Only URLs that begin with http:// or https:// may be used.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefusedError("The URL holds a user or password before '@'. Leave it out.")
    if not host:
        raise AddressRefusedError("The URL names no host.")
    if "%" in host:  # the zone of a link-local address, or a name that only some parsers would decode
        raise AddressRefusedError("The URL's host holds '%'. Write the name as it is.")
    return Destination(parts.scheme, _normal(host), _PORTS[parts.scheme] if port is None else port)


def kind_of(address: Address) -> str | None:
    """What makes an address one that is not public, as words; None for a public one. An IPv6 address that carries an
    IPv4 address is as public as that one.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return next((kind for network, kind in _KINDS_V4 if address in network), None)
    carried = embedded(address)
    if carried:
        return next((kind for inner in carried if (kind := kind_of(inner))), None)
    special = next((kind for network, kind in _KINDS_V6 if address in network), None)
    return special or (None if address in _PUBLIC_V6 else _RESERVED)


def embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that packets to an IPv6 address end up at: mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC
    3056), Teredo's server and client (RFC 4380).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    return address.teredo or ()


def _written_addresses(host: str) -> list[Address]:
    """The addresses that a host's name spells out: 127.0.0.1, 0x7f.1, 2130706433, ::1; and localhost (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return [ipaddress.IPv4Address("127.0.0.1")]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(sockaddr[0]) for *_, sockaddr in found]


def _normal(host: str) -> str:
    """One spelling for all of a name's; a name beyond ASCII as the DNS has it."""
    host = host.lower().removesuffix(".")
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host  # no look-up will find it


def _entry(text: str) -> AllowedHost:
    """An entry of the variable. A bare IPv6 address holds colons too, so networks are tried first."""
    network = _network(text)
    if network is not None:
        return AllowedHost(None, network, None)
    match = re.fullmatch(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[\w.-]+))(?::(?P<port>\d{1,5}))?", text)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 1 <= port <= 65535):
        raise ValueError(_wrong(text))
    network = _network(match["v6"] or match["host"])
    if network is None and match["v6"]:
        raise ValueError(_wrong(text))
    return AllowedHost(None if network else _normal(match["host"]), network, port)


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _wrong(text: str) -> str:
    return f"{ALLOWED_HOSTS_VARIABLE}: '{text}' is not a valid host, host:port, [IPv6]:port, IP address or CIDR block."
