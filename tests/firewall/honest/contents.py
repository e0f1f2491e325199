"""What honest tokens say: those of well-known issuers, and whatever RFC 7515, 7519 and 8259 allow beside."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["CONTENTS", "PLAIN", "Content"]


class Content(NamedTuple):
    """A name for the report, more members of the header, and the claims."""

    name: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]


_NOW = int(time.time())
PLAIN: Mapping[str, Any] = {"iss": "https://issuer.example", "sub": "depot", "iat": _NOW, "exp": _NOW + 86_400}


def _headed(name: str, /, **header: Any) -> Content:
    return Content(name, header, PLAIN)


def _saying(name: str, /, **claims: Any) -> Content:
    return Content(name, {}, {**PLAIN, **claims})


_KIDS = (
    "2024-10-01", "https://issuer.example/keys/1#sig", "https://issuer.example:8443/keys/a.b~c",
    "did:example:123#key-1",
    "did:web:example.com%3A3000#owner", "did:key:z6MkhaXgBZD#z6MkhaXgBZD", "did:example:123;service=agent#k",
    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "a/b+c=", "urn:ietf:params:oauth:jwk-thumbprint:sha-256:NzbL",
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "5b2f8a1c-7d3e-4f60-9a8b-0c1d2e3f4a5b",
    "0", "", "key one", "signing key (2024)", "schl\u00fcssel-1", "\u9375", "kid@issuer.example", "a..b", "v1.2.3",
    "CN=issuer, O=Example Inc., C=DE", "key|2024", "tenant;key", "O'Brien", "rsa:2048/prod", "~key~", "{1}",
)  # fmt: skip
_ISSUERS = (
    "https://issuer.example/", "accounts.google.com", "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "kubernetes/serviceaccount",
    "robot@project.iam.gserviceaccount.com", "urn:example:issuer", "did:web:example.com", "spiffe://example.org",
    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf", "http://localhost:8080/realms/main",
    "https://xn--bcher-kva.example/", "https://b\u00fccher.example/", "M\u00fcller GmbH & Co. KG", "joe", "https://a/b?c=d#e",
    "https://issuer.example/tenants/a%20b", "kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local",
    "https://10.0.0.7:8443", "", "https://token.actions.githubusercontent.com",
)  # fmt: skip
_SHA1 = "dGhpcyBpcyBhIFNIQTEgdGVzdCE"
_TYPES = ("JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT", "JOSE", "application/jwt", "Bearer")
_SUBJECTS = (
    "auth0|5f7c8ec7c33c6c004bbafe82", "system:serviceaccount:default:builder", "spiffe://example.org/ns/default/sa/web",
    "repo:octo-org/octo-repo:environment:prod", "O'Brien; DROP TABLE users--", "../../etc/passwd", "{{7*7}} ${x}",
    "<script>alert(1)</script>", "a\nb\tc", "\u00e9\u4e2d\U0001f600", "x" * 2_000, "*)(uid=*", "a@b.example", "C:\\key",
)  # fmt: skip

_AZURE = {
    "aud": "api://5f1c", "iss": _ISSUERS[2], "appid": "a1", "appidacr": "1", "idp": _ISSUERS[2], "oid": "b2",
    "roles": ["Orders.Read", "Orders.Write"], "tid": "9188040d-6c67-4c5b-b112-36a304b66dad", "uti": "x", "ver": "1.0",
    "xms_ftd": "a", "xms_idrel": "7 2", "wids": [], "acrs": ["p1"], "aio": "E2ZgY=", "app_displayname": "M\u00fcller",
}  # fmt: skip
_KEYCLOAK = {
    "typ": "Bearer", "azp": "web", "session_state": "s", "acr": "1", "sid": "s", "auth_time": _NOW,
    "realm_access": {"roles": ["offline_access"]}, "resource_access": {"account": {"roles": ["manage-account"]}},
    "allowed-origins": ["*", "http://localhost:3000"], "email_verified": True, "preferred_username": "service-account",
}  # fmt: skip
_GITHUB = {
    "jti": "a", "sub": "repo:o/r:ref:refs/heads/main", "aud": "https://github.com/o", "run_id": "1",
    "job_workflow_ref": "o/r/.github/workflows/ci.yml@refs/heads/main", "nbf": _NOW,
}  # fmt: skip
_KUBERNETES = {
    "aud": ["https://kubernetes.default.svc", "vault"], "jti": "9f7c", "nbf": _NOW,
    "kubernetes.io": {"namespace": "default", "node": {"name": "n", "uid": "u"}, "pod": {"name": "p", "uid": "u"}},
}  # fmt: skip
_FIREBASE = {
    "aud": "project", "auth_time": _NOW, "user_id": "u", "email": "a@b.example",
    "firebase": {"identities": {"email": ["a@b.example"]}, "sign_in_provider": "password"},
}  # fmt: skip
_COGNITO = {
    "token_use": "access",
    "origin_jti": "o",
    "event_id": "e",
    "client_id": "c",
    "cognito:groups": ["a"],
    "version": 2,
}
_AUTH0 = {
    "aud": ["https://api.example", "https://x.auth0.com/userinfo"],
    "azp": "a",
    "gty": "client-credentials",
    "scope": "r w",
}
_CREDENTIAL = {"vc": {"@context": ["https://www.w3.org/2018/credentials/v1"], "type": ["VerifiableCredential"]}}
_DEEP = {"a": {"b": {"c": {"d": {"e": {"f": {"g": [[[1]]]}}}}}}}
_TREE = {f"claim-{n}": {"values": list(range(20)), "text": "\u00fc" * 20} for n in range(12)}

CONTENTS: tuple[Content, ...] = (
    Content("plain", {}, PLAIN),
    *(_headed(f"kid {kid!r}"[:40], kid=kid) for kid in _KIDS),
    *(_headed(f"typ {typ}", typ=typ) for typ in _TYPES),
    _headed("unknown headers", **{"x-tenant": "a", "version": 2, "https://example.com/h": {"a": [1, None, True]}}),
    _headed("x5t", x5t=_SHA1, kid=_SHA1),
    _headed("x5t of two kinds", **{"x5t": _SHA1, "x5t#S256": _KIDS[7]}),
    _headed("header of Microsoft Graph", nonce="AQABAAAAAA", x5t=_SHA1, kid="dGhpcyBp"),
    _headed("header of an AWS load balancer", client="c", signer="arn:aws:x:1:loadbalancer/app/a",
            iss=_ISSUERS[9], exp=_NOW + 60),
    _headed("cty of JSON", cty="application/json"),
    _headed("claims repeated in the header", iss="https://issuer.example", sub="depot", aud="orders"),
    *(_saying(f"iss {issuer!r}"[:40], iss=issuer) for issuer in _ISSUERS),
    *(_saying(f"sub {subject!r}"[:40], sub=subject) for subject in _SUBJECTS),
    _saying("Azure AD", **_AZURE),
    _saying("Keycloak", **_KEYCLOAK),
    _saying("GitHub Actions", **_GITHUB),
    _saying("Kubernetes", **_KUBERNETES),
    _saying("Firebase", **_FIREBASE),
    _saying("Cognito", **_COGNITO),
    _saying("Auth0", **_AUTH0),
    _saying("a credential", **_CREDENTIAL),
    _saying("float dates", iat=_NOW - 0.5, nbf=_NOW - 0.25, exp=_NOW + 600.75),
    _saying("jti and nbf", jti="0b5c3f3e-4f60-49a8-8b0c-1d2e3f4a5b6c", nbf=_NOW),
    _saying("deep", nested=_DEEP),
    _saying("large", **_TREE),
    _saying("very large", blob="a" * 6_000),
    _saying("names", **{"": 1, "a b": 2, "\u00fc": 3, "https://example.com/\u4e2d": 4, "__proto__": {"admin": False}}),
    _saying("values", none=None, yes=True, no=False, negative=-5, zero=0, big=2**53 - 1, empty=[], object={}),
    _saying("snowflakes", id=1_234_567_890_123_456_789),
    _saying("bound to a key", cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
    _saying("bound to a certificate", cnf={"x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"}),
    _saying("bound to a whole key", cnf={"jwk": {"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}}),
    _saying("delegated", act={"sub": "gateway", "act": {"sub": "edge"}}, may_act={"sub": "x"}),
    _saying("a token inside", upstream="eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
    _saying("words of attackers", q="' OR 1=1--", p="../../dev/null", t="{{7*7}}", c="$(id)", h="alg none", n="$ne"),
    _saying("many audiences", aud=[f"https://api-{n}.example" for n in range(30)]),
    _saying("emoji", text="\U0001f468\u200d\U0001f469\u200d\U0001f467 \u202e"),
    Content("no end", {}, {"iss": "https://issuer.example", "sub": "depot"}),
    Content("nothing", {}, {}),
    _saying("a far end", exp=_NOW + 50 * 365 * 86_400),
    _saying("an id token", nonce="n", at_hash="77QmUPtjPfzWtF2AnpK9RQ", auth_time=_NOW),
)  # fmt: skip
