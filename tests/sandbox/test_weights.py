"""Parameters are counted from the headers of weights files as they pass, and nothing is made up."""

import io
import json
import struct
import tarfile

import numpy as np
import pytest

from submissions.sandbox.archive.canonical import canonicalise
from submissions.sandbox.archive.weights import MOST_HEADER, count_parameters
from tests.sandbox.test_archive import docker


def tensors(**arrays):
    """As the format has it: length, JSON header, data."""
    header, data = {"__metadata__": {"format": "np"}}, b""
    for name, array in arrays.items():
        content = array.tobytes()
        header[name] = {
            "dtype": {"float32": "F32", "float16": "F16", "int8": "I8"}[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + len(content)],
        }
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


MODEL = tensors(
    weight=np.zeros((16, 8, 3), np.float32),
    bias=np.zeros(16, np.float16),
    none=np.zeros(0, np.int8),
)


def counted(content):
    return count_parameters(content[:MOST_HEADER], len(content))


def test_elements_of_every_tensor_are_counted():
    assert counted(MODEL) == 16 * 8 * 3 + 16


def with_header(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2**64 - 1),
        with_header(b"no json"),
        with_header(b"[" * 100_000),
        with_header([1, 2]),
        with_header({"a": 1}),
        with_header({"a": {"dtype": "F32", "shape": [10**30], "data_offsets": [0, 4]}}, b"1234"),
        with_header({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"1234"),
        with_header({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, b"1234"),
        with_header({"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
        with_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"12345"),
        with_header({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, b"12345678"),
        with_header(
            {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"},
            b"1234",
        ),
        with_header({"a": {"dtype": "I8", "shape": [0] * 33, "data_offsets": [0, 0]}}),
        MODEL[:-1],
    ],
    ids=range(17),
)
def test_what_does_not_agree_with_itself_is_not_counted(content):
    assert counted(content) is None


def layer(**files):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def found(tmp_path, *layers):
    source = tmp_path / "image.tar"
    source.write_bytes(docker(*layers))
    image = canonicalise(source, tmp_path / "out.tar")
    return {file.path: file.parameters for file in image.weights}


ST = "opt/model.safetensors"


def test_a_file_of_the_image_is_found_whatever_comes_before_and_after(tmp_path):
    files = {"a": bytes(3_000_000), ST: MODEL, "z": bytes(3_000_000)}
    assert found(tmp_path, layer(**files)) == {f"/{ST}": 400}


def test_what_a_later_layer_removes_or_replaces_does_not_count(tmp_path):
    larger = tensors(w=np.zeros(1000, np.float32))
    assert found(tmp_path, layer(**{ST: MODEL}), layer(**{ST: larger})) == {f"/{ST}": 1000}
    assert found(tmp_path, layer(**{ST: MODEL}), layer(**{"opt/.wh.model.safetensors": b""})) == {}
    assert found(tmp_path, layer(**{ST: MODEL}), layer(**{".wh.opt": b""})) == {}
    assert found(tmp_path, layer(**{ST: MODEL}), layer(**{"opt/.wh..wh..opq": b""})) == {}
    assert found(tmp_path, layer(**{ST: MODEL}), layer(**{ST: b"not any more"})) == {}


def test_the_same_file_twice_counts_once(tmp_path):
    assert found(tmp_path, layer(**{ST: MODEL, "copy.safetensors": MODEL})) == {
        "/copy.safetensors": 400
    }


def test_a_hostile_file_costs_its_image_nothing(tmp_path):
    hostile = struct.pack("<Q", MOST_HEADER * 2) + b"[" * (MOST_HEADER * 2)
    files = {f"{n}.safetensors": hostile for n in range(3)} | {ST: MODEL}
    assert found(tmp_path, layer(**files)) == {f"/{ST}": 400}
