"""The Flask face: an extension that checks each request before the app sees it, and marks for its views.

mfa = MFA(app, origins="https://api.example.com")
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar, Unpack

from mfa_middleware.decision import Decision
from mfa_middleware.errors import Code, ConfigurationError, Refusal
from mfa_middleware.marks import MARK, Checked, Words, class_mark, mark_of, of_empty_body, stricter, tight
from mfa_middleware.route import EXEMPT, PROTECTED, Route
from mfa_middleware.route import required as route_of
from mfa_middleware.service import Service
from mfa_middleware.settings import Settings
from mfa_middleware.wsgi import KEY, complete_headers, request_of
from mfa_middleware.wsgi_body import read_body

try:
    from flask import Blueprint, Flask, Response, abort, current_app, g, request
    from flask.views import View
except ImportError:
    raise ConfigurationError(f"{__name__} needs the flask package: pip install 'mfa_middleware[flask]'") from None

__all__ = ["MFA"]

_CHECKED: Final = "mfa_middleware.checked"
_V = TypeVar("_V", bound=Callable[..., Any])
_M = TypeVar("_M", bound=Callable[..., Any] | Blueprint)


class MFA:
    """Asks every request for a proof by an enrolled machine: views, static files, redirects and 404s alike.

    `settings`: the options of `Settings`, over the MFA_ keys of `app.config`, over the environment. A view finds
    the Decision in `g.mfa` and the Machine in `g.machine`, which is None where no proof was accepted. Each app has
    its own Service, in `app.extensions["mfa"]`. Raises ConfigurationError where a setting is wrong.
    """

    def __init__(self, app: Flask | None = None, *, service: Service | None = None, **settings: Any) -> None:
        self._settings = settings
        if app is not None:
            self.init_app(app, service=service)

    def init_app(self, app: Flask, *, service: Service | None = None, **settings: Any) -> None:
        """Check the requests of one more app, with these settings over those of the constructor.

        `service`: one that is already built, instead of settings. Raises ConfigurationError.
        """
        if KEY in app.extensions:
            raise ConfigurationError(f"the app {app.name} has an MFA already: call init_app once for each app")
        given = {key: value for key, value in app.config.items() if key.startswith("MFA_")}
        app.extensions[KEY] = service or Service(Settings.load(given | self._settings | settings))
        app.before_request_funcs.setdefault(None, []).insert(0, _check)
        app.after_request_funcs.setdefault(None, []).insert(0, _complete)  # the first one runs last

    @staticmethod
    def required(**words: Unpack[Words]) -> Callable[[_V], _V]:
        """Mark a view function, a method of a view class, or a view class, with what it demands.

        scopes: all of them must be the machine's. body, query: the proof must bind them. nonce: it must carry a
        nonce. networks: where the machine must call from. report_only: refusals are only events. credential=False:
        the proof is the only factor. Where marks meet, the stricter holds. Raises ConfigurationError.
        """
        route = route_of(**words)
        return lambda view: _required(view, route)

    @staticmethod
    def exempt(view: _M) -> _M:
        """Mark a view function, a view class or a blueprint that needs neither credential nor proof.

        Returns a new function, and marks a class or a blueprint in place. Raises ConfigurationError.
        """
        marked: _M = _marked(view, EXEMPT)
        return marked


def _required(view: _V, route: Route) -> _V:
    marked: _V = _marked(view, route)
    if not isinstance(view, type):
        with contextlib.suppress(AttributeError):  # also holds where it stands above @app.route, but loosens nothing
            setattr(view, MARK, stricter(tight(route), mark_of(view)))
    return marked


def _marked(view: Any, route: Route) -> Any:
    if isinstance(view, type) and issubclass(view, View):
        # The mark on the class is also for subclasses that have a dispatch_request of their own.
        view.dispatch_request = _marked(view.dispatch_request, route)  # type: ignore[method-assign]
        setattr(view, MARK, stricter(route, mark_of(view)))
    elif isinstance(view, Blueprint) and route.exempt:
        setattr(view, MARK, route)
    elif isinstance(view, type) or not callable(view):
        raise ConfigurationError(f"mfa.required and mfa.exempt mark views and flask.views.View classes, not {view!r}")
    else:
        wrapper = functools.update_wrapper(_wrapper(view, route), view)
        setattr(wrapper, MARK, stricter(route, mark_of(view)))
        return wrapper
    return view


def _wrapper(view: Callable[..., Any], route: Route) -> Callable[..., Any]:
    if iscoroutinefunction(view):

        async def checked_async(*args: Any, **kwargs: Any) -> Any:
            _hold(route)
            return await view(*args, **kwargs)

        return checked_async

    def checked(*args: Any, **kwargs: Any) -> Any:
        _hold(route)
        return view(*args, **kwargs)

    return checked


def _route() -> Route:
    """The marks of the view that this request will reach; PROTECTED where it reaches none, or none is marked."""
    if request.endpoint is None:
        return PROTECTED
    view = current_app.view_functions.get(request.endpoint)
    own = mark_of(view)
    of_class = class_mark(getattr(view, "view_class", None))
    if own is not None or of_class is not None:
        return stricter(own or EXEMPT, of_class)
    if any(mark_of(current_app.blueprints.get(name)) is not None for name in request.blueprints):
        return EXEMPT
    return PROTECTED


def _check() -> Response | None:
    service: Service = current_app.extensions[KEY]
    environ, route = request.environ, _route()
    outer = environ.get(KEY)
    if isinstance(outer, Decision):  # wsgi.MFAMiddleware around the app has checked it
        return _remember(Checked(service, PROTECTED, outer).hold(route, request_of(environ), _read_body))
    return _remember(Checked(service, route, service.decide(request_of(environ), route, _read_body)))


def _hold(route: Route) -> None:
    """Hold the request against the mark of a view that runs now; the refusal leaves as an HTTPException."""
    if route.exempt:
        return
    checked = request.environ.get(_CHECKED)
    if not isinstance(checked, Checked) or checked.service is not current_app.extensions.get(KEY):
        raise ConfigurationError(
            f"the view of endpoint {request.endpoint} is mfa.required, but the app {current_app.name} does not check "
            "its requests: write MFA(app) or mfa.init_app(app)"
        )
    if not checked.covers(route):
        route = of_empty_body(route, checked.decision, _read_body)
        refused = _remember(checked.hold(route, request_of(request.environ), _read_body))
        if refused is not None:
            abort(refused)


def _remember(checked: Checked) -> Response | None:
    """Keep what came out, for the view and for its marks; the answer where it is a refusal."""
    request.environ[_CHECKED] = checked
    decision = g.mfa = checked.decision
    g.machine = checked.machine
    if decision.allowed or decision.refusal is None:
        return None
    answer = checked.service.answer(decision.refusal, nonce=decision.nonce, cors="Origin" in request.headers)
    return current_app.response_class(answer.body, answer.status, list(answer.headers))


def _complete(response: Response) -> Response:
    checked = request.environ.get(_CHECKED)
    if isinstance(checked, Checked):
        complete_headers(response.headers, checked.decision.nonce, cors="Origin" in request.headers)
    return response


def _read_body(limit: int) -> bytes:
    if "stream" not in vars(request):
        return read_body(request.environ, limit)
    body = request.get_data()  # something that runs before this check has begun to read
    if len(body) > limit:
        raise Refusal(Code.BODY_TOO_LARGE, f"the body has {len(body)} bytes, at most {limit} are bound")
    return body
