"""`catalog` lists the tricks, tells everything about one, and speaks JSON."""

from __future__ import annotations

from mfa_middleware.firewall import CATALOG
from tests.cli.conftest import Cli


def test_lists_all(cli: Cli) -> None:
    lines = cli.ok("catalog").out.splitlines()
    assert lines[0].split() == ["ID", "FAMILY", "DONE", "EVIDENCE", "WHAT", "IT", "IS"]
    assert [line.split()[0] for line in lines[1 : len(CATALOG) + 1]] == list(CATALOG)


def test_lists_a_family(cli: Cli) -> None:
    lines = cli.ok("catalog", "--family", "kid", "--json").lines()
    assert {line["family"] for line in lines} == {"kid"}
    assert len(lines) == sum(trick.family == "kid" for trick in CATALOG.values())


def test_tells_everything_about_one(cli: Cli) -> None:
    told = cli.ok("catalog", "key_confusion", "timing").out
    for text in (CATALOG["key_confusion"].how, CATALOG["key_confusion"].advice, "CVE-2016-10555", "CWE-347"):
        assert text in told
    assert CATALOG["timing"].reason in told


def test_json_has_every_member(cli: Cli) -> None:
    lines = {line["id"]: line for line in cli.ok("catalog", "--json").lines()}
    assert lines.keys() == CATALOG.keys()
    assert lines["alg_none"]["action"] == "block"
    assert lines["alg_none"]["cves"] == list(CATALOG["alg_none"].cves)


def test_unknown_names_are_told_with_what_may_be_meant(cli: Cli) -> None:
    told = cli("catalog", "alg_nones")
    assert (told.status, "did you mean alg_none?" in told.err) == (2, True)
    assert cli("catalog", "--family", "keys").status == 2
