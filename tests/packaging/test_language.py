"""The language of the repository: old names and phrases that must not come back, and docstrings that state.

A sentence says what happens in the present tense and the active voice, and uses one term for one thing.
"""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What users read: the package with its docstrings and messages, the documentation, the examples.
READ_BY_USERS = (
    "airflow_provider_polytomic/",
    "benchmarks/",
    "dags_examples/",
    "demo/",
    "docs/",
    "tools/",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
)

# A phrase, in any case, and what to write instead.
PHRASES = {
    r"a text|no text|texts": "a string",
    r"all the same|as it stands": "leave it out, or say what stays",
    r"anew|asks anew": "again, sends a new request",
    r"be(came|comes) of": "the result of",
    r"but for": "except",
    r"cannot be meant": "is invalid",
    r"dead keys?": "revoked key",
    r"fleets?": "batch, many keys",
    r"goes on": "continues",
    r"makes? nothing of": "what it does instead",
    r"no good": "what exactly is wrong",
    r"nothing was sent": "No request was sent",
    r"of (ours|theirs)": "our, their",
    r"of (Airflow|AWS|Polytomic|Vault)'s(?=[.,;)])": "a noun after the name",
    r"say take_over": "set take_over",
    r"somebody": "another process, another user",
    r"takes? (it )?away|taken away": "deletes",
    r"told|tells? of": "reported",
    r"vendor": "Polytomic, the API",
    r"young": "recent",
}

# Names that the package had before its first release, and what they are called.
NAMES = {
    r"_CallerKnown": "_CachedIdentity",
    r"_StandIn": "StubClient",
    r"_Version[12]": "KvV1, KvV2",
    r"_believed": "_reject_future_record",
    r"_bring|_obtain": "_run, _mint_and_publish",
    r"_sentence_of": "_describe_identity",
    r"_?(MOST|LONGEST|SHORTEST)_[A-Z_]+": "MAX_..., MIN_...",
    r"allow_live": "allow_active_key",
    r"answers_as|is_dead|owner_of": "belongs_to, is_revoked, describe_owner",
    r"any_airflow": "airflow_independent",
    r"asset_compat|metastore_errors|one_at_a_time|version_compat": "a module of _airflow/",
    r"check_dead|check_gone": "check_key_revoked, check_user_deleted",
    r"destination_apart_from": "parse_destination",
    r"fields_are_pushed|name_instance": "push_fields, set_map_index_name",
    r"has_address": "email_matches",
    r"is_accounted_for|read_together": "is_covered_by, read_consistently",
    r"kind_of|most_of": "root_cause_type, failure_limit",
    r"own_words|earlier_unknown": "is_from_polytomic, earlier_outcome_unknown",
    r"server_of|id_of": "base_url_from, expected_id",
    r"skip_when_fresh": "skip_if_not_due",
    r"warn_of_unannounced": "warn_about_dropped_events",
    r"alternating|judging|looking|placing|sealing": "standby, checks, inspect, publish, errors",
    r"_exchange|_endpoints|_repeat|_is_joined|_stranger": "the names in hooks/ and _issuance/",
    r"aws_secrets_manager|aws_ssm|secret_files": "a module of secret_stores/aws/ or secret_stores/local/",
    r"burnt?|MOST_BURNT": "keys_abandoned, MAX_ABANDONED_KEYS",
    r"deprovisioning|expectations": "a module of _provisioning/",
    r"encounters|mortal|tally": "schedules, die_after, counters",
    r"named_after|take_out|of_shard": "map_index_field, remove, for_shard",
    r"read_server": "parse_base_url",
    r"reshapes": "changes_format",
    r"restart-what-caches-the-key|rotate-a-fleet": "the pages react-to-key-rotation, rotate-many-keys",
    r"ClosedHttpHook": "RestrictedHttpHook",
    r"Crew|Pace|Fleet|Patience|Prospect|Proven|Intent": "WorkerPool, RateLimiter, TargetList, ...",
    r"DeadKeyError|RefusedError": "RevokedKeyError, ExpectedErrorCode",
    r"FileAddress|FirstKeys": "RemoteFile, BoundedMasker",
    r"Json(Text)|TextForm|FieldForm": "JsonFormat, TextFormat, FieldFormat",
    r"OF_BOTO": "BOTO_ERRORS",
    r"OpensStores": "StoreOpener",
    r"(Misconfigured|Unavailable|Denied)Error": "SecretStore...Error",
    r"Polytomic(Stopped|Taken|UnreadableAnswer|MissingValue|NoAnswer)Error": "the names in exceptions.py",
    r"Timing|Runtime": "Clock",
    r"Zygote|zygote|fault_play|fault_stage|Flight|Stage": "fork_server, fault_runner, fault_environment, ...",
}


@cache
def texts() -> dict[str, str]:
    """Return the text files in version control, by their path."""
    files = [file for file in tracked_files() if file.suffix in {".md", ".py", ".toml", ".yml"}]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files if file.name != "test_language.py"}


def matches_of(pattern: re.Pattern[str], places: tuple[str, ...] = ("",)) -> list[str]:
    """Return the matches of a pattern with their surroundings, in files whose path starts with one of the places."""
    return [
        f"{path}: {text[max(0, match.start() - 40) : match.end() + 40]!r}"
        for path, text in texts().items()
        if path.startswith(places)
        for match in pattern.finditer(text)
    ]


@cache
def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: the files of the repository are not known")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_stays_out_of_what_users_read(phrase: str):
    anywhere = phrase.replace(" ", r"[\s#]+")  # a line may end within the phrase
    pattern = re.compile(rf"\b(?:{anywhere})\b", re.IGNORECASE)
    assert matches_of(pattern, READ_BY_USERS) == [], f"write: {PHRASES[phrase]}"


@pytest.mark.parametrize("name", NAMES)
def test_an_old_name_stays_out(name: str):
    pattern = re.compile(rf"(?<!\w)(?:{name})(?!\w)")
    assert matches_of(pattern) == [], f"it is called {NAMES[name]}"


def first_paragraphs() -> Iterator[tuple[str, str]]:
    """Yield the first paragraph of each docstring, after its file and line."""
    for file in tracked_files():
        if file.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                docstring = ast.get_docstring(node)
                if docstring:
                    place = f"{file.relative_to(ROOT)}:{node.body[0].lineno}"
                    yield place, " ".join(docstring.partition("\n\n")[0].split())


def test_no_docstring_begins_with_a_question():
    asked = re.compile(r"(?:[^.?]|\.\w)*\?(?:\s|$)")
    without_code = ((place, re.sub("``.+?``", "", text)) for place, text in first_paragraphs())
    assert [(place, text) for place, text in without_code if asked.match(text)] == []
