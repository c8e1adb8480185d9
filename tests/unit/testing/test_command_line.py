"""``python -m airflow_provider_polytomic.testing`` serves, prints where, and stops cleanly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

COMMAND = [sys.executable, "-m", "airflow_provider_polytomic.testing", "--port", "0"]
TAKEN = {"key": 409, "user": 409, "name": 422}  # none of them the default


@contextmanager
def serving(*arguments: str):
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get(facts, path):
    return requests.get(
        facts["base_url"] + path, headers={"Authorization": f"Bearer {facts['partner_key']}"}, timeout=60
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end_and_exits_cleanly(number):
    with serving("--json") as process:
        facts = json.loads(process.stdout.readline())
        user = get(facts, f"/api/organizations/{facts['org_id']}/users/{facts['user_id']}").json()["data"]
        assert user["email"] == "airflow@acme.example"
        process.send_signal(number)
        assert process.communicate(timeout=60) == ("", "")
        assert process.returncode == 0


def test_it_says_in_words_where_it_is():
    with serving("--partner-key", "play-partner-key", "--user", "a@b.example", "--user", "c@d.example") as process:
        lines = [process.stdout.readline() for _ in range(6)]
        assert "http://127.0.0.1:" in lines[0]
        assert "play-partner-key" in lines[1]
        assert [line.split()[-1] for line in lines[3:5]] == ["a@b.example", "c@d.example"]


def test_an_address_that_other_machines_may_reach_causes_a_warning():
    with serving("--host", "0.0.0.0", "--json") as process:
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=60)[1]
        assert errors.startswith("Warning: The emulator listens on 0.0.0.0")
        assert errors.count("\n") == 1


def test_its_options_reach_the_emulator():
    options = ["--organization", "Beta", "--deployment-key", "play-deployment", "--no-replay-values"]
    options += [word for what, status in TAKEN.items() for word in (f"--existing-{what}", str(status))]
    faults = ["status:503 endpoint=get_identity share=1 seed=7", "status:429 skip=1"]
    with serving("--json", *options, *(word for fault in faults for word in ("--fault", fault))) as process:
        facts = json.loads(process.stdout.readline())
        assert [get(facts, "/api/me").status_code for _ in range(3)] == [503, 429, 200]
        assert get(facts, f"/api/organizations/{facts['org_id']}").json()["data"]["name"] == "Beta"
        organizations = f"{facts['base_url']}/api/organizations"
        users = f"{organizations}/{facts['org_id']}/users"

        def post(url, json=None, **headers):
            headers = {"Authorization": "Bearer play-deployment", **headers}
            return requests.post(url, json=json, headers=headers, timeout=60)

        keys = f"{users}/{facts['user_id']}/keys"
        answers = [post(keys, **{"Idempotency-Key": "issuance-0001"}).json() for _ in range(2)]
        assert answers[0]["data"]["value"]
        assert answers[1] == {"data": {}}
        assert post(keys).status_code == TAKEN["key"]
        assert post(users, {"email": "AIRFLOW@acme.example"}).status_code == TAKEN["user"]
        assert post(organizations, {"name": "Beta"}).status_code == TAKEN["name"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--fault", "explode"], 2, "unknown fault 'explode'"),
        (["--existing-key", "500"], 2, "invalid choice"),
        (["--existing-user", "200"], 2, "invalid choice"),
        (["--existing-name", "taken"], 2, "--existing-name"),
        (["--host", "203.0.113.1"], 1, "The emulator did not start: "),
    ],
)
def test_what_it_cannot_do_it_says(arguments, status, message):
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_is_reported_with_what_to_do():
    with serving("--json") as process:
        port = json.loads(process.stdout.readline())["base_url"].rpartition(":")[2]
        second = [*COMMAND, "--port", port]
        ended = subprocess.run(second, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("Stop the other program, or choose another port with --port.\n")
