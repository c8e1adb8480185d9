"""The pages of the stores: a key is stored where and as they show, and costs as many requests.

Their policies: ``tests/contract/test_least_policies.py``. Compare-and-set: ``test_tables.py``. Names and sizes: the
tests of the stores, in ``tests/unit/secret_stores``.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_polytomic.hooks.polytomic import PolytomicHook
from airflow_provider_polytomic.secret_stores.aws.secrets_manager.tags import decode_record
from airflow_provider_polytomic.secret_stores.base import RECORD_FIELDS
from tests.docs.pages import Block, blocks, codes, facts, head, rows
from tests.docs.store_pages import ParameterStorePage, SecretsManagerPage, VaultPage
from tests.docs.test_json_blocks import kinds, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.docs.issuers import PageIssuer
    from tests.docs.store_pages import StorePage

STORES = ("vault kv2", "vault kv1", "secretsmanager", "ssm")
PAGES = {
    "vault kv2": VaultPage.page,
    "vault kv1": VaultPage.page,
    "secretsmanager": SecretsManagerPage.page,
    "ssm": ParameterStorePage.page,
}
PLACES = [(name, codes(row[0])[0], codes(row[1])) for name in STORES for row in rows(PAGES[name], "Destinations")]


def stored_as(page: str, destination: str) -> Block | None:
    """Return the page's example of the stored value; None if it is the key alone."""
    plain = re.sub(r"^airflow://\w+@", "airflow://", destination)
    return next((block for block in blocks("json", f"stored={plain}") if block.page == page), None)


@pytest.mark.parametrize(("name", "destination", "leads_to"), PLACES)
def test_a_destination_leads_where_the_page_says_and_what_lies_there_is_what_it_shows(
    issuer: Callable[[str], PageIssuer], name: str, destination: str, leads_to: list[str]
):
    on = issuer(name)
    assert on.issue(destination)["issued"] is True
    place, *field = leads_to
    found = on.site.content(place)
    example = stored_as(on.site.page, destination)
    if example is None:
        assert found == on.key
    else:
        content: Mapping[str, Any] = json.loads(found) if isinstance(found, str) else found
        documented = json.loads(example.content)
        assert kinds(content) == kinds(documented)
        assert list(content) == list(documented)
        assert content[field[0] if field else "password"] == on.key
        assert content.get("conn_type") == documented.get("conn_type")
    with closing(PolytomicHook.for_destination(on.site.here(destination), server="polytomic_default")) as hook:
        assert hook.get_identity().email == on.scene.user.email
    assert kinds(record_beside(on.site, place)) == kinds(shown("record"))


def record_beside(site: StorePage, place: str) -> Mapping[str, str]:
    """Return the record from the path on the page."""
    ((_, documented), *_) = named = rows(site.page, "What is written")
    if isinstance(site, SecretsManagerPage):
        tags = site.person.describe_secret(SecretId=place)["Tags"]
        record = decode_record(tags)
        assert record is not None
        of_page = [codes(tag)[0] for tag, _ in named]
        assert {tag["Key"] for tag in tags} == {
            tag.replace("<field>", field) for tag in of_page for field in RECORD_FIELDS
        }
        return record
    found = site.content(re.sub("<.*>", place, codes(documented)[0]))
    beside: Mapping[str, str] = json.loads(found) if isinstance(found, str) else found
    return beside


@pytest.mark.parametrize("name", STORES)
def test_the_requests_are_as_many_as_the_page_says(issuer: Callable[[str], PageIssuer], name: str):
    on = issuer(name)
    page, number = PAGES[name], 1 if name == "vault kv1" else 0
    documented = {row[0]: [int(cell) for cell in row[1:]] for row in rows(page, "What it costs", number)}
    names = [codes(name)[0] for name in head(page, "What it costs", number)[1:]]
    for what, given in {"issued": {}, "kept": {}, "rotated": {"force": True}}.items():
        before = asked(on.site)
        on.issue("airflow://connection/acme_polytomic", **given)
        counts = zip(names, documented[f"a key is {what}"], strict=True)
        assert dict(asked(on.site) - before) == {request: count for request, count in counts if count}


def asked(site: StorePage) -> Counter[str]:
    """Count the requests about the secret and its record, by their names on the pages."""
    if isinstance(site, VaultPage):
        requests: list[Any] = site.server.requests  # type: ignore[attr-defined]  # the fake's
        mine = [request for request in requests if site.mount in f"{request.path}{request.body}"]
        named = (
            re.sub(rf"{site.mount}/(data)?.*", r"\1", f"{each.method} {each.path}")
            for each in mine
            if "polytomic_default" not in each.path
        )
        return Counter(re.sub(r"/$", "", name).strip() for name in named)
    return Counter(each.action for each in site.server.requests if "acme_polytomic" in str(each.body))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", STORES)
def test_at_debug_it_is_airflows_own_reads_that_print_secrets_and_only_where_the_page_says(
    issuer: Callable[[str], PageIssuer], name: str, caplog: pytest.LogCaptureFixture
):
    on = issuer(name)
    caplog.set_level(logging.DEBUG)
    on.issue("airflow://connection/acme_polytomic")
    assert caplog.records
    assert on.key not in caplog.text
    with closing(PolytomicHook("acme_polytomic")) as consumer:
        consumer.get_identity()
    documented = facts(on.site.page, "Logs at DEBUG")["Airflow's own reads"]
    assert (documented == "whole secrets") is (on.key in caplog.text)
