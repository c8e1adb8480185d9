"""What of an answer that is about somebody else, as a proxy's cache may give? It is refused, and not shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_polytomic.exceptions import PolytomicUnreadableAnswerError
from tests.unit.hooks.conftest import ORG, USER, Reply

OTHER = "5f0e8a31-2b7c-4d19-8e46-9a3c1d5b7f20"
ROLE = "9b2f6a10-6a52-4a0f-8d1b-0a7c5e3d2f14"
ACME = {"id": ORG, "name": "Acme", "issuer": None, "sso_domain": None, "sso_org_id": None}
ADA = {"id": USER, "email": "ada@acme.example", "organization_id": ORG}
AUDITOR = {"id": ROLE, "name": "Auditor", "organization_id": ORG}
CALLS: dict[str, tuple[Any, ...]] = {
    "get_organization": (ORG,),
    "create_organization": ("Acme",),
    "update_organization": (ORG,),
    "list_users": (ORG,),
    "get_user": (ORG, USER),
    "create_user": (ORG, "Ada@Acme.example"),
    "update_user": (ORG, USER),
    "get_role": (ORG, ROLE),
    "create_role": (ORG, "Auditor"),
    "update_role": (ORG, ROLE, "Auditor"),
}
MORE: dict[str, dict[str, Any]] = {
    "update_organization": {"name": "Acme"},
    "update_user": {"role_ids": [ROLE], "email": "ada@acme.example"},
}


def truth_of(method: str) -> dict[str, Any]:
    return ACME if "organization" in method else ADA if "user" in method else AUDITOR


def call(stub, hook, method: str, answer: dict[str, Any], arguments: tuple[Any, ...] = ()) -> Any:
    first = [Reply(body=json.dumps({"data": ACME}))] if method == "update_organization" else []
    data = [answer] if method.startswith("list") else answer
    stub.reply(*first, Reply(body=json.dumps({"data": data})))
    return getattr(hook, method)(*(arguments or CALLS[method]), **MORE.get(method, {}))


@pytest.mark.parametrize(
    ("method", "field", "value"),
    [
        ("get_organization", "id", OTHER),
        ("update_organization", "id", OTHER),
        ("create_organization", "name", "Globex"),
        ("update_organization", "name", "Globex"),
        ("list_users", "organization_id", OTHER),
        ("get_user", "id", OTHER),
        ("get_user", "organization_id", OTHER),
        ("create_user", "email", "bob@acme.example"),
        ("create_user", "organization_id", OTHER),
        ("update_user", "id", OTHER),
        ("update_user", "organization_id", OTHER),
        ("get_role", "id", OTHER),
        ("create_role", "name", "Viewer"),
        ("update_role", "id", OTHER),
        ("update_role", "name", "Viewer"),
    ],
)
def test_an_answer_about_another_is_refused_and_not_shown(stub, hook, method, field, value):
    with pytest.raises(PolytomicUnreadableAnswerError, match="without the promised content") as caught:
        call(stub, hook, method, {**truth_of(method), field: value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("method", CALLS)
def test_an_answer_about_the_one_that_was_asked_for_may_be_in_another_case_or_say_less(stub, hook, method):
    truth = truth_of(method)
    ids = {name: value.upper() for name, value in truth.items() if name in ("id", "organization_id")}
    for answer in (truth, {**truth, **ids}, {name: truth[name] for name in ("id",)}):
        assert call(stub, hook, method, answer)
    if method.startswith(("get", "update")):
        shouted = tuple(text.upper() if text in (ORG, USER, ROLE) else text for text in CALLS[method])
        assert call(stub, hook, method, truth, shouted)


@pytest.mark.parametrize("method", ["list_users", "get_user", "create_user"])
def test_for_the_own_organization_any_is_right(stub, hook, method):
    answer = {**ADA, "organization_id": OTHER}
    assert call(stub, hook, method, answer, ("current", *CALLS[method][1:]))


@pytest.mark.parametrize("bad", ["", "7", "../organization", f"{ORG}/users", "x" * 36, 7, None, [ORG]])
@pytest.mark.parametrize("method", [*CALLS, "list_organizations", "list_roles"])
def test_an_id_that_is_no_uuid_never_gets_into_a_value(stub, hook, method, bad):
    arguments = {"list_organizations": (), "list_roles": (ORG,)}.get(method) or CALLS.get(method, ())
    stub.reply(
        *([Reply(body=json.dumps({"data": ACME}))] if method == "update_organization" else []),
        Reply(body=json.dumps({"data": [{"id": bad, "name": "x"}] if method.startswith("list") else {"id": bad}})),
    )
    with pytest.raises(PolytomicUnreadableAnswerError):
        getattr(hook, method)(*arguments, **MORE.get(method, {}))
