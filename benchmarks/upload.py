"""A large tarball sent to a platform, broken off ten times, against writing it to the same disk.

    .venv/bin/python -m benchmarks.upload [--gigabytes 5]

Sent over loopback by the client of ``./uptake submit``, part by part with checksums; between them
ten connections are cut in the middle of a part. The peer is a plain copy with fsync, in the same
run. Memory: the largest that any process of the web server ever had, less what it had before.
"""

import argparse
import hashlib
import http.client
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from config.remote import Remote
from tests.platforms import Platform
from tests.scans import write_challenge

CUTS = 10
SENT_BEFORE_A_CUT = 200_000_000
CHUNK = 4 * 1024**2


def a_tarball(path: Path, size: int) -> None:
    """One member of noise: nothing on the way can make it smaller."""
    noise = hashlib.shake_128(b"uptake").digest(64 * 1024**2)
    header = bytearray(512)
    header[:13] = b"blobs/weights"
    header[100:107], header[124:135] = b"0000644", f"{size:011o}".encode()
    header[148:156], header[156:157], header[257:262] = b" " * 8, b"0", b"ustar"
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    with path.open("wb") as file:
        file.write(header)
        for _ in range(0, size, len(noise)):
            file.write(noise)


def copied(source: Path, target: Path) -> float:
    start = time.monotonic()
    with source.open("rb") as given, target.open("wb") as taken:
        shutil.copyfileobj(given, taken, CHUNK)
        taken.flush()
        os.fsync(taken.fileno())
    seconds = time.monotonic() - start
    target.unlink()
    return seconds


def cut_off(address: str, token: str, upload: str, offset: int, file: Path) -> None:
    """A part that announces all that is left, and ends after some of it."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.putrequest("PATCH", f"/api/v1/uploads/{upload}")
    for name, value in {
        "Authorization": f"Bearer {token}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Content-Length": str(file.stat().st_size - offset),
    }.items():
        connection.putheader(name, value)
    connection.endheaders()
    with file.open("rb") as source:
        source.seek(offset)
        for _ in range(SENT_BEFORE_A_CUT // CHUNK):
            connection.send(source.read(CHUNK))
    connection.close()


def peaks(platform: Platform) -> dict[int, int]:
    """MiB that each process of the web server ever had in memory at once."""
    found = {}
    for process in platform.processes("gunicorn"):
        status = Path(f"/proc/{process}/status").read_text()
        found[process] = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024
    return found


def sent(platform: Platform, token: str, file: Path) -> float:
    ends = "SELECT public_id, received_bytes FROM submissions_upload"
    with Remote(platform.address, token) as remote:
        start = time.monotonic()
        begun = remote.begin(file, challenge="large", phase="open", name=file.name)
        for _ in range(CUTS):
            cut_off(platform.address, token, begun, platform.rows(ends)[0][1], file)
            time.sleep(0.3)
        remote.upload(
            file,
            challenge="large",
            phase="open",
            kind="container",
            name=file.name,
            baseline=False,
            progress=lambda done, total: None,
        )
        seconds = time.monotonic() - start
    ((found, received),) = platform.rows(ends)
    assert (found, received) == (begun, file.stat().st_size)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=5)
    size = int(parser.parse_args().gigabytes * 1e9)
    with tempfile.TemporaryDirectory(prefix="uptake-benchmark-") as name:
        work = Path(name)
        file = work / "image.tar"
        a_tarball(file, size)
        platform = Platform(work / "state")
        platform.start()
        try:
            platform.run(
                "import-challenge", str(write_challenge(work / "c", slug="large", cases=1))
            )
            token = platform.person("developer").token()
            plain = copied(file, work / "copy")
            before = peaks(platform)
            seconds = sent(platform, token, file)
            after = peaks(platform)
        finally:
            platform.stop()
    gigabytes = size / 1e9
    grown = max(after[process] - before[process] for process in before)
    print(f"{gigabytes:.1f} GB, connections cut in the middle: {CUTS}\n")
    print(f"{'copy with fsync':<28}{plain:8.1f} s {1000 * gigabytes / plain:8.0f} MB/s     1.00")
    print(f"{'upload':<28}{seconds:8.1f} s {1000 * gigabytes / seconds:8.0f} MB/s "
          f"{seconds / plain:8.2f}")  # fmt: skip
    print(f"memory of a web process: {max(before.values())} MiB before, {grown} MiB more at most")


if __name__ == "__main__":
    main()
