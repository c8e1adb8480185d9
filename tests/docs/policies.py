"""The policies on the pages of the stores: as they are pasted, and without each of their lines."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from tests.docs.pages import ROOT, blocks, codes, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Policy", "Reduced", "policy", "reduced", "unproved"]

UNPROVED = "Rights that are not checked in advance"
_RULE = re.compile(
    r'(?:^#\s*(?P<comment>.*)\n)?^path "(?P<path>[^"]+)" \{\n  capabilities = \[(?P<can>.*)\]\n\}$', re.MULTILINE
)


@dataclass(frozen=True)
class Rule:
    """One line of a Vault policy, or one statement of an AWS policy.

    :param serves: its purpose on the page: the comment before it, or its Sid.
    :param where: the paths or resources.
    :param rights: capabilities or actions.
    """

    serves: str
    where: tuple[str, ...]
    rights: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A policy that users paste; its text is HCL or JSON."""

    language: str
    rules: tuple[Rule, ...]

    def __add__(self, other: Policy) -> Policy:
        """Return both policies as one."""
        return replace(self, rules=(*self.rules, *other.rules))

    def without_data(self) -> Policy:
        """Return the policy for version 1 of Vault's engine, as the page describes it."""
        rules = (replace(rule, where=tuple(path.replace("/data/", "/") for path in rule.where)) for rule in self.rules)
        return replace(self, rules=tuple(rules))

    @property
    def text(self) -> str:
        """The policy in its language, built from its rules."""
        if self.language == "hcl":
            return "\n".join(
                f'path "{path}" {{ capabilities = {json.dumps(rule.rights)} }}'
                for rule in self.rules
                for path in rule.where
            )
        return json.dumps(self.statements)

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements of an AWS policy."""
        return [
            {"Sid": rule.serves, "Effect": "Allow", "Action": list(rule.rights), "Resource": list(rule.where)}
            for rule in self.rules
        ]


@dataclass(frozen=True)
class Reduced:
    """A policy without one right, or without one path or resource.

    :param rule: the rule that had it.
    :param lacks: the missing right; None for a missing path.
    :param where: the missing path, or all paths of the rule.
    """

    policy: Policy
    rule: Rule
    lacks: str | None
    where: tuple[str, ...]

    def __str__(self) -> str:
        """Return the name of the policy in test ids."""
        return f"{self.lacks or 'all'} at {' '.join(self.where)}".replace("arn:aws:", "")

    def is_about(self, place: str) -> bool:
        """Whether the missing part was for this path or name of a page."""
        return any(fnmatchcase(place, pattern) for pattern in map(_as_place, self.where))


def policy(page: str, note: str) -> Policy:
    """Return a policy of a page.

    :param note: the words after the language of its block, such as ``worker kv2``.
    """
    (block,) = (block for block in blocks(note=note) if block.page == page)
    if block.language == "hcl":
        found = list(_RULE.finditer(block.content))
        assert _RULE.sub("", block.content).strip() == "", f"{block}: what is between the rules?"
        rules = [Rule(each["comment"] or "", (each["path"],), tuple(json.loads(f"[{each['can']}]"))) for each in found]
        return Policy("hcl", tuple(rules))
    document = json.loads(block.content)
    assert document.pop("Version") == "2012-10-17"
    rules = []
    for statement in document.pop("Statement"):
        assert (set(statement), statement["Effect"]) == ({"Sid", "Effect", "Action", "Resource"}, "Allow"), block
        rules.append(Rule(statement["Sid"], _listed(statement["Resource"]), _listed(statement["Action"])))
    assert not document, block
    return Policy("json", tuple(rules))


def reduced(whole: Policy) -> Iterator[Reduced]:
    """Return the policy without each right of each rule, and without each path of each."""
    for number, rule in enumerate(whole.rules):
        for right in rule.rights:
            left = replace(rule, rights=tuple(each for each in rule.rights if each != right))
            yield Reduced(_with(whole, number, left), rule, right, rule.where)
        if len(rule.rights) == len(rule.where) == 1:
            continue  # the rule had only this right
        for path in rule.where:
            left = replace(rule, where=tuple(each for each in rule.where if each != path))
            yield Reduced(_with(whole, number, left), rule, None, (path,))


def unproved(page: str, *, backend: bool) -> set[str]:
    """Return the rights that are not checked before a key is issued, according to a page.

    :param backend: whether to return the rights of a read-only backend, instead of the writer's.
    """
    if f"## {UNPROVED}\n" not in (ROOT / page).read_text():
        return set()
    wanted = "consumer" if backend else "writer"
    return {codes(right)[0] for right, role, *_ in rows(page, UNPROVED) if role == wanted}


def _with(whole: Policy, number: int, left: Rule) -> Policy:
    kept = (left,) if left.where and left.rights else ()
    return replace(whole, rules=(*whole.rules[:number], *kept, *whole.rules[number + 1 :]))


def _as_place(pattern: str) -> str:
    """Return a path of a policy as the pages write it: without Vault's ``data/`` and AWS's prefixes."""
    return pattern.replace("/data/", "/").rpartition(":")[2].removeprefix("parameter")


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
