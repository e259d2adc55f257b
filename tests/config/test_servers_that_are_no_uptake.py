"""A command of a developer that speaks to something else ends with a sentence, and obeys nothing."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from config.cli import app
from config.remote import Remote, RemoteRefused


class Server(ThreadingHTTPServer):
    """Answers everything alike."""

    status = 200
    body = b"{}"
    headers: dict[str, str] = {}
    asked = 0


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        server = self.server
        server.asked += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = server.body
        self.send_response(server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_HEAD = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def run(server, *arguments):
    address = f"http://127.0.0.1:{server.server_address[1]}"
    given = [one.replace("HOST", address) for one in arguments]
    return CliRunner().invoke(app, given, env={"UPTAKE_TOKEN": "uptake_x_y"})


COMMANDS = [
    ("status", "HOST/submissions/abc/"),
    ("status", "HOST/challenges/abc/"),
    ("cancel", "HOST/submissions/abc/"),
    ("results", "HOST/submissions/abc/"),
    ("submit", "no-such-image", "--challenge", "HOST/challenges/c/", "--phase", "p"),
]
ANSWERS = {
    "a page": b"<html>Welcome</html>",
    "nothing": b"",
    "another object": b'{"state": "scored"}',
    "a list": b"[1]",
    "a number": b"7",
    "a deep one": b"[" * 100_000,
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_an_answer_that_is_none_of_an_uptake_ends_in_a_sentence(server, command, answer):
    server.body = ANSWERS[answer]
    done = run(server, *command)
    assert done.exit_code == 2, done.output
    assert "is this" in done.stderr


def test_a_token_follows_no_redirection(server):
    server.status, server.headers = 302, {"Location": "http://127.0.0.1:1/elsewhere"}
    done = run(server, "status", "HOST/submissions/abc/")
    assert (done.exit_code, server.asked) == (2, 1)


@pytest.mark.parametrize("page", ["http://[/submissions/x/", "http://h:99999/submissions/x/"])
def test_an_address_that_is_none_ends_in_a_sentence(server, page):
    done = run(server, "status", page)
    assert done.exit_code == 2
    assert "is not an address" in done.stderr


def test_nothing_that_a_server_writes_is_obeyed_by_the_terminal(server):
    server.status = 422
    server.body = rb'{"detail": "\u001b]0;owned\u0007 [bold]x[/bold] \u009b2J"}'
    done = run(server, "status", "HOST/submissions/abc/")
    assert done.exit_code == 2
    assert not {"\x1b", "\x07", "\x9b"} & set(done.output)
    assert "[bold]x[/bold]" in done.stderr


@pytest.mark.parametrize("told", ["0", "-5", "x", "99999999"])
def test_an_upload_that_gets_nowhere_ends(server, tmp_path, told):
    file = tmp_path / "masks.zip"
    file.write_bytes(b"PK\x03\x04 and more")
    server.headers = {"Upload-Offset": told}
    with (
        Remote(f"http://127.0.0.1:{server.server_address[1]}", "token") as remote,
        pytest.raises(RemoteRefused, match="is this the right address"),
    ):
        remote._send(file, "abc", file.stat().st_size, lambda *_: None)
    assert server.asked <= 3
