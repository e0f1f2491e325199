from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.firewall.keys.spans import key_texts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("{}", []),
        ('{"keys":[]}', []),
        ('{"keys" : [ ] , "a":1}', []),
        ('{"a":{"keys":[1]},"keys":[{"k":1}, {"k" : 2}\n]}', ['{"k":1}', '{"k" : 2}']),
        (' {"a":"]}","keys":[{"k":"\\"}"}]} ', ['{"k":"\\"}"}']),
    ],
)
def test_the_text_of_a_key_is_that_between_the_commas(text: str, texts: list[str]) -> None:
    assert key_texts(text) == texts


@given(st.dictionaries(st.text(), JSON, max_size=3), st.lists(JSON, max_size=3), st.sampled_from([None, 0, 2, "\t"]))
def test_each_text_is_that_of_its_key(members: dict[str, Any], keys: list[Any], indent: Any) -> None:
    text = json.dumps(members | {"keys": keys}, indent=indent)
    texts = key_texts(text)
    assert [json.loads(found) for found in texts] == keys
    assert all(found in text for found in texts)
