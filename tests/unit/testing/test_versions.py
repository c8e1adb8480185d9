"""Does every API version get its own verbs, envelopes and error bodies?"""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import basic, bearer

VERSIONS = ["2021-05-23", "2022-12-12", "2023-04-25", "2024-02-08", "2025-09-18"]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_names_the_version_that_served_it(place, version):
    answers = [
        place.send("GET", "/api/organizations", version=version),
        place.send("GET", "/api/nothing", version=version),
        place.send("GET", "/api/me", version=version, auth=bearer("unknown")),
        place.send("DELETE", f"/api/organizations/{place.emulator.add_organization('Gone').id}", version=version),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 401, 200]
    assert {answer.headers["X-Polytomic-Version"] for answer in answers} == {version}


def test_without_the_header_the_newest_serves(place):
    assert place.send("GET", "/api/me", version=None).headers["X-Polytomic-Version"] == "2025-09-18"


def test_an_unknown_version_is_refused(place):
    assert place.send("GET", "/api/me", version="2020-01-01").status_code == 400


@pytest.mark.parametrize("version", VERSIONS)
def test_the_update_verb_changed_in_2024(place, version):
    right, wrong = ("PATCH", "PUT") if version <= "2023-04-25" else ("PUT", "PATCH")
    scoped = basic(place.organization.id, place.emulator.partner_key)
    role = place.send("POST", "/api/permissions/roles", {"name": "Auditor"}, auth=scoped).json()["data"]["id"]
    for path, body, auth in (
        (f"{place.users_path}/{place.user.id}", {"email": "a@b"}, None),
        (f"/api/organizations/{place.organization.id}", {"name": "Acme 2"}, None),
        (f"/api/permissions/roles/{role}", {"name": "Reader"}, scoped),
    ):
        assert place.send(right, path, body, auth=auth, version=version).status_code == 200
        refused = place.send(wrong, path, body, auth=auth, version=version)
        assert refused.status_code == 405
        assert right in refused.headers["Allow"]


@pytest.mark.parametrize(
    ("version", "unauthorized", "not_found"),
    [
        ("2021-05-23", {"error"}, {"error"}),
        ("2022-12-12", {"message", "status_code", "metadata"}, {"message", "status_code", "metadata"}),
        ("2023-04-25", {"code", "context", "error", "status"}, {"key", "message", "metadata", "status"}),
        ("2024-02-08", {"code", "context", "error", "status"}, {"key", "message", "metadata", "status"}),
        ("2025-09-18", {"key", "message", "metadata", "status"}, {"key", "message", "metadata", "status"}),
    ],
)
def test_errors_have_the_form_of_their_generation(place, version, unauthorized, not_found):
    assert set(place.send("GET", "/api/me", version=version, auth=bearer("unknown")).json()) == unauthorized
    assert set(place.send("GET", "/api/organizations/x", version=version).json()) == not_found


def test_the_oldest_version_has_another_envelope(place):
    assert set(place.send("GET", "/api/me", version="2021-05-23").json()) == {"result", "error"}
    assert set(place.send("GET", "/api/me", version="2022-12-12").json()) == {"data"}


def test_what_came_in_2025_is_not_found_before(place):
    auth = basic(place.organization.id, place.emulator.partner_key)
    for path in ("/api/organization", "/api/organization/users"):
        assert place.send("GET", path, auth=auth).status_code == 200
        assert place.send("GET", path, auth=auth, version="2024-02-08").status_code == 404


def test_before_2025_a_user_saw_the_own_organization_in_the_list(place):
    auth = bearer(place.emulator.give_key(place.user.id))
    listed = place.send("GET", "/api/organizations", auth=auth, version="2024-02-08").json()["data"]
    assert [organization["name"] for organization in listed] == ["Acme"]
    assert place.send("GET", "/api/organizations", auth=auth).status_code == 403
