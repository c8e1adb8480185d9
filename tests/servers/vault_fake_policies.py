"""What may a token of the fake Vault do? Vault's policy language, and its rule for which line wins.

The order of precedence and the matching are those of ``vault/acl.go``, which HashiCorp Vault and OpenBao share.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT_POLICY", "Acl", "PolicyError", "Rule", "parse_policy"]

CAPABILITIES = frozenset({"create", "read", "update", "delete", "list", "patch", "scan", "sudo", "deny"})

# The lines of the built-in policy that lead to something that the fake has.
DEFAULT_POLICY = """
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "identity/oidc/provider/+/authorize" { capabilities = ["read", "update"] }
"""

_COMMENT_OR_TEXT = re.compile(r'"[^"\n]*"|(?:#|//)[^\n]*|/\*.*?\*/', re.DOTALL)
_BLOCK = re.compile(r'path\s+"([^"]*)"\s*\{\s*capabilities\s*=\s*\[([^\]]*)\]\s*\}')


class PolicyError(ValueError):
    """The text is no policy, or one with more in it than the fake understands."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a policy: a path, with the namespace of its policy before it, and what it allows."""

    path: str
    capabilities: frozenset[str]

    @property
    def has_segments(self) -> bool:
        """Whether ``+`` stands for a segment somewhere."""
        return "+" in self.path.rstrip("*").split("/")

    @property
    def is_prefix(self) -> bool:
        """Whether the path is only the beginning of what it matches."""
        return self.path.endswith("*")

    @property
    def stem(self) -> str:
        """The path without its star."""
        return self.path.removesuffix("*")

    @property
    def gives(self) -> bool:
        """Whether it allows anything."""
        return bool(self.capabilities) and "deny" not in self.capabilities

    @property
    def precedence(self) -> tuple[int, bool, int, int, str]:
        """Among the rules with a wildcard that match a path, the one where this is greatest holds."""
        first_wildcard = self.stem.index("+") if self.has_segments else len(self.stem)
        return first_wildcard, not self.is_prefix, -self.stem.split("/").count("+"), len(self.stem), self.stem

    def matches(self, path: str) -> bool:
        """Whether a path without wildcards is one of those that the rule is about."""
        if not self.has_segments:
            return path.startswith(self.stem) if self.is_prefix else path == self.path
        ours, theirs = self.stem.split("/"), path.split("/")
        if len(theirs) < len(ours) or (len(theirs) > len(ours) and not self.is_prefix):
            return False
        *body, last = ours
        return all(map(_same_segment, body, theirs)) and (
            _same_segment(last, theirs[len(body)]) or (self.is_prefix and theirs[len(body)].startswith(last))
        )

    def reaches_into(self, mount: str) -> bool:
        """Whether the rule allows anything below a mount, which is written with its slash."""
        if not self.has_segments:
            return self.gives and self.stem.startswith(mount)
        ours, theirs = self.stem.split("/"), mount.rstrip("/").split("/")
        return self.gives and len(ours) >= len(theirs) and all(map(_same_segment, ours, theirs))


def _same_segment(pattern: str, segment: str) -> bool:
    return pattern in {"+", segment}


def parse_policy(text: str, namespace: str = "") -> list[Rule]:
    """Read a policy, which is HCL or JSON.

    :param namespace: the path of the policy's namespace with its slash, or empty.
    :raises PolicyError: for what Vault refuses, and for what this fake does not know (parameters, durations).
    """
    if not text.strip():
        raise PolicyError("'policy' parameter not supplied or empty")
    lines = _json_lines(text) if text.lstrip().startswith("{") else _hcl_lines(text)
    rules = []
    for path, capabilities in lines:
        if unknown := sorted(capabilities - CAPABILITIES):
            raise PolicyError(f'failed to parse policy: path "{path}": invalid capability "{unknown[0]}"')
        if "+*" in path:
            raise PolicyError(f"failed to parse policy: path \"{path}\": invalid use of wildcards ('+*' is forbidden)")
        effective = frozenset({"deny"}) if "deny" in capabilities else frozenset(capabilities)
        rules.append(Rule(namespace + path.removeprefix("/"), effective))
    return rules


def _hcl_lines(text: str) -> list[tuple[str, set[str]]]:
    bare = _COMMENT_OR_TEXT.sub(lambda found: found[0] if found[0].startswith('"') else "", text)
    if rest := _BLOCK.sub("", bare).strip():
        raise PolicyError(f"failed to parse policy: {rest.split(maxsplit=1)[0]!r} is not known here")
    return [(path, set(re.findall(r'"([^"]*)"', names))) for path, names in _BLOCK.findall(bare)]


def _json_lines(text: str) -> list[tuple[str, set[str]]]:
    document = json.loads(text)
    if any(set(block) != {"capabilities"} for block in document["path"].values()):
        raise PolicyError("failed to parse policy: only capabilities are known here")
    return [(path, set(block["capabilities"])) for path, block in document["path"].items()]


class Acl:
    """All rules that one token has.

    :param root: the namespace in which and below which everything is allowed, for a root token.
    """

    def __init__(self, rules: Iterable[Rule], root: str | None = None) -> None:
        self._root = root
        self._rules: dict[str, Rule] = {}
        for rule in rules:
            self._rules[rule.path] = _united(self._rules.get(rule.path), rule)

    def capabilities(self, path: str, *, listing: bool = False) -> frozenset[str]:
        """Return what may be done at a path, which begins with its namespace; ``{"root"}`` for everything.

        :param listing: whether the operation is a list, for which rules may leave out the slash at the end.
        """
        if self._root is not None:
            return frozenset({"root"} if path.startswith(self._root) else ())
        rule = self._exact(path, listing=listing) or self._wild(path)
        if rule is None and listing and path.endswith("/"):
            rule = self._wild(path.removesuffix("/"))
        return rule.capabilities if rule is not None else frozenset()

    def allows(self, operation: str, path: str) -> bool:
        """Whether an operation may be done at a path, which begins with its namespace."""
        return not {operation, "root"}.isdisjoint(self.capabilities(path, listing=operation == "list"))

    def reaches_into(self, mount: str) -> bool:
        """Whether anything at or below a mount is allowed; the mount begins with its namespace and ends in a slash."""
        if self.capabilities(mount, listing=True) - {"deny"}:
            return True
        rules = self._rules.values()
        # As it really is: without a "+" in any line, of which the default policy has one, even a denial counts.
        if not any(rule.has_segments for rule in rules) and self._wild(mount):
            return True
        return any(rule.reaches_into(mount) for rule in rules)

    def _exact(self, path: str, *, listing: bool) -> Rule | None:
        for candidate in [path, path.removesuffix("/")] if listing else [path]:
            rule = self._rules.get(candidate)
            if rule is not None and not rule.is_prefix and not rule.has_segments:
                return rule
        return None

    def _wild(self, path: str) -> Rule | None:
        wild = [rule for rule in self._rules.values() if rule.is_prefix or rule.has_segments]
        return max((rule for rule in wild if rule.matches(path)), key=lambda rule: rule.precedence, default=None)


def _united(one: Rule | None, other: Rule) -> Rule:
    """What two policies say about the very same path: both hold, and a deny in either ends it."""
    if one is None:
        return other
    both = one.capabilities | other.capabilities
    return Rule(other.path, frozenset({"deny"}) if "deny" in both else both)
