import pytest

from samplemind_cli.server.message import HttpError, Incoming, Reply
from samplemind_cli.server.routes import Operation, Routes


async def nothing(_):
    return Reply(b"")


def shape(problem):
    return {"oops": problem.message}


ROUTES = Routes(
    [
        Operation("GET", "/v1/models", nothing),
        Operation("GET", "/both", nothing),
        Operation("POST", "/both", nothing),
        Operation("GET", "/v1beta/models/{model}", nothing),
        Operation("POST", "/v1beta/models/{model}:generateContent", nothing, error=shape),
        Operation("POST", "/v1beta/models/{model}:streamGenerateContent", nothing, error=shape),
    ]
)


def incoming(method, path):
    return Incoming(method, path, {}, b"", "1")


def found(method, path):
    asked = incoming(method, path)
    return ROUTES.find(asked), asked


@pytest.mark.parametrize(
    ("method", "path", "route", "params"),
    [
        ("GET", "/v1/models", "/v1/models", ()),
        ("HEAD", "/v1/models", "/v1/models", ()),
        ("GET", "/v1beta/models/a/b:c", "/v1beta/models/{model}", ("a/b:c",)),
        ("GET", "/v1beta/models/a\nb", "/v1beta/models/{model}", ("a\nb",)),
        ("POST", "/v1beta/models/ollama/x:3b:generateContent", None, ("ollama/x:3b",)),
        ("POST", "/v1beta/models/x:streamGenerateContent", None, ("x",)),
    ],
)
def test_a_path_leads_to_the_most_exact_line(method, path, route, params):
    operation, asked = found(method, path)

    assert operation.path == asked.route == (route or f"/v1beta/models/{{model}}:{path.rpartition(':')[2]}")
    assert asked.params == params


@pytest.mark.parametrize("path", ["/v1", "/v1/models/x", "/v1beta/models/", "*"])
def test_what_no_line_has_is_found_nowhere(path):
    operation, asked = found("GET", path)

    assert operation is None
    assert asked.route == "other"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/both", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/v1/models", "GET, HEAD, OPTIONS"),
        ("HEAD", "/v1beta/models/x:generateContent", "POST, OPTIONS"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_told_which_it_does(method, path, allowed):
    operation, asked = found(method, path)
    problem = ROUTES.missing(asked)

    assert operation is None
    assert (problem.status, problem.headers) == (405, {"allow": allowed})


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/models", "/v1/models"),
        ("/v1/v1/models", "/v1/models"),
        ("/models/a/b:generateContent", "/v1beta/models/a/b:generateContent"),
        ("/v1/both", "/both"),
        ("/v1beta/both", "/both"),
        ("/v1/nowhere", ""),
    ],
)
def test_a_wrong_base_url_is_told_with_the_path_that_was_meant(path, meant):
    _, asked = found("GET", path)
    problem = ROUTES.missing(asked)

    assert problem.status == 404
    assert (f"it is at {meant};" in str(problem)) if meant else str(problem) == f"nothing is at {path}"


def test_a_problem_has_the_shape_of_its_routes_format_whoever_raises_it():
    _, asked = found("GET", "/v1beta/models/x:generateContent")

    assert asked.problem(HttpError(413, "too large")).body == b'{"oops":"too large"}'
    assert b'"type":"invalid_request_error"' in incoming("GET", "/").problem(HttpError(413, "too large")).body
