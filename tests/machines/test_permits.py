from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.jose.jwk import b64url
from mfa_middleware.machines import Permits

ATH = b64url(hashlib.sha256(b"key-1").digest())
OTHER = b64url(hashlib.sha256(b"key-2").digest())


def test_an_empty_list_permits_nothing() -> None:
    assert not Permits.parse([]).allow(ATH, "https://issuer.example", "svc")


def test_any_must_be_written_out_and_permits_everything() -> None:
    assert Permits.parse(["any"]).allow(ATH, None, None)


def test_a_hash_permits_that_credential_alone() -> None:
    permits = Permits.parse([f"sha256:{ATH}"])
    assert permits.allow(ATH, None, None)
    assert not permits.allow(OTHER, None, None)


def test_a_subject_is_permitted_with_its_issuer_only() -> None:
    permits = Permits.parse([{"iss": "https://issuer.example", "sub": "svc"}])
    assert permits.allow(ATH, "https://issuer.example", "svc")
    assert not permits.allow(ATH, "https://other.example", "svc")
    assert not permits.allow(ATH, "https://issuer.example", "other")
    assert not permits.allow(ATH, None, "svc")
    assert not permits.allow(ATH, None, None)


@pytest.mark.parametrize(
    "items",
    [
        "any",
        None,
        {"any": True},
        ["ANY"],
        ["*"],
        ["sha256:"],
        [f"sha256:{ATH}="],
        [f"sha256:{ATH[:-1]}B"],
        [f"sha1:{ATH}"],
        [f"sha256:{ATH}\n"],
        [1],
        [None],
        [["any"]],
        [{"iss": "a"}],
        [{"sub": "a"}],
        [{"iss": "a", "sub": ""}],
        [{"iss": "a", "sub": None}],
        [{"iss": "a", "sub": "b", "aud": "c"}],
        [{}],
    ],
)
def test_any_other_form_is_refused_with_what_to_write(items: Any) -> None:
    with pytest.raises(ValueError, match=r'write|must have exactly "iss" and "sub"'):
        Permits.parse(items)


def test_a_credential_written_instead_of_its_hash_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="not shown") as caught:
        Permits.parse(["sk_live_0123456789"])
    assert "sk_live" not in str(caught.value)


claims = st.text(min_size=1, max_size=20)
forms = st.one_of(
    st.just("any"),
    st.binary(min_size=32, max_size=32).map(lambda raw: f"sha256:{b64url(raw)}"),
    st.fixed_dictionaries({"iss": claims, "sub": claims}),
)


@given(st.lists(forms, max_size=6))
def test_the_json_form_is_read_back_as_the_same(items: list[Any]) -> None:
    permits = Permits.parse(items)
    assert Permits.parse(permits.to_json()) == permits
