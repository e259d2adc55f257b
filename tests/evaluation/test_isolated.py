"""The processes that decode and score: that they say the same, what becomes of them when something
goes wrong, and that nothing of them stays behind. What they may not do: test_confinement."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation import files, isolated, nursery
from evaluation.errors import MaskRefused
from evaluation.geometry import Geometry
from evaluation.isolated import (
    IsolatedProcessFailed,
    IsolatedProcessStopped,
    decode_mask,
    score_files,
)
from evaluation.metrics import REGISTRY
from evaluation.scoring import score_case
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha
from tests.evaluation.files import GOOD_NIFTI, PIXELS, mha, refused_files
from tests.evaluation.grids import EVERY_METRIC, grid, mask
from tests.evaluation.test_engines import KINDS, drawn

SHAPE = (4, 5, 6)
GRID = grid(SHAPE, (2.0, 3.0, 4.0))
REFERENCE = mask(SHAPE, (0, 0, 0), (0, 0, 1), (3, 4, 5))
PREDICTION = mask(SHAPE, (0, 0, 0), (2, 2, 2))
ROOT = Path(__file__).resolve().parents[2]
BAD_FILES = refused_files(ROOT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "reference.mha").write_bytes(write_mha(Volume(REFERENCE, GRID)))
    (tmp_path / "prediction.mha").write_bytes(write_mha(Volume(PREDICTION, GRID)))
    return tmp_path


@pytest.fixture(scope="module")
def greedy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Geometry]:
    """Every voxel is drawn, and all are packed into a few kilobytes."""
    geometry = Geometry((300, 300, 300), (1.0, 1.0, 1.0))
    full = np.ones(geometry.shape, np.uint8)
    path = tmp_path_factory.mktemp("greedy") / "mask.mha"
    path.write_bytes(write_mha(Volume(full, geometry)))
    return path, geometry


@pytest.fixture
def own_nursery(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A nursery for this test alone, which may do as it likes with it."""
    own = threading.local()
    monkeypatch.setattr(nursery, "_own", own)
    yield
    if hasattr(own, "nursery"):
        own.nursery.end()


@pytest.fixture
def silent() -> Iterator[BinaryIO]:
    """A file that never says anything, so that who reads it is at work until it is stopped."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as file, os.fdopen(writer, "wb"):
        yield file


def decode(path: Path, geometry: Geometry = GRID) -> np.ndarray:
    with path.open("rb") as file:
        return decode_mask(file, geometry, EVERY_METRIC)


def children_of(process: int) -> list[int]:
    folder = Path(f"/proc/{process}/task")
    return [
        int(child) for task in folder.iterdir() for child in (task / "children").read_text().split()
    ]


def runs(process: int) -> bool:
    """Whether it is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def soon(true: Callable[[], object], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not (found := bool(true())) and time.monotonic() < end:
        time.sleep(0.01)
    return found


@contextmanager
def in_mid_job(then: Callable[[int], object]) -> Iterator[Callable[[], bool]]:
    """A ``should_stop`` that gives what ``then`` says of the job's process, once it is there;
    afterwards that is gone."""
    seen: list[int] = []

    def should_stop() -> bool:
        seen.extend(children_of(nursery.nursery().pid))
        return bool(seen) and bool(then(seen[0]))

    yield should_stop
    assert seen
    assert soon(lambda: not runs(seen[0]))


class TestADecodedMask:
    def test_comes_back_voxel_by_voxel(self, folder: Path) -> None:
        np.testing.assert_array_equal(decode(folder / "prediction.mha"), PREDICTION)

    @pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 1.0])
    def test_comes_back_however_much_of_it_is_drawn(self, share: float, tmp_path: Path) -> None:
        shape = (61, 67, 71)  # several blocks of what is written, and no whole number of them
        sown = (np.random.default_rng(1).random(shape) < share).astype(np.uint8)
        sown[-1, -1, -1] = share > 0
        (tmp_path / "mask.mha").write_bytes(write_mha(Volume(sown, grid(shape))))
        np.testing.assert_array_equal(decode(tmp_path / "mask.mha", grid(shape)), sown)

    def test_is_its_owners_to_keep_and_to_change(self, folder: Path) -> None:
        first = decode(folder / "prediction.mha")
        decode(folder / "reference.mha")
        np.testing.assert_array_equal(first, PREDICTION)
        first[:] = 1


