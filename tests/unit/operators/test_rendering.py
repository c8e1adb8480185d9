"""What do texts, lists, numbers and nothing mean after rendering?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_polytomic.exceptions import PolytomicConfigurationError
from airflow_provider_polytomic.operators.rendering import (
    name_map_index,
    to_expected,
    to_optional,
    to_seconds,
    to_texts,
)


@pytest.mark.parametrize(
    ("rendered", "meant"), [("x", "x"), (" x ", " x "), (None, None), ("", None), (" ", None), ("None", None)]
)
def test_a_text_may_be_left_out(rendered: object, meant: str | None) -> None:
    assert to_optional("name", rendered) == meant


@pytest.mark.parametrize(
    ("rendered", "given", "meant"),
    [("x", True, "x"), ("x", False, "x"), (" x", True, " x"), (None, False, None), ("", False, None)],
)
def test_an_expectation_is_what_was_given(rendered: object, given: bool, meant: str | None) -> None:
    assert to_expected("expected_email", rendered, given=given) == meant


@pytest.mark.parametrize("rendered", [None, "", " \n", "None", " None "])
def test_an_expectation_that_was_given_and_is_nothing_now_is_refused(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError, match=r"expected_email was given and renders to nothing.*was sent"):
        to_expected("expected_email", rendered, given=True)


@pytest.mark.parametrize("rendered", [1, False, ["x"], {"x": 1}, b"x"])
def test_what_is_no_text_is_refused_by_its_name(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError, match="name must be a text, not a"):
        to_optional("name", rendered)


@pytest.mark.parametrize(
    ("rendered", "meant"),
    [
        (["Admin", "Viewer"], ("Admin", "Viewer")),
        (("Admin",), ("Admin",)),
        ("Sync Editor", ("Sync Editor",)),
        ([], ()),
        (None, ()),
        ("", ()),
        ("None", ()),
    ],
)
def test_a_list_may_be_one_text_or_nothing(rendered: object, meant: tuple[str, ...]) -> None:
    assert to_texts("roles", rendered) == meant


@pytest.mark.parametrize("rendered", [1, True, {"Admin": 1}, b"Admin", ["Admin", ""], ["Admin", None], [["Admin"]]])
def test_what_is_no_list_of_texts_is_refused_by_its_name(rendered: object) -> None:
    with pytest.raises(PolytomicConfigurationError, match="roles must be a list"):
        to_texts("roles", rendered)


@pytest.mark.parametrize(("given", "meant"), [(60, 60.0), (0.5, 0.5), ("60", 60.0)])
def test_seconds_may_be_a_text(given: object, meant: float) -> None:
    assert to_seconds("retry_for", given) == meant


@pytest.mark.parametrize("given", [0, -1, True, None, "", "soon", "nan", float("inf"), []])
def test_what_is_no_time_is_refused_by_its_name(given: object) -> None:
    with pytest.raises(PolytomicConfigurationError, match="retry_for must be a number of seconds"):
        to_seconds("retry_for", given)


@pytest.mark.parametrize(
    ("map_index", "own", "template"),
    [
        (-1, None, None),
        (0, None, "{{ (task.email | string)[:250] }}"),
        (3, None, "{{ (task.email | string)[:250] }}"),
        (0, "{{ x }}", "{{ x }}"),
    ],
)
def test_only_a_mapped_instance_without_a_name_gets_one(map_index: int, own: str | None, template: str | None) -> None:
    context = {"ti": SimpleNamespace(map_index=map_index), "map_index_template": own}
    name_map_index(context, "email")
    assert context["map_index_template"] == template
