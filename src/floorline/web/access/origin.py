"""Where a request comes from, by what browsers say of themselves. Pure.

Browsers set Sec-Fetch-Site and Origin, and no page can change either. A Host that is none of ours is a name that another
site has pointed at this machine (DNS rebinding): its pages would count as ours.
"""

from collections.abc import Collection, Mapping, Sequence
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

_NETWORK_PARTS = 4
"""Of eight: a customer of a provider has at least so many of an IPv6 address to himself."""


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in lower case; '' when there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def foreign(headers: Mapping[str, str], public_url: str) -> str:
    """Why a change comes from another site, '' when nothing says so. A request that is none of a browser says nothing."""
    site = headers.get("sec-fetch-site", "")
    if site:
        return "" if site in {"same-origin", "none"} else f"the browser says it comes from another site ({site})"
    origin = headers.get("origin", "")
    if not origin or _same(origin, headers.get("host", ""), public_url):
        return ""
    return f"it comes from {origin[:200]}, and this is {headers.get('host', '')[:200]}"


def _same(origin: str, host: str, public_url: str) -> bool:
    """A name that is not there, as in the origin `null`, is no name of ours."""
    try:
        asked, public = urlsplit(origin), urlsplit(public_url)
    except ValueError:
        return False
    return bool(asked.netloc) and (
        asked.netloc == host or (asked.scheme, asked.netloc) == (public.scheme, public.netloc)
    )


def client_address(address: str, forwarded: str, proxies: Collection[str]) -> str:
    """The machine that asks: `address` is the connection's, `forwarded` its X-Forwarded-For, of which only what `proxies`
    added is believed.
    """
    hops: Sequence[str] = [hop for one in forwarded.split(",") if (hop := one.strip())]
    for hop in reversed(hops):
        if address not in proxies:
            break
        address = hop
    return address


def network(address: str) -> str:
    """What one visitor has to himself: an IPv4 address, or the first half of an IPv6 one."""
    try:
        parts = IPv6Address(address.strip("[]")).exploded.split(":")
    except AddressValueError:
        return address
    return ":".join(parts[:_NETWORK_PARTS])