class TestARefusal:
    @pytest.mark.parametrize("kind", BAD_FILES)
    def test_has_the_same_code_as_in_this_process(self, kind: str, tmp_path: Path) -> None:
        content, code = BAD_FILES[kind]
        (tmp_path / "mask").write_bytes(content)
        on_any_grid = EvaluationSpec(resample="nearest")
        with (tmp_path / "mask").open("rb") as file, pytest.raises(MaskRefused) as refused:
            decode_mask(file, GRID, on_any_grid)
        assert refused.value.code == code

    def test_of_a_header_that_names_an_existing_file(self, folder: Path) -> None:
        (folder / "pixels.raw").write_bytes(PIXELS)
        target = folder / "mask.mha"
        target.write_bytes(mha(b"", ElementDataFile=str(folder / "pixels.raw")))
        with pytest.raises(MaskRefused) as refused:
            decode(target, Geometry((4, 3, 2), (1.0, 1.0, 1.0)))
        assert refused.value.code == "points_elsewhere"

    def test_of_a_gzip_bomb(self, tmp_path: Path) -> None:
        (tmp_path / "bomb").write_bytes(gzip.compress(GOOD_NIFTI + bytes(10_000_000), 1))
        with pytest.raises(MaskRefused) as refused:
            decode(tmp_path / "bomb")
        assert refused.value.code == "wrong_grid"

    def test_has_its_words(self, folder: Path) -> None:
        strange = np.full(SHAPE, 255, np.uint8)
        (folder / "strange.mha").write_bytes(write_mha(Volume(strange, GRID)))
        with pytest.raises(MaskRefused, match="the value 255") as refused:
            decode(folder / "strange.mha")
        assert refused.value.code == "wrong_values"
        with pytest.raises(MaskRefused, match="differs from the PET image in spacing") as refused:
            decode(folder / "prediction.mha", grid(SHAPE, (2.0, 3.0, 5.0)))
        assert refused.value.code == "wrong_grid"


class TestAScore:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_that_of_the_library_to_the_last_letter(self, kind: str, tmp_path: Path) -> None:
        spec = EvaluationSpec(metrics=list(REGISTRY))
        one, other = drawn(kind)
        shape, spacing = one.shape, (2.0, 2.0, 3.0)
        suv = np.random.default_rng(2).random(shape).astype(np.float32)
        paths = [tmp_path / name for name in ("reference", "prediction", "pet")]
        voxels: list[NDArray[Any]] = [one.astype(np.uint8), other.astype(np.uint8), suv]
        for path, array in zip(paths, voxels, strict=True):
            path.write_bytes(write_mha(Volume(array, grid(shape, spacing))))
        here = files.score_files(paths[0], paths[1], spec, pet=paths[2]).to_json()
        there = score_files(paths[0], paths[1], suv.size, spec, pet=paths[2])
        assert json.dumps(there) == json.dumps(here)

    def test_of_a_missing_result_is_the_worst(self, folder: Path) -> None:
        there = score_files(folder / "reference.mha", None, GRID.voxels, EVERY_METRIC)
        assert there == score_case(REFERENCE, None, GRID, EVERY_METRIC).to_json()
        assert there["metrics"]["dice"]["lesion"]["value"] == 0.0
        assert there["prediction_ml"] == {"lesion": None}

    def test_has_several_labels(self, folder: Path) -> None:
        spec = EvaluationSpec(labels={"primary": 1, "node": 2}, metrics=["dice"])
        there = score_files(folder / "reference.mha", folder / "prediction.mha", GRID.voxels, spec)
        assert there["metrics"]["dice"]["node"] == {"value": None, "worst": None}

    def test_of_a_file_that_is_lost_is_the_platforms_fault(self, folder: Path) -> None:
        with pytest.raises(IsolatedProcessFailed, match=r"lost\.mha") as failed:
            score_files(folder / "reference.mha", folder / "lost.mha", GRID.voxels, EVERY_METRIC)
        assert failed.value.code == "scorer_failed"

    def test_that_breaks_is_the_platforms_fault_and_says_where(self, folder: Path) -> None:
        (folder / "broken.mha").write_bytes(b"")
        with pytest.raises(
            IsolatedProcessFailed, match="VolumeRefused: The file is empty"
        ) as failed:
            score_files(folder / "broken.mha", None, GRID.voxels, EVERY_METRIC)
        assert failed.value.code == "scorer_failed"


