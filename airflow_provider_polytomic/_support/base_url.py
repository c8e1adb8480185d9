"""Base URL of a server, from a connection's host, schema and port."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["DEFAULT_PORTS", "DEFAULT_SERVER", "bracket_host", "is_this_machine", "parse_base_url"]

# The only environment in the official SDKs (polytomic 25.9.10, environment.py).
DEFAULT_SERVER = "https://app.polytomic.com"

_HOSTNAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)*")
DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_PORT = 65535
_PORTS = range(1, _MAX_PORT + 1)


def parse_base_url(
    host: str | None, schema: str | None = None, port: int | None = None, *, allow_http: bool = False
) -> tuple[str, None] | tuple[None, str]:
    """Return the server's URL in canonical form (lower case, no default port, no trailing slash), or the problem.

    Nothing is raised: the host may contain a password by mistake, and would be a local of the frame that raises.

    :param host: a host name, with or without scheme, port and path; empty for Polytomic's own server.
    :param schema: ``https`` or ``http``, if the host has no scheme.
    :param allow_http: whether a key may be sent unencrypted to another machine.
    :returns: the URL and None, or None and a clause that follows "its host" and does not show the host.
    """
    parts = _split(_with_scheme((host or "").strip() or DEFAULT_SERVER, (schema or "").strip().lower()))
    problem = _problem(parts, schema, port, allow_http=allow_http)
    if parts is None or problem is not None:
        return None, problem or ""
    number = parts.port or port
    host_part = bracket_host(parts.hostname)
    port_part = "" if number in (None, DEFAULT_PORTS[parts.scheme]) else f":{number}"
    return f"{parts.scheme}://{host_part}{port_part}{parts.path.rstrip('/')}", None


def is_this_machine(hostname: str) -> bool:
    """Return whether a host name or address is certainly this machine's own."""
    hostname = hostname.rstrip(".")
    address = _address(hostname)
    if address is None:
        return hostname == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _with_scheme(host: str, schema: str) -> str:
    return host if "://" in host else f"{schema or 'https'}://{host}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit validates the port when it is read
    except ValueError:
        return None
    return parts


def _problem(parts: SplitResult | None, schema: str | None, port: int | None, *, allow_http: bool) -> str | None:
    if parts is None or not _is_host(parts.hostname or ""):
        return "is not the name or address of a server, such as https://app.polytomic.com"
    plain = "?" not in parts.geturl() and "#" not in parts.geturl() and _PATH.fullmatch(parts.path.rstrip("/"))
    is_other_schema = bool(schema) and (schema or "").strip().lower() != parts.scheme
    unencrypted = parts.scheme == "http" and not (allow_http or is_this_machine(parts.hostname or ""))
    ports = [number for number in (parts.port, port or None) if number is not None]
    problems = {
        "or its schema must be https (or http, where that is allowed)": parts.scheme not in DEFAULT_PORTS,
        "contains a user name or password; use the Login and Password fields instead": "@" in parts.netloc,
        "contains more than a server and a plain path": not plain,
        f"begins with {parts.scheme}, but its schema is different": is_other_schema,
        f"must have a port from 1 to {_MAX_PORT}": any(number not in _PORTS for number in ports),
        f"has port {parts.port}, but its port field is different": bool(port and parts.port and port != parts.port),
        "would receive the key unencrypted over http; use https, or set the extra allow_http to true": unencrypted,
    }
    return next((problem for problem, is_present in problems.items() if is_present), None)


def _is_host(hostname: str) -> bool:
    return bool(_HOSTNAME.fullmatch(hostname)) or _address(hostname) is not None


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(hostname))  # the short forms, such as 127.1
    except (OSError, ValueError):
        return None


def bracket_host(host: str | None) -> str:
    """Return a host as a URL has it: an IPv6 address in brackets."""
    return f"[{host}]" if host and ":" in host else host or ""
