"""A mail server for tests: it speaks SMTP on a free port, keeps what it takes, and can refuse."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


@dataclass
class Mailbox:
    """refusals: by command (“RCPT”, “DATA”), what is answered to it instead of yes."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    connections: int = 0

    @property
    def subjects(self) -> list[str]:
        return [str(one["Subject"]) for one in self.letters]


@contextmanager
def mail_server(port: int = 0) -> Iterator[Mailbox]:
    """For as long as the block lasts."""
    box = Mailbox()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            box.connections += 1
            self._say("220 a server of tests")
            while line := self.rfile.readline():
                command, _, rest = line.decode().strip().partition(" ")
                command = command.upper()
                if refusal := box.refusals.get(command):
                    self._say(refusal)
                elif command in ("EHLO", "HELO"):
                    self._say("250 here")
                elif command == "RCPT":
                    self._recipient = rest.partition("<")[2].partition(">")[0]
                    self._say("250 known")
                elif command == "DATA":
                    self._take()
                elif command == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 yes")

        def _take(self) -> None:
            self._say("354 go on")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            text = b"".join(lines).replace(b"\r\n", b"\n")
            letter = message_from_bytes(text, policy=default)
            box.letters.append(letter)
            box.recipients.append(self._recipient)
            self._say("250 taken")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", port), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
