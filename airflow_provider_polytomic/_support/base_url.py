"""Which server is meant? A connection's host, schema and port as one checked base URL."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["DEFAULT_SERVER", "parse_base_url"]

# The only environment that any of the official SDKs knows (polytomic 25.9.10, environment.py).
DEFAULT_SERVER = "https://app.polytomic.com"

_HOSTNAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_PATH = re.compile(r"(/(?!\.\.?(/|$))[A-Za-z0-9._~-]+)*")
_DEFAULT_PORT = {"https": 443, "http": 80}


def parse_base_url(
    host: str | None, schema: str | None = None, port: int | None = None, *, allow_http: bool = False
) -> tuple[str, None] | tuple[None, str]:
    """Return the server's URL in one spelling (lower case, no default port, no slash at the end), or what is wrong.

    Nothing is raised, because the host can hold a password by mistake and would be a local of the frame that raises.

    :param host: a host name, with or without scheme, port and path; empty for Polytomic's own server.
    :param schema: ``https`` or ``http``, where the host does not say it.
    :param allow_http: whether a key may be sent unencrypted to a host that is not this machine.
    :returns: the URL and None, or None and a clause about "its host", which does not show it.
    """
    parts = _split(_with_scheme((host or "").strip() or DEFAULT_SERVER, (schema or "").strip().lower()))
    problem = _problem(parts, schema, port, allow_http=allow_http)
    if parts is None or problem is not None:
        return None, problem or ""
    number = parts.port or port
    host_part = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port_part = "" if number in (None, _DEFAULT_PORT[parts.scheme]) else f":{number}"
    return f"{parts.scheme}://{host_part}{port_part}{parts.path.rstrip('/')}", None


def _with_scheme(host: str, schema: str) -> str:
    return host if "://" in host else f"{schema or 'https'}://{host}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        return None
    return parts


def _problem(parts: SplitResult | None, schema: str | None, port: int | None, *, allow_http: bool) -> str | None:
    if parts is None or not _is_host(parts.hostname or ""):
        return "is not the name or address of a server, such as https://app.polytomic.com"
    plain = "?" not in parts.geturl() and "#" not in parts.geturl() and _PATH.fullmatch(parts.path.rstrip("/"))
    says_other_schema = bool(schema) and (schema or "").strip().lower() != parts.scheme
    unencrypted = parts.scheme == "http" and not (allow_http or _is_this_machine(parts.hostname or ""))
    problems = {
        "or its schema must be https (or http, where that is allowed)": parts.scheme not in _DEFAULT_PORT,
        "holds a user or a password: they belong into the fields Login and Password": "@" in parts.netloc,
        "holds more than a server and a plain path": not plain,
        f"says {parts.scheme}, its schema something else": says_other_schema,
        f"says port {parts.port}, its port field {port}": bool(port and parts.port and port != parts.port),
        "would get the key unencrypted over http; use https, or set the extra allow_http to true": unencrypted,
    }
    return next((text for text, found in problems.items() if found), None)


def _is_host(hostname: str) -> bool:
    return bool(_HOSTNAME.fullmatch(hostname)) or _address(hostname) is not None


def _is_this_machine(hostname: str) -> bool:
    address = _address(hostname)
    return address.is_loopback if address is not None else hostname == "localhost"


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None
