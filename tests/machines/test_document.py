from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.jose.jwk import b64url, thumbprint
from mfa_middleware.machines import Machine, Permits, RegistryError, State, parse_network, parse_schedule, to_json
from mfa_middleware.machines.document import format_entries, parse, parse_entries

from .keys import Jwk, entry_of, new_ed25519_jwk, new_jwk, new_rsa_jwk

KEYS = [new_jwk(), new_jwk(ec.SECP384R1()), new_ed25519_jwk(), new_rsa_jwk()]
NAMES = ["ES256", "ES384", "Ed25519", "PS256"]
PUBLIC_KEY = KEYS[0]


def document(*entries: Any, **members: Any) -> bytes:
    return json.dumps({"version": 1, "machines": list(entries), **members}).encode()


def read(*entries: Any) -> list[Machine]:
    return list(parse(document(*entries), "file").values())


def test_an_entry_needs_id_key_and_algorithm_and_permits_no_credential_by_default(jwk: Jwk) -> None:
    assert read(entry_of(jwk)) == [
        Machine(id="m-1", name="m-1", thumbprint=thumbprint(jwk), jwk=jwk, algorithm="ES256", credentials=Permits())
    ]


def test_every_member_is_read(jwk: Jwk, other_jwk: Jwk) -> None:
    entry = entry_of(
        {**jwk, "kid": "ignored", "use": "sig"},
        name="Nächtlicher Abgleich",
        thumbprint=thumbprint(jwk),
        state="paused",
        valid_from="2026-01-01T00:00:00Z",
        valid_until="2026-12-31T00:00:00+01:00",
        schedule="mon-fri 08:00-18:00 Europe/Berlin",
        networks=["10.1.0.0/16", "2001:db8::/32"],
        scopes=["orders:read", "orders:write"],
        credentials=["any"],
        owner="Billing",
        next_thumbprint=thumbprint(other_jwk),
        created="2025-12-01T00:00:00Z",
    )
    (machine,) = read(entry)
    assert machine == Machine(
        id="m-1",
        name="Nächtlicher Abgleich",
        thumbprint=thumbprint(jwk),
        jwk=jwk,
        algorithm="ES256",
        state=State.PAUSED,
        valid_from=1767225600.0,
        valid_until=1798671600.0,
        schedule=parse_schedule("mon-fri 08:00-18:00 Europe/Berlin"),
        networks=(parse_network("10.1.0.0/16"), parse_network("2001:db8::/32")),
        scopes=frozenset({"orders:read", "orders:write"}),
        credentials=Permits(any=True),
        owner="Billing",
        next_thumbprint=thumbprint(other_jwk),
        created=1764547200.0,
    )


def test_null_means_the_same_as_absent(jwk: Jwk) -> None:
    optional = set(to_json(read(entry_of(jwk))[0])) - {"id", "jwk", "algorithm"}
    assert read(entry_of(jwk, **dict.fromkeys(optional))) == read(entry_of(jwk))


@pytest.mark.parametrize(
    ("key", "algorithms"),
    list(zip(KEYS, [{"ES256"}, {"ES384"}, {"Ed25519", "EdDSA"}, {"PS256", "RS256"}], strict=True)),
    ids=NAMES,
)
def test_the_algorithm_must_fit_the_key(key: Jwk, algorithms: set[str]) -> None:
    for name in ("ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256", "ML-DSA-44", "ML-DSA-65"):
        if name in algorithms:
            assert read(entry_of(key, algorithm=name))[0].algorithm == name
        else:
            with pytest.raises(RegistryError, match=r"'m-1': algorithm: .* does not fit the key in jwk; write"):
                read(entry_of(key, algorithm=name))


