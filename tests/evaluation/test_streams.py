"""Streams: gzip in parts, files that promise too much or inflate to more, and masks read without
ever holding a whole image."""

import gzip
import io
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.errors import MaskRefused, VolumeRefused
from evaluation.geometry import Geometry
from evaluation.masks import label_values, read_mask
from evaluation.volumes import (
    Volume,
    chunks,
    open_volume,
    read_volume,
    reading,
    write_mha,
    write_nifti,
    write_nrrd,
)
from tests.evaluation.files import (
    GOOD_NIFTI,
    PIXELS,
    VOXEL_ROW,
    mha,
    nifti,
    nrrd,
    patched,
)

SIZE = (4, 3, 2)


def read(content: bytes) -> Volume:
    return read_volume(io.BytesIO(content))


class TestGzip:
    def test_several_members_are_one_file(self) -> None:
        for cut in (1, 100, 348, VOXEL_ROW, len(GOOD_NIFTI) - 1):
            parts = gzip.compress(GOOD_NIFTI[:cut]) + gzip.compress(GOOD_NIFTI[cut:])
            np.testing.assert_array_equal(read(parts).voxels, read(GOOD_NIFTI).voxels)

    def test_thousands_of_members_are_one_file(self) -> None:
        """As block-compressing programs write them; once, each took a level of recursion."""
        voxels = np.zeros((40, 40, 40), np.uint8)
        voxels[3, 4, 5] = voxels[39, 39, 39] = 1
        whole = nifti(voxels.T)
        parts = b"".join(
            gzip.compress(whole[first : first + 16], 1) for first in range(0, len(whole), 16)
        )
        np.testing.assert_array_equal(read(parts).voxels, voxels)
        empty = gzip.compress(b"") * 5000
        np.testing.assert_array_equal(read(empty + parts + empty).voxels, voxels)

    def test_zeros_may_follow(self) -> None:
        """Tapes and some disks fill up the last block."""
        padded = gzip.compress(GOOD_NIFTI) + bytes(1000)
        np.testing.assert_array_equal(read(padded).voxels, read(GOOD_NIFTI).voxels)

    @pytest.mark.parametrize("garbage", [b"!", b"\x1f", b"\x1f\x8b", b"\0\0PK", b"\x1f\x8b" * 50])
    def test_anything_else_behind_it_is_refused(self, garbage: bytes) -> None:
        with pytest.raises(VolumeRefused) as refused:
            read(gzip.compress(GOOD_NIFTI) + garbage)
        assert refused.value.code == "truncated"

    @pytest.mark.parametrize("cut", [1, 4, 8, 12, 40])
    def test_one_that_ends_early_is_refused(self, cut: int) -> None:
        with pytest.raises(VolumeRefused) as refused:
            read(gzip.compress(GOOD_NIFTI)[:-cut])
        assert refused.value.code == "truncated"


