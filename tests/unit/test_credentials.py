"""A hidden value is revealed by ``reveal()`` only."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from airflow_provider_polytomic.credentials import ApiKey, Secret

TEXT = "pk_live_4f9a7c1e8b2d6035e1f7a9c3"


@pytest.mark.parametrize("secret", [Secret(TEXT), ApiKey(TEXT)])
def test_a_secret_shows_itself_to_reveal_alone(secret):
    shown = (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>60}",
        f"{secret!r}",
        "{}".format(secret),  # noqa: UP032 (the way that is tested)
        repr([secret]),
    )
    assert not any(TEXT[:12] in text for text in shown)
    assert not hasattr(secret, "__dict__")
    assert copy.deepcopy([secret])[0] is copy.copy(secret) is secret
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not serialised"):
        secret.__getstate__()
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"secret": secret})
    assert secret != type(secret)(TEXT)


@pytest.mark.parametrize("text", ["", None, 7, b"bytes-of-a-secret", "bytes-of\ud800", "\udfff bytes-of"])
def test_a_value_that_is_no_string_is_no_secret_and_is_not_shown(text):
    with pytest.raises(ValueError, match="non-empty string") as caught:
        Secret(text)
    assert "bytes-of" not in str(caught.value)
