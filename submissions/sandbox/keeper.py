"""The keeper: a container that does nothing but hold a run's volumes.

A tmpfs volume lives only while a running container mounts it. The keeper mounts the input and the
output volume before the algorithm starts, and until the output is collected, so that no path of
the host is ever shared. It runs none of the algorithm's code: its image holds one program of 129
bytes, which asks the kernel to wait for a signal, for ever.
"""

import io
import struct
import tarfile

import docker

TAG = "1"
REPOSITORY = "uptake/keeper"
IMAGE = f"{REPOSITORY}:{TAG}"

# mov eax, 34 (pause) / syscall / jmp to the beginning
_CODE = bytes.fromhex("b8220000000f05ebf7")
_LOAD_ADDRESS = 0x400000


def _program() -> bytes:
    """A static ELF program for linux/amd64: one file header, one loaded segment, the code."""
    header_bytes, segment_bytes = 64, 56
    entry = _LOAD_ADDRESS + header_bytes + segment_bytes
    size = header_bytes + segment_bytes + len(_CODE)
    magic = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    # type executable, machine x86-64, version 1, entry, program headers at 64, no section headers
    header = magic + struct.pack(
        "<HHIQQQIHHHHHH",
        2,
        62,
        1,
        entry,
        header_bytes,
        0,
        0,
        header_bytes,
        segment_bytes,
        1,
        0,
        0,
        0,
    )
    # loaded, readable and executable, whole file
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _LOAD_ADDRESS, _LOAD_ADDRESS, size, size, 4096)
    return header + segment + _CODE


def ensure_keeper(client: docker.DockerClient) -> None:
    """Make the keeper's image where the engine does not have it."""
    if client.images.list(name=IMAGE):
        return
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("keeper")
        content = _program()
        member.size, member.mode = len(content), 0o555
        archive.addfile(member, io.BytesIO(content))
    client.api.import_image_from_data(
        file.getvalue(), repository=REPOSITORY, tag=TAG, changes=['ENTRYPOINT ["/keeper"]']
    )
