"""Endpoints in a module whose annotations are text, with a name that only type checkers know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import BaseModel

from mfa_middleware.fastapi import CurrentMachine, exempt, required

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter()


class Change(BaseModel):
    text: str


class Answer(BaseModel):
    machine: str
    order: int
    text: str
    size: int
    note: str | None
    path: str


def page(size: Annotated[int, Query(le=100)] = 10) -> int:
    return size


@router.post("/orders/{order}")
@required(scopes="read")
async def change(
    order: Annotated[int, Path(ge=1)],
    change: Change,
    machine: CurrentMachine,
    request: Request,
    size: Annotated[int, Depends(page)],
    note: Annotated[str | None, Header()] = None,
) -> Answer:
    return Answer(machine=machine.id, order=order, text=change.text, size=size, note=note, path=request.url.path)


@router.get("/sync", response_model=None)
@required(scopes="read")
def in_a_thread(size: Annotated[int, Depends(page)]) -> Mapping[str, int]:
    return {"size": size}


@router.get("/open/{name}")
@exempt
def open_to_all(name: str, late: Annotated[str, Query()] = "x") -> Answer:
    return Answer(machine="", order=0, text=name, size=0, note=late, path="")
