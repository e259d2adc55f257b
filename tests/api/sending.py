"""The tus protocol from a client's side, as tests need it."""

import base64
import hashlib

OFFSET = "application/offset+octet-stream"


def metadata(**values):
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


def begin(program, phase, size, **told):
    return program.ask(
        "POST",
        f"/challenges/{phase.challenge.slug}/phases/{phase.slug}/uploads",
        **{"Upload-Length": str(size), "Upload-Metadata": metadata(filename="image.tar", **told)},
    )


def send(program, upload, offset, content, *, checksum=None):
    headers = {"Upload-Offset": str(offset), "Tus-Resumable": "1.0.0"}
    if checksum is not None:
        headers["Upload-Checksum"] = f"sha256 {base64.b64encode(checksum).decode()}"
    return program.ask("PATCH", f"/uploads/{upload}", content, content_type=OFFSET, **headers)


def ends_at(program, upload):
    return int(program.ask("HEAD", f"/uploads/{upload}")["Upload-Offset"])


def upload(program, phase, content, **told):
    """Whole, in one part; its id."""
    made = begin(program, phase, len(content), **told)
    assert made.status_code == 201, made.content
    found = made.json()["id"]
    sent = send(program, found, 0, content)
    assert sent.status_code == 204, sent.content
    return found


def sha256(content):
    return hashlib.sha256(content).hexdigest()