WRONG_MEMBERS = [
    ({"id": None}, "id: is missing"),
    ({"id": "a/b"}, "'a/b': id: write 1 to 64 letters"),
    ({"id": ".."}, "id: write"),
    ({"id": ""}, "number 1: id: write"),
    ({"id": "x" * 65}, "id: write"),
    ({"id": "m-1\n"}, "id: write"),
    ({"id": 1}, "number 1: id: write"),
    ({"name": "a\nb"}, "name: write a text"),
    ({"name": "\ud800"}, "name: write a text"),
    ({"owner": 5}, "owner: write a text"),
    ({"jwk": None}, "jwk: is missing"),
    ({"jwk": "{}"}, "jwk: write the public key as a JSON Web Key"),
    ({"jwk": {**PUBLIC_KEY, "d": "AAAA"}}, "jwk: .*private"),
    ({"jwk": {"kty": "oct", "k": "c2VjcmV0"}}, "jwk: .*"),
    ({"jwk": {**PUBLIC_KEY, "y": PUBLIC_KEY["x"]}}, "jwk: .*"),
    ({"algorithm": None}, "algorithm: is missing"),
    ({"algorithm": "HS256"}, "algorithm: write one of ES256"),
    ({"algorithm": ["ES256"]}, "algorithm: write one of ES256"),
    ({"thumbprint": "A" * 43}, f"thumbprint: does not belong to jwk; write '{thumbprint(PUBLIC_KEY)}'"),
    ({"thumbprint": "short"}, "thumbprint: write the RFC 7638 thumbprint"),
    ({"next_thumbprint": "A" * 42 + "B"}, "next_thumbprint: write the RFC 7638 thumbprint"),
    ({"next_thumbprint": thumbprint(PUBLIC_KEY)}, "next_thumbprint: is that of the present key"),
    ({"state": "activ"}, "state: write one of pending, active.*nearest is active"),
    ({"state": True}, "state: write one of"),
    ({"valid_from": 1}, "valid_from: write a time"),
    ({"valid_until": "tomorrow"}, "valid_until: write a time"),
    ({"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}, "valid_until: must be later"),
    ({"schedule": "mon-fri"}, "schedule: 'mon-fri' is not a window"),
    ({"schedule": ["mon"]}, "schedule: write a text"),
    ({"networks": "10.0.0.0/8"}, "networks: write a list"),
    ({"networks": ["10.0.0.1/8"]}, r'networks: .*write "10\.0\.0\.0/8"'),
    ({"networks": [10]}, "networks: write a list"),
    ({"scopes": "a b"}, "scopes: write a list"),
    ({"scopes": ["a b"]}, "scopes: write a list"),
    ({"scopes": [""]}, "scopes: write a list"),
    ({"credentials": "any"}, "credentials: write a list"),
    ({"credentials": ["sk_live_0123456789"]}, "credentials: number 1 is none of the three forms"),
    ({"created": "yesterday"}, "created: write a time"),
    ({"scope": ["a"]}, "unknown member 'scope'; the nearest known one is 'scopes'"),
    ({"valid_til": "2026-01-01T00:00:00Z"}, "unknown member 'valid_til'; the nearest known one is 'valid_until'"),
    ({"\U0001f600": 1}, "unknown member"),
]


@pytest.mark.parametrize(("changes", "message"), WRONG_MEMBERS)
def test_a_wrong_member_spoils_the_file_and_is_named(changes: dict[str, Any], message: str) -> None:
    good = entry_of(new_jwk(), id="good")
    with pytest.raises(RegistryError, match=f"^file: machine .*{message}") as caught:
        read({**entry_of(PUBLIC_KEY), **changes}, good)
    assert "\n" not in str(caught.value)
    assert not any(value in str(caught.value) for value in (PUBLIC_KEY["x"], "sk_live", "c2VjcmV0"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", r'is empty; a registry without machines is \{"version": 1, "machines": \[\]\}'),
        (b"[]", "must be an object"),
        (b"{", "line 1 column 2"),
        (b'{"version": 1, "machines": [}', "line 1"),
        (b'{"version": 1, "machines": []} x', "Extra data"),
        (b'\xef\xbb\xbf{"version": 1, "machines": []}', "BOM"),
        (b'{"version": 1, "machines": ["\xff"]}', "utf-8"),
        (b'{"version": 1, "machines": [NaN]}', "NaN is not JSON"),
        (b'{"version": 1, "version": 1, "machines": []}', "member 'version' stands twice"),
        (b'{"machines": []}', '"version" must be 1'),
        (b'{"version": 2, "machines": []}', '"version" must be 1'),
        (b'{"version": 1.0, "machines": []}', '"version" must be 1'),
        (b'{"version": true, "machines": []}', '"version" must be 1'),
        (b'{"version": 1}', '"machines" must be a list'),
        (b'{"version": 1, "machines": {}}', '"machines" must be a list'),
        (b'{"version": 1, "machine": []}', "unknown member 'machine'; the nearest known one is 'machines'"),
        (b'{"version": 1, "machines": [[]]}', "machine number 1: must be an object"),
        (b'{"version": 1, "machines": [{"id": "m-1"}]}', "machine 'm-1': jwk: is missing"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"version": ' + b"9" * 5000 + b"}", "file: "),
    ],
)
def test_a_file_that_is_no_registry_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        parse(text, "file")


def test_an_error_of_the_registry_stops_a_start() -> None:
    assert issubclass(RegistryError, ConfigurationError)


def test_no_two_machines_share_an_id(jwk: Jwk, other_jwk: Jwk) -> None:
    with pytest.raises(RegistryError, match="two machines have the id 'm-1'"):
        read(entry_of(jwk), entry_of(other_jwk))


def test_the_same_entry_twice_is_refused(jwk: Jwk) -> None:
    with pytest.raises(RegistryError, match=r"'m-1'.* twice"):
        read(entry_of(jwk), entry_of(jwk))


def test_no_two_machines_share_a_key_now_or_later(jwk: Jwk, other_jwk: Jwk) -> None:
    next_key = {"next_thumbprint": thumbprint(other_jwk)}
    for second in (entry_of(jwk, id="b"), entry_of(other_jwk, id="b"), entry_of(new_jwk(), id="b", **next_key)):
        with pytest.raises(RegistryError, match="'m-1' and 'b' have the same key"):
            read(entry_of(jwk, **next_key), second)


@pytest.mark.parametrize("member", ["name", "jwk", "credentials", "extra"])
def test_a_machine_hidden_inside_another_is_not_enrolled(member: str, jwk: Jwk, other_jwk: Jwk) -> None:
    hidden = entry_of(other_jwk, id="hidden")
    places = {
        "name": entry_of(jwk, name=hidden),
        "jwk": entry_of({**jwk, "x5u": hidden}),
        "credentials": entry_of(jwk, credentials=[hidden]),
        "extra": [hidden],
    }
    with pytest.raises(RegistryError):
        read(places[member])


def test_an_unchanged_entry_is_not_read_again_and_a_changed_one_is(jwk: Jwk, other_jwk: Jwk) -> None:
    first = parse(document(entry_of(jwk), entry_of(other_jwk, id="m-2")), "file")
    second = parse(document(entry_of(jwk), entry_of(other_jwk, id="m-2", state="revoked")), "file", first)
    one, two = second.values()
    assert one is next(iter(first.values()))
    assert two.state is State.REVOKED


def test_the_order_of_the_file_is_kept() -> None:
    ids = ["c", "a", "b"]
    assert [machine.id for machine in read(*(entry_of(new_jwk(), id=name) for name in ids))] == ids


texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)
times = st.none() | st.integers(1, 4102444800).map(float)


@st.composite
def machines(draw: st.DrawFn) -> Machine:
    number = draw(st.integers(0, len(KEYS) - 1))
    name = draw(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True))
    limits = sorted(time for time in (draw(times), draw(times)) if time is not None)
    valid = limits if len(set(limits)) == 2 else [None, None]
    networks = draw(st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"]), unique=True))
    return Machine(
        id=name,
        name=draw(texts) or name,
        thumbprint=thumbprint(KEYS[number]),
        jwk=KEYS[number],
        algorithm=NAMES[number],
        state=draw(st.sampled_from(State)),
        valid_from=valid[0],
        valid_until=valid[1],
        schedule=draw(st.sampled_from([None, parse_schedule("mon 00:00-24:00 UTC")])),
        networks=tuple(map(parse_network, networks)),
        scopes=frozenset(draw(st.lists(st.sampled_from(["a", "b:c", "d.e/f"])))),
        credentials=Permits(draw(st.booleans()), frozenset(), frozenset(draw(st.lists(st.tuples(texts, texts)))))
        if draw(st.booleans())
        else Permits(hashes=frozenset({b64url(draw(st.binary(min_size=32, max_size=32)))})),
        owner=draw(texts),
        next_thumbprint=draw(st.none() | st.binary(min_size=32, max_size=32).map(b64url)),
        created=draw(times) or 0.0,
    )


@given(machines())
def test_what_is_written_is_read_back_as_the_same_machine(machine: Machine) -> None:
    subjects = frozenset(pair for pair in machine.credentials.subjects if all(pair))
    permits = Permits(machine.credentials.any, machine.credentials.hashes, subjects)
    machine = Machine(**{**{name: getattr(machine, name) for name in Machine.__slots__}, "credentials": permits})
    written = format_entries([to_json(machine)])
    assert list(parse(written, "file").values()) == [machine]
    assert format_entries(parse_entries(written, "file")) == written


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
member_names = st.sampled_from(sorted(to_json(read(entry_of(PUBLIC_KEY))[0]))) | st.text(max_size=8)
near_entries = st.dictionaries(member_names, json_values, max_size=3).map(lambda some: {**entry_of(PUBLIC_KEY), **some})
near_documents = st.fixed_dictionaries(
    {"version": st.just(1) | scalars, "machines": st.lists(near_entries | json_values)}
)


def read_or_refuse(text: bytes) -> None:
    try:
        parse(text, "file")
    except RegistryError as error:
        message = str(error)
    else:
        return
    assert message.startswith("file: ")
    assert not re.search(r"[\x00-\x1f]", message)


@given(json_values | near_documents)
def test_any_json_is_read_or_refused(value: Any) -> None:
    read_or_refuse(json.dumps(value).encode())


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    read_or_refuse(text)


@given(st.data())
def test_a_cut_or_altered_file_is_read_or_refused(data: st.DataObject) -> None:
    text = document(entry_of(PUBLIC_KEY, credentials=["any"], networks=["10.0.0.0/8"], schedule="mon 00:00-24:00 UTC"))
    place = data.draw(st.integers(0, len(text)))
    read_or_refuse(text[:place] + data.draw(st.binary(max_size=3)) + text[data.draw(st.integers(place, len(text))) :])
