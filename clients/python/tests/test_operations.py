"""The client has every operation of openapi.yaml, and the service answers each."""
from __future__ import annotations

import json

import pytest

import ventral
from conftest import ROOT
from ventral._operations import OPERATIONS

DESCRIPTION = json.loads((ROOT / "dist" / "openapi.json").read_text())["document"]
METHODS = ("get", "post", "put", "patch", "delete")


def described():
    for path, item in DESCRIPTION["paths"].items():
        for method in METHODS:
            if method in item:
                yield item[method]["operationId"], method.upper(), path


def test_no_operation_is_lacking():
    assert {(o.id, o.method, o.template) for o in OPERATIONS.values()} == set(described())


# A key would close the service to the tests after it, and signing out is of browsers.
@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - {"getBackup", "checkFiles"}))
def test_an_operation_reaches_its_route(service, name):
    operation = OPERATIONS[name]
    given = {each: "sha256:" + "0" * 64 if each == "digest" else "nothing" for each in operation.path}
    if name in ("getFile", "putFile"):
        given["kind"] = "model"
    if operation.body:
        octets = "application/json" not in operation.body
        given["data" if octets else "body"] = b"x" if octets else {}
    try:
        with service.api.send(name, stream=True, patience=5, **given) as answer:
            assert answer.status_code < 300
    except ventral.Problem as problem:
        assert problem.code != "method-not-allowed"
        assert "Resource not found" not in problem.detail, problem.detail
        assert type(problem) is ventral.errors.BY_CODE[problem.code]


def test_a_parameter_that_it_lacks_is_named(service):
    with pytest.raises(TypeError, match="needs job"):
        service.api.getScore()
    with pytest.raises(TypeError, match="found jobb"):
        service.api.getScore(job="job_1", jobb=1)
    with pytest.raises(AttributeError):
        service.api.getNothing


def test_every_code_has_an_exception():
    assert issubclass(ventral.errors.NotFoundError, ventral.Problem)
    assert ventral.errors.NotFoundError.status == 404
    assert len(ventral.errors.BY_CODE) > 80
