"""The two forms of a fault are the same, and both reject an invalid one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_polytomic.testing import Fault


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (
            Fault("status", status=503, endpoint="create_api_key", times=2, when="after"),
            "status:503 endpoint=create_api_key times=2 when=after",
        ),
        (Fault("status", status=429, retry_after=7), "status:429 retry_after=7"),
        (Fault("status", status=302, location="http://other.example/"), "status:302 location=http://other.example/"),
        (Fault("status", status=500, body="It's down, sorry"), """status:500 body='It'"'"'s down, sorry'"""),
        (Fault("drop"), "drop"),
        (Fault("drop", when="after", skip=1, times=None), "drop times=always skip=1 when=after"),
        (Fault("drop", share=0.1, times=None, seed=7), "drop times=always share=0.1 seed=7"),
        (Fault("drop", share=1), "drop share=1"),
        (Fault("late"), "late"),
        (Fault("late", seconds=0.5), "late:0.5"),
        (Fault("delay", seconds=2), "delay:2"),
        (Fault("truncated"), "truncated"),
        (Fault("not_json"), "not_json"),
        (Fault("not_json", status=502), "not_json:502"),
        (Fault("huge", megabytes=8), "huge:8"),
        (Fault("recorded_500", endpoint="create_api_key"), "recorded_500 endpoint=create_api_key"),
        (Fault("forget"), "forget"),
        (Fault("drop", endpoint="get_identity", user="9a1c"), "drop endpoint=get_identity user=9a1c"),
    ],
)
def test_both_forms_say_the_same(fault, text):
    assert str(fault) == text
    assert Fault.parse(text) == fault


def test_the_default_moment_is_filled_in():
    assert [Fault.parse(text).when for text in ("status:500", "truncated", "late")] == ["before", "after", None]
    assert Fault("drop", when="before") == Fault("drop")


def test_options_may_come_in_any_order_and_spell_out_the_argument():
    assert Fault.parse("status times=2 status=503") == Fault("status", status=503, times=2)


@given(
    status=st.integers(200, 599),
    body=st.none() | st.text(),
    retry_after=st.none() | st.text(min_size=1),
    times=st.none() | st.integers(1, 9),
    skip=st.integers(0, 9),
    share=st.none() | st.floats(0, 1, exclude_min=True),
    when=st.sampled_from(["before", "after"]),
    endpoint=st.sampled_from([None, "get_identity", "unknown"]),
)
def test_the_text_of_any_fault_reads_as_that_fault(**values):
    fault = Fault("status", **values)
    assert Fault.parse(str(fault)) == fault


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "unknown fault"),
        ("explode", "use one of status, drop"),
        ("explode:503", "unknown fault 'explode'; use one of status, drop"),
        ("status", "needs status"),
        ("status:many", "'many'"),
        ("status:99", "200 to 599"),
        ("delay", "needs seconds"),
        ("delay:-1", "0 or more"),
        ("delay:nan", "0 or more"),
        ("huge", "needs megabytes"),
        ("drop:3", "nothing after a colon"),
        ("drop seconds=3", "does not accept seconds"),
        ("late when=after", "does not accept when"),
        ("truncated when=before", "does not accept when"),
        ("drop when=during", "when=during"),
        ("drop times=0", "times must be"),
        ("drop skip=-1", "skip must be at least 0"),
        ("drop share=0", "above 0"),
        ("drop share=1.5", "at most 1"),
        ("drop share=nan", "above 0"),
        ("drop share=some", "'some'"),
        ("drop seed=7", "seed needs share"),
        ("drop share=0.1 seed=0.5", "'0.5'"),
        ("drop endpoint=create_key", "create_api_key"),
        ("drop twice", "'twice'"),
        ("drop kind=late", "'kind=late'"),
        ("drop times=1 times=2", "'times=2'"),
        ("drop body='open", "quotation"),
    ],
)
def test_nonsense_is_refused_and_named(text, named):
    with pytest.raises(ValueError, match=named.replace("(", r"\(")):
        Fault.parse(text)