class TestALimit:
    def test_of_memory_is_the_masks_fault(
        self, greedy: tuple[Path, Geometry], folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(isolated, "_memory_for", lambda _: 400 * 2**20)
        with pytest.raises(MaskRefused) as refused:
            decode(*greedy)
        assert refused.value.code == "decoder_limit"
        with pytest.raises(MaskRefused) as refused:
            score_files(greedy[0], greedy[0], 1, EVERY_METRIC)
        assert refused.value.code == "scorer_limit"
        np.testing.assert_array_equal(decode(folder / "prediction.mha"), PREDICTION)

    def test_that_a_reference_alone_exceeds_is_the_platforms_fault(
        self, greedy: tuple[Path, Geometry], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(isolated, "_memory_for", lambda _: 400 * 2**20)
        with pytest.raises(IsolatedProcessFailed):
            score_files(greedy[0], None, 1, EVERY_METRIC)

    def test_of_processor_time_is_the_masks_fault(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(isolated, "_CPU_SECONDS", 1)
        (tmp_path / "slow").write_bytes(gzip.compress(b"") * 1_000_000)
        with pytest.raises(MaskRefused) as refused:
            decode(tmp_path / "slow")
        assert refused.value.code == "decoder_limit"

    def test_of_waiting_is_the_platforms_fault(
        self, folder: Path, silent: BinaryIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        decode(folder / "prediction.mha")
        monkeypatch.setattr(isolated, "_WALL_SECONDS", 0.3)
        with (
            in_mid_job(lambda _: None) as watching,
            pytest.raises(IsolatedProcessFailed) as failed,
        ):
            decode_mask(silent, GRID, EVERY_METRIC, watching)
        assert failed.value.code == "too_slow"


class TestAJobIsOver:
    """… within a second, and its process is gone; and the next one is done as if nothing was."""

    @pytest.fixture(autouse=True)
    def _the_next_is_done(self, folder: Path) -> Iterator[None]:
        yield
        np.testing.assert_array_equal(decode(folder / "prediction.mha"), PREDICTION)

    def test_when_it_is_to_stop(self, silent: BinaryIO) -> None:
        """A cancelled run, or one whose lease was lost, waits for no decoder."""
        asked: list[float] = []

        def fifth_time(_: int) -> bool:
            asked.append(time.monotonic())
            return len(asked) == 5

        with in_mid_job(fifth_time) as stopping, pytest.raises(IsolatedProcessStopped):
            decode_mask(silent, GRID, EVERY_METRIC, stopping)
        assert time.monotonic() - asked[-1] < 1.0
        assert asked[-1] - asked[0] < 2.0  # it is asked about four times a second

    def test_when_asking_fails(self, silent: BinaryIO) -> None:
        def broken(_: int) -> None:
            raise ConnectionError("no database")

        with in_mid_job(broken) as asking, pytest.raises(ConnectionError, match="no database"):
            decode_mask(silent, GRID, EVERY_METRIC, asking)

    def test_when_its_process_is_killed(self, silent: BinaryIO) -> None:
        with (
            in_mid_job(lambda child: os.kill(child, signal.SIGKILL)) as killing,
            pytest.raises(IsolatedProcessFailed, match="status -9") as failed,
        ):
            decode_mask(silent, GRID, EVERY_METRIC, killing)
        assert failed.value.code == "decoder_failed"

    def test_when_the_parent_of_its_process_is_killed(self, silent: BinaryIO) -> None:
        with (
            in_mid_job(lambda _: os.kill(nursery.nursery().pid, signal.SIGKILL)) as killing,
            pytest.raises(IsolatedProcessFailed, match="status -9") as failed,
        ):
            decode_mask(silent, GRID, EVERY_METRIC, killing)
        assert failed.value.code == "isolation_failed"

    def test_when_the_parent_of_its_process_hangs(
        self, silent: BinaryIO, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(nursery, "_END_SECONDS", 0.2)
        parent = nursery.nursery().pid

        def hang(_: int) -> bool:
            os.kill(parent, signal.SIGSTOP)
            return True

        start = time.monotonic()
        with in_mid_job(hang) as hanging, pytest.raises(IsolatedProcessStopped):
            decode_mask(silent, GRID, EVERY_METRIC, hanging)
        assert not runs(parent)
        assert time.monotonic() - start < 5

    def test_when_nothing_ran_as_the_parent_was_killed(self) -> None:
        before = nursery.nursery()
        os.kill(before.pid, signal.SIGKILL)
        assert soon(lambda: not runs(before.pid))


class TestAWorker:
    def test_takes_its_nursery_and_the_job_with_it_however_it_ends(self, tmp_path: Path) -> None:
        program = (
            "import sys\n"
            "from evaluation import nursery\n"
            "from evaluation.geometry import Geometry\n"
            "from evaluation.isolated import decode_mask\n"
            "from evaluation.spec import EvaluationSpec\n"
            "def told():\n"
            "    parent = nursery.nursery().pid\n"
            "    for child in open(f'/proc/{parent}/task/{parent}/children').read().split():\n"
            "        print(parent, child, flush=True)\n"
            "    return False\n"
            "grid = Geometry((1, 1, 1), (1, 1, 1))\n"
            "decode_mask(sys.stdin.buffer, grid, EvaluationSpec(), told)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as worker:
            assert worker.stdout is not None
            parent, child = map(int, worker.stdout.readline().split())
            assert runs(parent)
            assert runs(child)
            worker.kill()
            assert soon(lambda: not runs(child) and not runs(parent))

    def test_that_was_forked_has_a_nursery_of_its_own(self, folder: Path) -> None:
        decode(folder / "prediction.mha")
        parents = nursery.nursery().pid
        forked = os.fork()
        if not forked:
            try:
                decode(folder / "prediction.mha")
                own = nursery.nursery()
                assert own.pid != parents
                assert children_of(os.getpid()) == [own.pid]
                own.end()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]) == 0
        assert nursery.nursery().pid == parents
        np.testing.assert_array_equal(decode(folder / "prediction.mha"), PREDICTION)

    def test_of_two_threads_works_at_both_at_once(self, folder: Path, silent: BinaryIO) -> None:
        started, done = threading.Event(), threading.Event()

        def slow() -> bool:
            """Says yes when the other thread's jobs are done."""
            started.set()
            return done.is_set()

        parents: list[int] = []

        def quick() -> list[dict[str, Any]]:
            assert started.wait(10)
            paths = folder / "reference.mha", folder / "prediction.mha"
            found = [score_files(*paths, GRID.voxels, EVERY_METRIC) for _ in range(5)]
            parents.append(nursery.nursery().pid)
            done.set()
            return found

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(quick)
            with pytest.raises(IsolatedProcessStopped):
                decode_mask(silent, GRID, EVERY_METRIC, slow)
            expected = score_case(REFERENCE, PREDICTION, GRID, EVERY_METRIC).to_json()
            assert other.result(20) == [expected] * 5
        assert soon(lambda: not runs(parents[0]))  # it ended with its thread

    def test_is_no_poorer_after_many_jobs(self, folder: Path) -> None:
        def held() -> tuple[int, ...]:
            parent = nursery.nursery().pid
            resident = int(Path(f"/proc/{parent}/statm").read_text().split()[1])
            return (
                *(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in (os.getpid(), parent)),
                len(children_of(parent)),
                resident * resource.getpagesize() // 2**20,
            )

        decode(folder / "prediction.mha")
        before, parent = held(), nursery.nursery().pid
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(200):
            decode(folder / "prediction.mha")
            if number % 10 == 0:
                score_files(folder / "reference.mha", None, GRID.voxels, EVERY_METRIC)
        assert nursery.nursery().pid == parent
        after = held()
        assert after[:3] == before[:3]
        assert after[3] <= before[3] + 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < used + 4 * 1024


class TestTheParentOfJobs:
    @pytest.fixture
    def instead(self, own_nursery: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Have another program run where the nurse would."""
        start = subprocess.Popen

        def use(program: str) -> None:
            def started(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
                assert command[1:3] == ["-m", "evaluation.nurse"]
                return start([command[0], "-c", program, *command[3:]], **options)

            monkeypatch.setattr(subprocess, "Popen", started)

        return use

    @pytest.mark.usefixtures("own_nursery")
    def test_has_one_thread_and_nothing_of_the_workers_environment_and_files(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgres://secret")
        with (folder / "prediction.mha").open("rb") as file:
            os.set_inheritable(file.fileno(), True)
            decode(folder / "reference.mha")
            parent = Path(f"/proc/{nursery.nursery().pid}")
            open_files = sorted(str(one.readlink()) for one in (parent / "fd").iterdir())
        environment = (parent / "environ").read_text().split("\0")
        assert {line.split("=")[0] for line in environment if line} == {
            "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "LANG",
        }  # fmt: skip
        assert b"postgres" not in (parent / "cmdline").read_bytes()
        assert [one.split(":")[0] for one in open_files] == [
            "/dev/null", "/dev/null", "/memfd", "socket",
        ]  # fmt: skip
        assert len(list((parent / "task").iterdir())) == 1

    def test_says_why_it_could_not_start(
        self, folder: Path, instead: Callable[[str], None]
    ) -> None:
        instead("raise SystemExit('no library of that name')")
        with pytest.raises(IsolatedProcessFailed, match="no library of that name") as failed:
            decode(folder / "prediction.mha")
        assert failed.value.code == "isolation_failed"

    def test_does_not_start_with_threads_whose_locks_a_child_would_inherit(
        self, folder: Path, instead: Callable[[str], None]
    ) -> None:
        instead(
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=[60], daemon=True).start()\n"
            "from evaluation import nurse\n"
            "nurse.main()\n"
        )
        with pytest.raises(IsolatedProcessFailed, match="has 2 threads"):
            decode(folder / "prediction.mha")

    def test_does_no_job_where_the_kernel_cannot_confine_it(
        self, folder: Path, instead: Callable[[str], None]
    ) -> None:
        instead(
            "from evaluation import nurse, seccomp\n"
            "known = seccomp.prctl\n"
            "seccomp.prctl = lambda *given: 22 if given[0] == 22 else known(*given)\n"
            "nurse.main()\n"
        )
        paths = folder / "reference.mha", folder / "prediction.mha"
        for job in (lambda: decode(paths[1]), lambda: score_files(*paths, 120, EVERY_METRIC)):
            with pytest.raises(IsolatedProcessFailed, match="the kernel installs no filter") as no:
                job()
            assert no.value.code == "not_confined"

    def test_lets_no_reader_that_is_led_astray_open_a_file(
        self, folder: Path, instead: Callable[[str], None]
    ) -> None:
        """In place of a reader with a weakness, one that tries."""
        instead(
            "from evaluation import nurse, resampling\n"
            "from evaluation.errors import MaskRefused\n"
            "def astray(stream, expected, values):\n"
            f"    for path in ({str(folder / 'reference.mha')!r}, '/dev/null', '/etc/passwd'):\n"
            "        try:\n"
            "            open(path, 'rb')\n"
            "        except PermissionError:\n"
            "            continue\n"
            "        raise MaskRefused('leak', path)\n"
            "    raise MaskRefused('no_leak', 'every path was refused')\n"
            "resampling.read_mask = astray\n"
            "nurse.main()\n"
        )
        with pytest.raises(MaskRefused) as refused:
            decode(folder / "prediction.mha")
        assert refused.value.code == "no_leak"

    def test_is_not_believed_when_a_child_was_taken_over_and_answers_nonsense(
        self, folder: Path, instead: Callable[[str], None]
    ) -> None:
        """In place of a decoder that a file has taken over, one that says what stands in it."""
        instead(
            "from evaluation import nurse\n"
            "nurse._JOBS['decode'] = lambda _, files, answer: answer.write(files[0].read())\n"
            "nurse.main()\n"
        )
        (folder / "mask").write_bytes(b'{"accepted": true}\n' + bytes(GRID.voxels))
        assert not decode(folder / "mask").any()
        for answer in ("", "nonsense", "[]", "[" * 100_000, '{"accepted": true}\n' + "0" * 119):
            (folder / "mask").write_text(answer)
            with pytest.raises(IsolatedProcessFailed) as failed:
                decode(folder / "mask")
            assert failed.value.code == "decoder_failed"
