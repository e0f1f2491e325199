"""Family J: the HTTP request around the token."""

from __future__ import annotations

from functools import partial
from typing import Final

from mfa_middleware.firewall.catalog.trick import Action, Trick
from mfa_middleware.firewall.finding import Evidence

__all__ = ["ROWS"]

_row: Final = partial(Trick, family="transport", cwe=("CWE-436",), attack=("T1190",), evidence=Evidence.STRUCTURAL)
_honest: Final = partial(_row, evidence=Evidence.POLICY, action=Action.REPORT)
_BLOCKED: Final = "Blocked. Look whether the proxies before the app pass this on, and to whom else."
_SMUGGLING: Final = ("CWE-444",)

ROWS: Final = (
    _row(
        id="multiple_authorization",
        ref="J1",
        title="Several credentials in one place",
        what="Authorization is there twice, or holds two Bearer or DPoP credentials.",
        how="The check takes one, the app the other.",
        advice=_BLOCKED,
    ),
    _row(
        id="folded_header",
        ref="J2",
        title="Credential with white space inside",
        what="A Bearer or DPoP credential has a space or a tab inside, as a folded line leaves it.",
        how="Servers join folded lines, each in its own way.",
        cwe=("CWE-436", "CWE-444"),
        advice=_BLOCKED,
    ),
    _row(
        id="underscore_header",
        ref="J3",
        title="Header with an underscore",
        what="A header such as `X_Api_Key` comes beside, or instead of, `X-Api-Key`.",
        how="Under CGI names both are one, so an inner proxy filters the one and the app reads the other.",
        cves=("CVE-2015-0219", "CVE-2026-3902"),
        needs="an ASGI server that passes such headers; WSGI hides the difference",
        advice=_BLOCKED,
    ),
    _row(
        id="source_mismatch",
        ref="J4",
        title="Two tokens in two places",
        what="The Authorization header and the query carry different tokens.",
        how="The check reads one place, the app another (RFC 6750 2).",
        advice="Blocked. Let clients send the token in the Authorization header alone.",
    ),
    _honest(
        id="token_in_query",
        ref="J5",
        title="Token in the query",
        what="The query has `access_token`, or a value that is a JWT.",
        how="Queries are logged, kept in histories and passed on as Referer.",
        cwe=("CWE-598",),
        attack=("T1528",),
        advice="Honest with WebSocket clients; elsewhere use the Authorization header.",
    ),
    _honest(
        id="scheme_spacing",
        ref="J6",
        title="Odd spacing after the scheme",
        what="More than one space stands between the scheme and the credential.",
        how="Splitters give an empty credential, or one with a leading space.",
        advice="Correct the client: one space (RFC 9110 11.4). Upper and lower case are free, and never flagged.",
    ),
    _row(
        id="credential_bytes",
        ref="J7",
        title="Credential with forbidden bytes",
        what="A Bearer or DPoP credential has NUL, control or non-ASCII bytes.",
        how="Servers cut, translate or split the header there.",
        cwe=("CWE-436", "CWE-158"),
        advice=_BLOCKED,
    ),
    _row(
        id="host_malformed",
        ref="J8",
        title="Host that is no host",
        what="Host has a slash, a query, user information, a space or a backslash, or is there twice.",
        how="An address that is built from it names another host or path.",
        cves=("CVE-2026-48710",),
        cwe=("CWE-644", "CWE-436"),
        advice=_BLOCKED,
    ),
    _honest(
        id="host_untrusted",
        ref="I12",
        title="Host that is not ours",
        what="Host names none of MFA_ORIGINS.",
        how="The expected address is built from what the caller sent.",
        cwe=("CWE-644",),
        needs="MFA_ORIGINS",
        advice="Honest with health checks by address. A public name that is missing belongs into MFA_ORIGINS.",
    ),
    _row(
        id="absolute_target",
        ref="J8",
        title="Request target with a host of its own",
        what="The target of the request is a whole address, or begins with something else than a slash.",
        how="The server takes the host of the target, the check that of the header, or the other way about.",
        cves=("CVE-2026-48710",),
        advice=_BLOCKED,
    ),
    _honest(
        id="method_override",
        ref="J9",
        title="Method that is changed later",
        what="A header such as X-HTTP-Method-Override is there.",
        how="The app does another thing than the method that was proven.",
        cwe=("CWE-436", "CWE-650"),
        advice="Switch off method overriding in the app, or drop the header at the proxy.",
    ),
    _row(
        id="request_smuggling",
        ref="J10",
        title="Two lengths of one body",
        what="Content-Length comes together with Transfer-Encoding, or twice with two values.",
        how="Proxy and server end the request at different places; what remains is a request of its own.",
        cves=("CVE-2024-1135", "CVE-2024-6827", "CVE-2025-43859"),
        cwe=_SMUGGLING,
        needs="a server that passes both on; most refuse such a request before the app sees it",
        advice=_BLOCKED,
    ),
    _row(
        id="hop_by_hop",
        ref="J11",
        title="Header that the next proxy drops",
        what="Connection names a security header, such as DPoP or Authorization.",
        how="A proxy removes what Connection names (RFC 9110 7.6.1), so what follows sees no proof.",
        cwe=("CWE-436", "CWE-348"),
        advice=_BLOCKED,
    ),
    _honest(
        id="path_ambiguous",
        ref="J12",
        title="Path with two readings",
        what="The path has `//`, dot segments, `;`, a backslash, or an escaped separator.",
        how="Rules of a proxy match one reading, the app serves the other.",
        cwe=("CWE-22", "CWE-436"),
        advice="Honest with some clients. Exemptions never match such a path, and `htu` is compared as it was sent.",
    ),
    _honest(
        id="forwarded_host",
        ref="J13",
        title="Forwarded host that is not ours",
        what="X-Forwarded-Host or Forwarded names a host that is none of MFA_ORIGINS.",
        how="An app that trusts the header builds addresses for the attacker.",
        cwe=("CWE-348", "CWE-644"),
        needs="MFA_ORIGINS",
        advice="This package never reads it. Let the proxy overwrite it, so that the app may trust it.",
    ),
    _honest(
        id="method_case",
        ref="J14",
        title="Method in lower case",
        what="The method has lower-case letters.",
        how="A rule that compares exactly sees an unknown method, the app folds it to a known one.",
        cwe=("CWE-178",),
        advice="Correct the client: methods are in upper case.",
    ),
)
