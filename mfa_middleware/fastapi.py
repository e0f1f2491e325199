"""The FastAPI face: the ASGI middleware, a dependency for routes that ask for more, and marks for endpoints.

app.add_middleware(MFAMiddleware, origins="https://api.example.com")
"""
# No `from __future__ import annotations` here: older FastAPI does not find the names in the text of annotations.

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Unpack, cast

from mfa_middleware.asgi import MachineUser, MFAMiddleware
from mfa_middleware.asgi_exchange import hold, loosened
from mfa_middleware.asgi_marks import is_async, is_function, marked, write_mark
from mfa_middleware.asgi_routes import own_mark
from mfa_middleware.errors import ConfigurationError
from mfa_middleware.machines import Machine, State
from mfa_middleware.marks import Words
from mfa_middleware.route import EXEMPT, Route
from mfa_middleware.route import required as route_of

try:
    from fastapi import Depends
    from fastapi.openapi.models import APIKey, APIKeyIn
    from fastapi.requests import HTTPConnection
    from fastapi.security import SecurityScopes
    from fastapi.security.base import SecurityBase
except ImportError:
    raise ConfigurationError(f"{__name__} needs the fastapi package: pip install 'mfa_middleware[fastapi]'") from None

__all__ = [
    "UNPROVEN",
    "CurrentMachine",
    "MFAMiddleware",
    "MachineMFA",
    "MachineUser",
    "OptionalMachine",
    "exempt",
    "required",
]

_E = TypeVar("_E", bound=Callable[..., Any])

UNPROVEN: Final = Machine(id="", name="", thumbprint="", jwk={}, algorithm="", state=State.PENDING)
"""Stands for the machine of a request that had to prove none, and did not: in the modes off and report, and on
routes that are exempt. It has no id and no scopes."""

_DESCRIPTION: Final = (
    "A single-use proof by an enrolled machine (RFC 9449), made anew for each request and bound to the credential "
    "beside it. `mfa-middleware sign` makes one for a try."
)


class MachineMFA(SecurityBase):
    """A dependency that gives the machine of the request, and refuses those that do not meet its demands.

    scopes: all of them must be the machine's, and so must those that `Security(..., scopes=[...])` collects. body,
    query: the proof must bind them. nonce: it must carry a nonce. networks: where the machine must call from. It
    only tightens: what the middleware let through without a proof (UNPROVEN) passes here as well. Works for HTTP
    and WebSocket routes, for routers and whole apps. Raises ConfigurationError for a wrong word; at a request, where
    the app does not have the middleware.
    """

    def __init__(
        self,
        *,
        scopes: Iterable[str] | str = (),
        body: bool = False,
        query: bool = False,
        nonce: bool = False,
        networks: Iterable[str] | str = (),
    ) -> None:
        self.route = route_of(scopes=scopes, body=body, query=query, nonce=nonce, networks=networks)
        self.model = APIKey.model_validate({"in": APIKeyIn.header, "name": "DPoP", "description": _DESCRIPTION})
        self.scheme_name = "MachineMFA"

    async def __call__(self, connection: HTTPConnection, security_scopes: SecurityScopes) -> Machine:
        """The machine whose proof was accepted, or UNPROVEN. Raises HTTPException, WebSocketException."""
        route = replace(self.route, scopes=self.route.scopes.union(security_scopes.scopes))
        return await hold(connection.scope, loosened(route, connection.scope)) or UNPROVEN


class _Required(MachineMFA):
    """The dependency of an endpoint that is `required`: what that demands is the last word."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self.route = route

    async def __call__(self, connection: HTTPConnection) -> Machine:  # type: ignore[override]
        return await hold(connection.scope, self.route) or UNPROVEN


_current: Final = MachineMFA()


async def _proven(machine: Annotated[Machine, Depends(_current)]) -> Machine | None:
    return None if machine is UNPROVEN else machine


CurrentMachine: TypeAlias = Annotated[Machine, Depends(_current)]
"""The machine of the request, for the signature of an endpoint; UNPROVEN where it had to prove none."""
OptionalMachine: TypeAlias = Annotated[Machine | None, Depends(_proven)]
"""The same, but None where the request had to prove no machine."""


def required(**words: Unpack[Words]) -> Callable[[_E], _E]:
    """Mark an endpoint with what it demands; below `@app.get(...)`. The words are those of every face.

    scopes, body, query, nonce, networks: as in MachineMFA. report_only: refusals are only events. credential=False:
    the proof is the only factor. Where marks meet, the stricter holds. Raises ConfigurationError.
    """
    route = route_of(**words)
    return lambda endpoint: _marked(endpoint, route)


def exempt(endpoint: _E) -> _E:
    """Mark an endpoint, or an app that is mounted, as one that needs neither credential nor proof.

    Returns a new function, and marks a class or an app in place. Raises ConfigurationError.
    """
    return _marked(endpoint, EXEMPT)


def _marked(endpoint: _E, route: Route) -> _E:
    holding = marked(endpoint, route)
    if not is_function(endpoint):
        return holding
    signature = _signature(endpoint)
    if route.exempt:
        cast("Any", holding).__signature__ = signature
        return holding
    wrapper = _with_dependency(endpoint, holding, signature, route)
    write_mark(wrapper, route, own_mark(holding))
    return cast("_E", wrapper)


def _with_dependency(
    endpoint: Callable[..., Any], holding: Callable[..., Any], signature: inspect.Signature, route: Route
) -> Callable[..., Any]:
    """An endpoint with one more parameter, which FastAPI fills by holding the request against the route.

    Where it is called without that one, by Starlette, it holds the request by itself.
    """
    name = "mfa_machine"
    while name in signature.parameters:
        name += "_"

    def target(kwargs: dict[str, Any]) -> Callable[..., Any]:
        return holding if kwargs.pop(name, None) is None else endpoint

    @functools.wraps(endpoint)
    async def called_async(*args: Any, **kwargs: Any) -> Any:
        return await target(kwargs)(*args, **kwargs)

    @functools.wraps(endpoint)
    def called(*args: Any, **kwargs: Any) -> Any:
        return target(kwargs)(*args, **kwargs)

    wrapper = called_async if is_async(endpoint) else called
    cast("Any", wrapper).__signature__ = _extended(signature, name, _Required(route))
    return wrapper


def _extended(signature: inspect.Signature, name: str, dependency: MachineMFA) -> inspect.Signature:
    """The signature with one more keyword, before any `**kwargs`."""
    added = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[Machine, Depends(dependency)])
    parameters = [*signature.parameters.values(), added]
    parameters.sort(key=lambda parameter: parameter.kind)
    return signature.replace(parameters=parameters)


def _signature(endpoint: Callable[..., Any]) -> inspect.Signature:
    """The signature with real types, as far as its names are known; FastAPI resolves the others, or needs none."""
    try:
        return inspect.signature(endpoint, eval_str=True)
    except NameError:
        signature = _raw_signature(endpoint)
    known = getattr(inspect.unwrap(endpoint), "__globals__", {})
    parameters = [
        parameter.replace(annotation=_resolved(parameter.annotation, known))
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


def _raw_signature(endpoint: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):
        from annotationlib import Format

        return inspect.signature(endpoint, annotation_format=Format.FORWARDREF)
    return inspect.signature(endpoint)


def _resolved(annotation: Any, known: dict[str, Any]) -> Any:
    try:
        return eval(annotation, known) if isinstance(annotation, str) else annotation  # noqa: S307 - the app's own code
    except NameError:
        return annotation
