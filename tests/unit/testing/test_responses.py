"""The emulator's responses have the form of its one API version."""

from __future__ import annotations

import pytest

from tests.unit.testing.conftest import bearer


@pytest.mark.parametrize("version", ["2025-09-18", None])
def test_every_answer_names_the_version_that_served_it(place, version):
    answers = [
        place.send("GET", "/api/organizations", version=version),
        place.send("DELETE", f"/api/organizations/{place.emulator.add_organization('Gone').id}", version=version),
        place.send("GET", "/api/nothing", version=version),
        place.send("GET", "/api/me", version=version, auth=bearer("unknown")),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 401]
    assert {answer.headers["X-Polytomic-Version"] for answer in answers} == {"2025-09-18"}
    assert [set(answer.json()) for answer in answers[2:]] == [{"key", "message", "metadata", "status"}] * 2


def test_another_version_or_verb_is_refused(place):
    assert place.send("GET", "/api/me", version="2024-02-08").status_code == 400
    refused = place.send("PATCH", f"/api/organizations/{place.organization.id}", {"name": "Acme 2"})
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, PUT, DELETE")