class TestHeadersThatPromiseTooMuch:
    content = {
        "NIfTI": patched(nifti(np.zeros((4, 3, 2), np.float64)), 42, "<3h", 900, 900, 900),
        "NIfTI, compressed": gzip.compress(patched(GOOD_NIFTI, 42, "<3h", 900, 900, 900)),
        "MHA": mha(PIXELS, DimSize="900 900 900"),
        "MHA, compressed": mha(PIXELS, DimSize="900 900 900", CompressedData="True"),
        "NRRD": nrrd(sizes="900 900 900"),
        "NRRD, compressed": nrrd(gzip.compress(PIXELS), sizes="900 900 900", encoding="gzip"),
    }

    @pytest.mark.parametrize("kind", content)
    def test_are_refused_before_a_pixel_is_read(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By the file's own length: not a chunk of pixels is asked for, nor memory for them."""

        def never(*_: object, **__: object) -> None:
            raise AssertionError("a pixel was read")

        monkeypatch.setattr(reading, "chunks", never)
        monkeypatch.setattr(reading, "read_voxels", never)
        tracemalloc.start()
        with pytest.raises(VolumeRefused) as refused:
            read(self.content[kind])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert refused.value.code == "truncated"
        assert "declares" in refused.value.message
        assert peak < 2_000_000

    def test_by_one_byte_are_refused_and_exact_ones_are_not(self) -> None:
        exact = {"NIfTI": GOOD_NIFTI, "MHA": mha(PIXELS)}
        for content in exact.values():
            open_volume(io.BytesIO(content[: len(content)]))
        with pytest.raises(VolumeRefused):
            open_volume(io.BytesIO(mha(PIXELS, DimSize="4 3 200")))
        with pytest.raises(VolumeRefused):
            read(GOOD_NIFTI[:-1])

    def test_of_a_pipe_are_found_out_at_its_end(self) -> None:
        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

        header, pixels = open_volume(Pipe(patched(GOOD_NIFTI, 42, "<3h", 900, 900, 100)))
        with pytest.raises(VolumeRefused) as refused:
            list(chunks(header, pixels))
        assert refused.value.code == "truncated"


ZEROS = gzip.compress(bytes(10_000_000), 9) * 10
BOMBS = {
    "NIfTI": gzip.compress(GOOD_NIFTI) + ZEROS,
    "NRRD": nrrd(gzip.compress(PIXELS) + ZEROS, encoding="gzip"),
    "MHA": mha(zlib.compress(PIXELS + bytes(20_000_000), 1), CompressedData="True"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_file_that_inflates_far_beyond_its_header_is_not_inflated(kind: str) -> None:
    """24 pixels are declared; behind them lie up to a hundred million zeros. What is compressed
    with its header may be followed by anything; a part that is compressed alone may not."""
    source = io.BytesIO(BOMBS[kind])
    tracemalloc.start()
    if kind == "NIfTI":
        labels = read_mask(source, None, range(256)).labels
        assert sorted(labels.tolist()) == list(range(1, 24))
    else:
        with pytest.raises(VolumeRefused, match="inflate to more") as refused:
            read_mask(source, None, range(256))
        assert refused.value.code == "truncated"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def masks() -> NDArray[np.uint8]:
    drawn = np.zeros((9, 8, 7), np.uint8)
    drawn[2:5, 3:6, 1:4], drawn[8, 7, 6], drawn[0, 0, 0] = 1, 2, 3
    return drawn


class TestReadMask:
    @pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f4", "f8"])
    @pytest.mark.parametrize("endian", ["<", ">"])
    def test_it_is_the_volume_whose_values_were_checked(self, kind: str, endian: str) -> None:
        for content in (
            nifti(masks().T.astype(kind), endian=endian),  # type: ignore[arg-type]
            gzip.compress(nifti(masks().T.astype(kind), endian=endian)),  # type: ignore[arg-type]
        ):
            whole = label_values(read(content).voxels, [1, 2, 3])
            drawn = read_mask(io.BytesIO(content), None, [1, 2, 3])
            np.testing.assert_array_equal(drawn.to_array(), whole)
            np.testing.assert_array_equal(drawn.voxels, np.flatnonzero(whole))
            assert drawn.voxels.dtype == np.int32
            assert drawn.labels.dtype == np.uint8
            assert drawn.where(2).tolist() == [9 * 8 * 7 - 1]

    @pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (1.0, 1.0), (-1.0, 3.0)])
    def test_it_follows_slope_and_intercept(self, slope: float, intercept: float) -> None:
        stored = np.rint((masks() - intercept) / slope).astype("i2")
        content = patched(nifti(stored.T), 112, "<2f", slope, intercept)
        np.testing.assert_array_equal(
            read_mask(io.BytesIO(content), None, [1, 2, 3]).to_array(), masks()
        )
        whole = label_values(read(content).voxels, [1, 2, 3])
        np.testing.assert_array_equal(whole, masks())

    @pytest.mark.parametrize("write", [write_mha, write_nrrd, write_nifti])
    def test_it_reads_every_format(self, write: Any) -> None:
        on = Geometry((7, 8, 9), (2.0, 3.0, 4.0))
        drawn = read_mask(io.BytesIO(write(Volume(masks(), on))), on, [1, 2, 3])
        np.testing.assert_array_equal(drawn.to_array(), masks())

    @pytest.mark.parametrize("kind", ["u1", "i2", "f4", "f8"])
    def test_it_never_holds_the_image(self, kind: str) -> None:
        """18 million voxels, of which a thousand are drawn across the borders of chunks."""
        drawn = np.zeros((200, 300, 300), np.uint8)
        drawn[20:190:17, 150, 100:200] = 1
        drawn.ravel()[2 * 1024**2 - 50 : 2 * 1024**2 + 50] = 1
        voxels = drawn.astype(kind)
        content = gzip.compress(nifti(voxels.T), 1)
        size, source = voxels.nbytes, io.BytesIO(content)
        del voxels
        tracemalloc.start()
        found = read_mask(source, None, [1])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        np.testing.assert_array_equal(found.voxels, np.flatnonzero(drawn))
        assert peak < 5_000_000 < size / 3

    def test_undeclared_values_of_all_parts_are_told_at_once(self) -> None:
        """Six of them, and how many more; those behind the first chunk as well."""
        voxels = np.zeros((60, 300, 300), np.uint8)
        voxels[0, 0, :4] = [7, 5, 1, 9]
        voxels[59, 299, -5:] = [250, 5, 11, 13, 12]
        with pytest.raises(MaskRefused, match="values 5, 7, 9, 11, 12, 13 and 1 more;") as refused:
            read_mask(io.BytesIO(nifti(voxels.T)), None, [1])
        assert refused.value.code == "wrong_values"
        with pytest.raises(MaskRefused, match=r"values 7, 9, 11, 12, 13, 250; expected only"):
            read_mask(io.BytesIO(nifti(voxels.T)), None, [1, 5])

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
    def test_a_number_that_is_not_finite_is_refused_without_a_warning(self, number: float) -> None:
        voxels = np.zeros((3, 4, 5), np.float32)
        voxels[1, 1, 1] = number
        with pytest.raises(MaskRefused, match="NaN or infinity") as refused:
            read_mask(io.BytesIO(nifti(voxels)), None, [1])
        assert refused.value.code == "wrong_values"

    def test_a_probability_map_is_refused_before_all_of_it_is_read(self) -> None:
        """A thousand strange values say enough: the cut end of this one is never reached."""
        generator = np.random.default_rng(5)
        voxels = generator.random((200, 100, 100), np.float32)
        content = nifti(voxels.T)
        with pytest.raises(MaskRefused, match=r"and \d+ more; expected only"):
            read_mask(io.BytesIO(gzip.compress(content, 1)[:-1000]), None, [1])

    def test_another_grid_is_refused_before_a_pixel_is_read(self) -> None:
        header, on = GOOD_NIFTI[:VOXEL_ROW], Geometry(SIZE, (2.0, 3.0, 4.5))
        packed = gzip.compress(header + b"not 24 pixels")
        with pytest.raises(MaskRefused) as refused:
            read_mask(io.BytesIO(packed), on, [1])
        assert refused.value.code == "wrong_grid"
