"""Django REST framework: the machine as `request.user` and `request.auth`, and a permission class for scopes.

REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["mfa_middleware.django.rest_framework.MachineAuthentication"]}
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mfa_middleware.django.checking import checked_of, held, machine_of, remember
from mfa_middleware.errors import Code, ConfigurationError, Refusal
from mfa_middleware.machines import Machine
from mfa_middleware.route import required

try:
    from django.core.exceptions import ImproperlyConfigured
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.permissions import BasePermission
except ModuleNotFoundError:
    raise ConfigurationError(
        "mfa_middleware.django.rest_framework needs Django REST framework: pip install 'mfa_middleware[drf]'"
    ) from None

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

__all__ = ["HasMachineScopes", "MachineAuthentication", "MachineUser"]


class MachineUser:
    """A machine as `request.user`: authenticated and active, with no permissions of Django's own.

    `pk`, `id` and `username` are the id of the machine.
    """

    is_authenticated = True
    is_active = True
    is_anonymous = is_staff = is_superuser = False

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pk = self.id = self.username = machine.id

    def get_username(self) -> str:
        """The id of the machine."""
        return self.machine.id

    def has_perm(self, _perm: str, _obj: object = None) -> bool:
        """Always False: a machine has scopes, not permissions."""
        return False

    def has_perms(self, perm_list: Iterable[str], _obj: object = None) -> bool:
        """Whether nothing is asked for."""
        return not list(perm_list)

    def has_module_perms(self, _app_label: str) -> bool:
        """Always False."""
        return False

    def __str__(self) -> str:
        return self.machine.id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MachineUser) and other.machine.id == self.machine.id

    def __hash__(self) -> int:
        return hash(self.machine.id)


class MachineAuthentication(BaseAuthentication):
    """Takes the machine that MFAMiddleware accepted: `request.user` is a MachineUser, `request.auth` the Machine.

    Not authenticated where the request passes without a proof, as on an exempt view. Raises ImproperlyConfigured
    where MFAMiddleware is not in MIDDLEWARE.
    """

    def authenticate(self, request: Request) -> tuple[MachineUser, Machine] | None:
        """The user and the machine; None where no proof was accepted."""
        checked_of(request._request)  # noqa: SLF001 - the way that Django REST framework documents
        machine = machine_of(request._request)  # noqa: SLF001
        return None if machine is None else (MachineUser(machine), machine)

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401 answer (RFC 9449 7.1)."""
        service = checked_of(request._request).service  # noqa: SLF001
        answer = service.answer(Refusal(Code.MISSING_CREDENTIAL, ""))
        return dict(answer.headers)["WWW-Authenticate"]


class HasMachineScopes(BasePermission):
    """Demands the scopes that the view names in `required_scopes`: a list, or words in one string.

    Nothing is refused in report mode. Raises ImproperlyConfigured where the view names none.
    """

    code: str | None = None
    message: str | None = None

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the machine of this request has all scopes of the view."""
        scopes: Any = getattr(view, "required_scopes", None)
        if not scopes:
            raise ImproperlyConfigured(f"HasMachineScopes: {type(view).__name__} needs required_scopes")
        checked = held(request._request, required(scopes=scopes))  # noqa: SLF001
        if checked.decision.allowed:
            remember(request._request, checked)  # noqa: SLF001
        elif checked.decision.refusal is not None:
            self.code, self.message = checked.decision.refusal.code.value, checked.decision.refusal.kind.text
        return checked.decision.allowed
