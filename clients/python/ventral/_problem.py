"""The base of all that the service refuses; `ventral.errors` has a class for each code."""
from __future__ import annotations

from typing import Any, Mapping


class VentralError(Exception):
    """Whatever this package raises by itself."""


class ConnectionLost(VentralError):
    """The service did not answer, or no longer."""


class Problem(VentralError):
    """An RFC 9457 problem document."""

    code: str = "internal"
    status: int = 500

    def __init__(self, document: Mapping[str, Any]):
        self.document = dict(document)
        self.detail: str = str(document.get("detail", ""))
        self.title: str = str(document.get("title", ""))
        self.request_id = document.get("requestId")
        #: ``{"pointer": …, "detail": …}`` for each part of the request that is wrong.
        self.errors: list[dict[str, str]] = list(document.get("errors") or [])
        status = document.get("status")
        if isinstance(status, int):
            self.status = status
        super().__init__(self.detail or self.title or self.code)


def code_of(document: Mapping[str, Any]) -> str:
    """``not-found`` of ``/problems/not-found``."""
    return str(document.get("type", "")).rsplit("/", 1)[-1]


def problem_of(document: Mapping[str, Any]) -> Problem:
    """The exception of a problem document; of an unknown code a plain :class:`Problem` with that code."""
    from .errors import BY_CODE

    code = code_of(document)
    known = BY_CODE.get(code)
    if known is not None:
        return known(document)
    problem = Problem(document)
    problem.code = code or "internal"
    return problem
