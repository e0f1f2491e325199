from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mfa_middleware.errors import ConfigurationError
from mfa_middleware.parse import Mode
from mfa_middleware.settings import Nonces, Settings, options, table

SECRET = "0123456789abcdef0123456789abcdef-secret"


def load(given: dict[str, Any] | None = None, **environ: str) -> Settings:
    return Settings.load(given, environ=environ)


def error(given: dict[str, Any] | None = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(given, **environ)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


class TestSources:
    def test_the_defaults_are_those_of_the_contract(self) -> None:
        settings = load()
        assert settings == Settings()
        assert settings.mode == Mode("enforce", 100.0)
        assert settings.credentials == ("authorization", "x-api-key")
        assert settings.algorithms == {"ES256", "Ed25519", "EdDSA", "PS256"}
        assert settings.nonce is Nonces.RECOVER
        assert settings.replay_store == "shared:"
        assert settings.origins == ()
        assert settings.trusted_proxies == 0
        assert not settings.first_use
        assert settings.secret is None

    @pytest.mark.parametrize("name", options())
    def test_every_option_has_its_variable_and_a_default_that_its_check_takes(self, name: str) -> None:
        default = options()[name].metadata["default"]
        assert getattr(load(**{f"MFA_{name.upper()}": default}), name) == getattr(Settings(), name)

    def test_the_environment_is_read(self) -> None:
        assert load(MFA_MODE="report", PATH="/bin", OTHER="x").mode.name == "report"

    def test_the_process_environment_is_the_one_unless_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MFA_APP", "from-the-process")
        assert Settings.load().app == "from-the-process"
        assert Settings.load(environ={}).app == "default"

    @pytest.mark.parametrize("key", ["mode", "MODE", "MFA_MODE", "mfa_mode".upper()])
    def test_what_is_given_counts_more_than_the_environment(self, key: str) -> None:
        settings = load({key: "report"}, MFA_MODE="off", MFA_APP="shop")
        assert (settings.mode.name, settings.app) == ("report", "shop")

    def test_none_is_not_given(self) -> None:
        assert load({"mode": None}, MFA_MODE="report").mode.name == "report"

    @pytest.mark.parametrize("key", ["modes", "Mode_", "origin", "machine"])
    def test_an_unknown_option_is_refused_with_the_one_that_was_meant(self, key: str) -> None:
        assert f"{key} is not an option; write MFA_" in error({key: "x"})

    def test_an_unknown_option_without_likeness_is_refused_as_well(self) -> None:
        assert error({"colour": "red"}) == "colour is not an option"

    @pytest.mark.parametrize(
        ("variable", "meant"),
        [
            ("MFA_MODES", "MFA_MODE"),
            ("MFA_ORIGIN", "MFA_ORIGINS"),
            ("MFA_MACHINE", "MFA_MACHINES"),
            ("MFA_TRUSTED_PROXY", "MFA_TRUSTED_PROXIES"),
            ("MFA_SECRETS", "MFA_SECRET"),
            ("MFA_SECRETFILE", "MFA_SECRET_FILE"),
            ("MFA_REPLAYSTORE", "MFA_REPLAY_STORE"),
            ("MFA_ALGORITHM", "MFA_ALGORITHMS"),
        ],
    )
    def test_a_near_miss_in_the_environment_stops_the_start(self, variable: str, meant: str) -> None:
        message = error(**{variable: "x"})
        assert message == f"{variable} is not an option; write {meant} instead, or unset it"
        assert error({variable: "x"}) == message

    @pytest.mark.parametrize(
        "variable",
        [
            "MFA_ISSUER",
            "MFA_DEVICE_NAME",
            "MFA_TOTP_DIGITS",
            "MFA_",
            "MFA_CLIENT_KEY",
            "MFA_CLIENT_KEY_FILE",
            "XMFA_MODES",
            "mfa_modes",
        ],
    )
    def test_variables_of_other_packages_are_left_alone(self, variable: str) -> None:
        assert load(**{variable: "x"}) == Settings()


class TestSecret:
    def path(self, tmp_path: Path, text: str | bytes) -> str:
        path = tmp_path / "secret"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def test_text_and_bytes_of_32_characters_or_more(self) -> None:
        assert load(MFA_SECRET=SECRET).secret == SECRET.encode()
        assert load({"secret": SECRET.encode()}).secret == SECRET.encode()

    def test_31_characters_are_too_few(self) -> None:
        assert load({"secret": "a" * 32}).secret == b"a" * 32
        assert "instead of 31" in error({"secret": "a" * 31})

    def test_a_file_holds_it_without_the_line_end(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, SECRET + "\n")
        assert load(MFA_SECRET_FILE=path).secret == SECRET.encode()
        for key in ("secret_file", "SECRET_FILE", "MFA_SECRET_FILE"):
            assert load({key: path}).secret == SECRET.encode()
        assert load({"secret_file": tmp_path / "secret"}).secret == SECRET.encode()

    def test_both_is_an_error(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, SECRET)
        assert "both set; keep one" in error(MFA_SECRET=SECRET, MFA_SECRET_FILE=path)
        assert "both set; keep one" in error({"secret": SECRET, "MFA_SECRET_FILE": path})

    def test_what_is_given_counts_more_than_a_file_in_the_environment(self, tmp_path: Path) -> None:
        path = self.path(tmp_path, "x" * 40)
        assert load({"secret": SECRET}, MFA_SECRET_FILE=path).secret == SECRET.encode()
        assert load({"secret_file": path}, MFA_SECRET=SECRET).secret == b"x" * 40

    def test_a_file_that_cannot_be_read_is_told_by_its_name(self, tmp_path: Path) -> None:
        assert "cannot be read (FileNotFoundError)" in error(MFA_SECRET_FILE=str(tmp_path / "none"))
        assert "cannot be read (IsADirectoryError)" in error(MFA_SECRET_FILE=str(tmp_path))
        assert "cannot be read (UnicodeDecodeError)" in error(MFA_SECRET_FILE=self.path(tmp_path, b"\xff" * 40))
        assert "cannot be read (ValueError)" in error(MFA_SECRET_FILE="a\0b")

    @pytest.mark.parametrize("text", ["", "\n", "  \n"])
    def test_an_empty_file_is_not_a_random_secret(self, tmp_path: Path, text: str) -> None:
        assert "is empty; write at least 32 random characters into it" in error(
            MFA_SECRET_FILE=self.path(tmp_path, text)
        )

    @pytest.mark.parametrize("value", ["short-secret", b"short-secret", 40, 1.5, True, ["a" * 40], bytearray(40)])
    def test_anything_else_is_refused_and_never_shown(self, value: Any) -> None:
        message = error({"secret": value})
        assert message.startswith("MFA_SECRET: write ")
        assert "short-secret" not in message

    def test_it_stands_in_no_repr(self) -> None:
        settings = load(MFA_SECRET=SECRET)
        assert "secret=" not in repr(settings)
        assert repr(settings).count("=") >= len(options()) - 3
        assert SECRET not in str(settings)


ACCEPTED: list[tuple[str, Any, Any]] = [
    ("mode", "off", Mode("off")),
    ("mode", " REPORT ", Mode("report")),
    ("mode", "enforce:25%", Mode("enforce", 25.0)),
    ("mode", "enforce:0.5%", Mode("enforce", 0.5)),
    ("mode", "enforce:0%", Mode("enforce", 0.0)),
    ("mode", Mode("report"), Mode("report")),
    ("credentials", "Authorization,X-Api-Key", ("authorization", "x-api-key")),
    ("credentials", "Authorization, authorization", ("authorization",)),
    ("credentials", ["Cookie:Sid", "query:token"], ("cookie:Sid", "query:token")),
    ("credentials", "none", ()),
    ("credentials", ["NONE"], ()),
    ("machines", Path("/etc/mfa/machines.json"), "/etc/mfa/machines.json"),
    ("first_use", "Yes", True),
    ("first_use", 0, False),
    ("origins", "https://API.example.com:443/, http://[::1]:8000", ("https://api.example.com", "http://[::1]:8000")),
    ("origins", "https://a.example,https://a.example/", ("https://a.example",)),
    ("origins", "https://bücher.example", ("https://xn--bcher-kva.example",)),
    ("origins", [], ()),
    ("path_prefix", "/api/", "/api"),
    ("path_prefix", "", ""),
    ("path_prefix", "/", ""),
    ("trusted_proxies", " 2 ", 2),
    ("exempt", "/health, /ready", frozenset({"/health", "/ready"})),
    ("exempt", {"/health"}, frozenset({"/health"})),
    ("algorithms", "ES256,RS256", frozenset({"ES256", "RS256"})),
    ("nonce", "Required", Nonces.REQUIRED),
    ("nonce", Nonces.OFF, Nonces.OFF),
    ("body_limit", "1_000", 1000),
    ("body_limit", 0, 0),
    ("app", "shop-1.eu", "shop-1.eu"),
    ("capacity", 1000, 1000),
    ("machine_quota", "10", 10),
    ("machine_quota", "", None),
    ("firewall", " Report ", "report"),
    ("firewall_allow", "jku_spoof, jwe_for_jws", frozenset({"jku_spoof", "jwe_for_jws"})),
    ("jwt_algorithms", "HS256", frozenset({"HS256"})),
    ("jwt_keys", "a.pem, https://issuer.example/jwks", ("a.pem", "https://issuer.example/jwks")),
    ("jwt_issuers", "https://a.example, b", ("https://a.example", "b")),
    ("jwt_audiences", "api", ("api",)),
    ("jwt_ca_file", "/etc/ca.pem", "/etc/ca.pem"),
    ("jwt_secrets_file", "", None),
    ("event_log", "/var/log/mfa.jsonl", "/var/log/mfa.jsonl"),
    ("event_log", "", None),
]

REFUSED: list[tuple[str, Any, str]] = [
    ("mode", "on", "write off, report, enforce or enforce:25%"),
    ("mode", "", "write off, report, enforce or enforce:25%"),
    ("mode", True, "write off, report, enforce or enforce:25%"),
    ("mode", "enforce:101%", "write off, report, enforce or enforce:25%"),
    ("mode", "enforce:nan%", "write off, report, enforce or enforce:25%"),
    ("mode", "enforce:-1%", "write off, report, enforce or enforce:25%"),
    ("mode", "enforce:25", "write off, report, enforce or enforce:25%"),
    ("credentials", "", "write at least one place, or none"),
    ("credentials", "x api key", "write header names, cookie:NAME or query:NAME"),
    ("credentials", "header:x-api-key", "write header names, cookie:NAME or query:NAME"),
    ("credentials", "cookie:", "write header names, cookie:NAME or query:NAME"),
    ("credentials", "query:a b", "write header names, cookie:NAME or query:NAME"),
    ("credentials", "cookie", "for a cookie write cookie:NAME"),
    ("credentials", "DPoP", "is not a place for a credential"),
    ("credentials", "authorization, none", "is not a place for a credential"),
    ("credentials", "x_api_key", "write x-api-key instead of x_api_key"),
    ("credentials", "query:token, query:Token", "differ in more than upper and lower case"),
    ("credentials", 5, "write a list, or text with commas"),
    ("credentials", b"authorization", "write a list, or text with commas"),
    ("credentials", {"authorization": 1}, "write a list, or text with commas"),
    ("machines", "", "write a value, or unset it"),
    ("machines", 5, "write text"),
    ("first_use", "maybe", "write yes or no"),
    ("first_use", 2, "write yes or no"),
    ("origins", "api.example.com", "write origins such as https://api.example.com"),
    ("origins", "https://api.example.com/api", "write origins such as https://api.example.com, without a path"),
    ("origins", "ftp://api.example.com", "write origins such as https://api.example.com"),
    ("origins", "*", "write origins such as https://api.example.com"),
    ("origins", "https://*.example.com", "write a host"),
    ("origins", "https://u:hidden@a.example", "write a host and an optional port, without a user or a pattern"),
    ("origins", "https://u:hidden@a.example/x", "write origins such as"),
    ("origins", "https://a.example:99999", "write a port up to 65535 instead of 99999"),
    ("origins", "https://a..b\u00e9", "write a host"),
    ("origins", 1, "write a list, or text with commas"),
    ("path_prefix", "api", "write a path such as /api"),
    ("path_prefix", "/a//b", "write a path such as /api"),
    ("path_prefix", "/a/../b", "write a path such as /api"),
    ("path_prefix", "/a?b", "write a path such as /api"),
    ("path_prefix", "/a#b", "write a path such as /api"),
    ("path_prefix", "/\u00e9", "write a path such as /api"),
    ("trusted_proxies", "-1", "write a whole number from 0 to 16"),
    ("trusted_proxies", "all", "write a whole number from 0 to 16"),
    ("trusted_proxies", True, "write a whole number from 0 to 16"),
    ("trusted_proxies", 1.5, "write a whole number from 0 to 16"),
    ("trusted_proxies", "9" * 5000, "write a whole number from 0 to 16"),
    ("exempt", "health", "write exact paths such as /health"),
    ("exempt", "/static/*", "without patterns"),
    ("exempt", "/a%20b", "write exact paths such as /health"),
    ("exempt", "/a//b", "write exact paths such as /health"),
    ("exempt", "/a?b=c", "write exact paths such as /health"),
    ("exempt", 5, "write a list, or text with commas"),
    ("algorithms", "", "write at least one algorithm"),
    ("algorithms", "HS256", "write names out of ES256"),
    ("algorithms", "ES256, none", "instead of 'none'"),
    ("algorithms", "es256", "write names out of"),
    ("nonce", "on", "write off, recover or required"),
    ("body_limit", "1MB", "write a whole number from 0"),
    ("body_limit", 2**31, "write a whole number from 0"),
    ("replay_store", "", "write a value, or unset it"),
    ("firewall_report", "lax", "write exact paths such as"),
    ("form_tokens", "zugriff-ä", "write names of form fields"),
    ("store_timeout", "0", "write seconds from 0.001 to 10"),
    ("store_timeout", "nan", "write seconds from 0.001 to 10"),
    ("store_timeout", "50ms", "write seconds from 0.001 to 10"),
    ("store_timeout", True, "write seconds from 0.001 to 10"),
    ("store_outage", "open", "write closed or host"),
    ("accept_replays_during_outage", "health", "write exact paths such as"),
    ("app", "a/b", "write 1 to 64 letters"),
    ("app", "", "write 1 to 64 letters"),
    ("app", "a" * 65, "write 1 to 64 letters"),
    ("capacity", "10", "write a whole number from 1000"),
    ("machine_quota", "0", "write a whole number from 1"),
    ("firewall", "on", "write off, report or enforce instead of 'on'"),
    ("firewall_allow", "jku_spoofs", "did you mean jku_spoof?"),
    ("firewall_allow", "alg_unknown", "alg_unknown is never blocked"),
    ("firewall_allow", "proof_replay", "proof_replay is refused by the check of proofs itself"),
    ("jwt_algorithms", "none", "write names out of"),
    ("jwt_keys", '{"kty": "oct", "k": "hidden"', "no complete JSON"),
    ("jwt_issuers", 5, "write a list, or text with commas"),
    ("jwt_audiences", b"api", "write a list, or text with commas"),
    ("jwt_ca_file", 5, "write text"),
    ("jwt_secrets_file", 5, "write text"),
    ("event_log", 5, "write text"),
]


@pytest.mark.parametrize(("name", "value", "expected"), ACCEPTED)
def test_a_value_is_read(name: str, value: Any, expected: Any) -> None:
    assert getattr(load({name: value}), name) == expected
    if isinstance(value, str):
        assert getattr(load(**{f"MFA_{name.upper()}": value}), name) == expected


@pytest.mark.parametrize(("name", "value", "told"), REFUSED)
def test_a_wrong_value_stops_the_start_with_what_to_write(name: str, value: Any, told: str) -> None:
    message = error({name: value})
    assert message.startswith(f"MFA_{name.upper()}: ")
    assert told in message
    assert len(message) < 300
    assert "hidden" not in message


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("true", "false"), ("yes", "no"), ("on", "off"), ("TRUE", ""), (True, False), (1, 0)]
)
def test_yes_and_no_have_these_words(yes: Any, no: Any) -> None:
    assert load({"require_query": yes}).require_query is True
    assert load({"require_query": no}).require_query is False


def test_every_option_has_wrong_values_or_takes_any() -> None:
    covered = {name for name, _, _ in REFUSED} | {"secret"}
    booleans = {"require_query", "require_body"}
    assert covered | booleans == set(options())


def test_the_quota_is_a_quarter_of_the_capacity_unless_told() -> None:
    assert load({"capacity": 10_000}).quota == 2_500
    assert load({"capacity": 10_000, "machine_quota": 7}).quota == 7


def test_a_mode_is_written_as_it_is_read() -> None:
    for text in ("off", "report", "enforce", "enforce:25%", "enforce:0.5%", "enforce:0%"):
        assert str(load({"mode": text}).mode) == text


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().mode = Mode("off")


def test_the_table_has_one_row_for_each_option() -> None:
    head, rule, *rows = table().splitlines()
    assert head == "| variable | default | what it says |"
    assert rule == "|---|---|---|"
    assert [row.split("`")[1] for row in rows] == [f"MFA_{name.upper()}" for name in options()]
    for row in rows:
        cells = row.removeprefix("| ").removesuffix(" |").split(" | ")
        assert len(cells) == 3
        assert cells[2].endswith(".")
    assert table().endswith("|\n")
