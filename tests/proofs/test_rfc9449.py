"""The proofs that RFC 9449 prints, at the second they were made."""

from __future__ import annotations

from typing import Any

import pytest

from mfa_middleware.errors import Code
from mfa_middleware.machines import Permits
from tests.helpers.bench import NOW, Bench
from tests.helpers.keys import KeyPair

JWK = {
    "kty": "EC",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    "crv": "P-256",
}
THUMBPRINT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
TOKEN = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
ATH = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
HEADER = (
    b"eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVF"
    b"VZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
)
TOKEN_REQUEST = HEADER + (
    b".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYy"
    b"MjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
REFRESH = HEADER + (
    b".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYy"
    b"MjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA"
)
RESOURCE = HEADER + (
    b".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJj"
    b"ZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71"
    b"EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
)
PRINTED = {
    "section 4.1 and 5, the token request": (
        TOKEN_REQUEST,
        1562262616,
        "POST",
        "https://server.example.com",
        "/token",
        None,
    ),
    "section 5, the refresh": (REFRESH, 1562265296, "POST", "https://server.example.com", "/token", None),
    "section 7.1, the resource request": (
        RESOURCE,
        1562262618,
        "GET",
        "https://resource.example.org",
        "/protectedresource",
        TOKEN,
    ),
}


def bench_at(time: int, origin: str, **settings: Any) -> Bench:
    """A fresh store, and the clock at this second; only the printed token is permitted."""
    key = KeyPair("ES256", JWK, lambda message: b"")
    bench = Bench(key=key, machine={"credentials": Permits(hashes=frozenset({ATH}))}, origins=origin, **settings)
    bench.clock.step(time - NOW)
    return bench


@pytest.mark.parametrize("figure", PRINTED)
def test_it_verifies_once(figure: str) -> None:
    proof, time, method, origin, path, token = PRINTED[figure]
    bench = bench_at(time, origin, **({} if token else {"credentials": "none"}))
    headers = [(b"authorization", b"DPoP " + token)] if token else []
    request = bench.request(proof, headers=headers, method=method, raw_path=path)
    decision = bench.decide(request)
    assert decision.refusal is None
    assert decision.thumbprint == THUMBPRINT
    assert decision.credential == (ATH if token else None)
    again = bench.decide(request)
    assert again.refusal is not None
    assert again.refusal.told is Code.REPLAYED


@pytest.mark.parametrize(
    ("seconds", "code"), [(-16, Code.STALE_PROOF), (-15, None), (60, None), (61, Code.STALE_PROOF)]
)
def test_it_has_its_time(seconds: int, code: Code | None) -> None:
    proof, time, _, origin, path, token = PRINTED["section 7.1, the resource request"]
    bench = bench_at(time + seconds, origin, nonce="off")
    assert token is not None
    assert bench.code(proof, headers=[(b"authorization", b"DPoP " + token)], raw_path=path) is code


def test_the_jti_that_two_figures_share_may_be_used_again_once_the_first_has_expired() -> None:
    bench = bench_at(1562262616, "https://server.example.com", credentials="none", nonce="off")
    assert bench.code(TOKEN_REQUEST, headers=[], method="POST", raw_path="/token") is None
    bench.clock.advance(1562265296 - 1562262616)
    assert bench.code(REFRESH, headers=[], method="POST", raw_path="/token") is None
