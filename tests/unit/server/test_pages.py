import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.server.message import HttpError, Incoming
from samplemind_cli.server.pages import Pages
from samplemind_cli.server.routes import Routes


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    top = tmp_path_factory.mktemp("site")
    (top / "secret.txt").write_text("secret")
    (top / ".ssh").mkdir()
    pages = top / "pages"
    (pages / "assets").mkdir(parents=True)
    (pages / "index.html").write_text("<p>hi")
    (pages / "assets" / "app.JS").write_text("1")
    (pages / "odd.xyz").write_text("?")
    (pages / ".hidden").write_text("secret")
    (pages / "link.txt").symlink_to(top / "secret.txt")
    (pages / "out").symlink_to(top, target_is_directory=True)
    return pages


def get(folder, path, **headers):
    asked = Incoming("GET", path, {name.replace("_", "-"): value for name, value in headers.items()}, b"", "1")
    operation = Routes(Pages(folder).operations("/ui")).find(asked)
    assert operation is None or operation.public
    return operation and asyncio.run(operation.handler(asked))


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/ui", "text/html; charset=utf-8", b"<p>hi"),
        ("/ui/index.html", "text/html; charset=utf-8", b"<p>hi"),
        ("/ui/assets/app.JS", "text/javascript; charset=utf-8", b"1"),
        ("/ui/odd.xyz", "application/octet-stream", b"?"),
    ],
)
def test_a_file_is_a_page_of_its_type(folder, path, kind, body):
    page = get(folder, path)

    assert (page.status, page.kind, page.body) == (200, kind, body)
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/ui/.hidden",
        "/ui/link.txt",
        "/ui/out/secret.txt",
        "/ui/../secret.txt",
        "/ui/assets",
        "/ui//etc/passwd",
        "/ui/assets/../index.html",
        "/ui/index.html\0.txt",
    ],
)
def test_no_path_leads_out_of_the_folder(folder, path):
    with pytest.raises(HttpError, match="no page"):
        get(folder, path)


@given(st.text(st.sampled_from("./\\%2ex~lin"), min_size=1))
def test_no_mixture_of_dots_and_slashes_does(folder, path):
    with pytest.raises(HttpError, match="no page"):
        get(folder, f"/ui/{path}")


def test_a_page_that_the_browser_has_is_not_sent_again(folder):
    tag = get(folder, "/ui").headers["etag"]

    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        page = get(folder, "/ui", if_none_match=known)
        assert (page.status, page.body, page.headers["etag"]) == (304, b"", tag)
    assert get(folder, "/ui", if_none_match='"other"').status == 200
    assert get(folder, "/ui/odd.xyz", if_none_match=tag).status == 200
