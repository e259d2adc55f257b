"""Try each attack for real, beside a good container that has to score as it does alone."""

import io
import json
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import docker
import numpy as np

from challenges.definition import ChallengeDefinition
from evaluation.confidence import Kind
from evaluation.files import score_files
from evaluation.geometry import Geometry
from evaluation.isolated import decode_mask
from evaluation.spec import EvaluationSpec
from evaluation.volumes import Volume, write_mha
from submissions.attacks.programs import (
    BREACH,
    GOOD,
    MAP,
    PRELUDE,
    REFUSED,
    SLUG,
    VALUE,
    Attack,
)
from submissions.attacks.tarballs import Tarball, read_members, write_members
from submissions.judging.outcomes import judge
from submissions.judging.requests import statement_of
from submissions.sandbox.archive import ArchiveRefused, InspectedImage, canonicalise
from submissions.sandbox.container import ContainerProgram
from submissions.sandbox.engine import Engine
from submissions.sandbox.outcome import Failure, InputImage, Limits, Outcome, RunRequest
from submissions.sandbox.places import Places

GRID = Geometry(size=(12, 10, 8), spacing=(4.0, 4.0, 5.0), origin=(-20.0, -18.0, 7.0))
LIMITS = Limits(memory_mib=192, shm_mib=64, tmp_mib=64, output_mib=4, cpus=1, pids=64, seconds=10)
# What an image may lie about; each is to count for nothing.
_LIES = (
    "RUN echo 'toor:x:0:0::/root:/bin/sh' >> /etc/passwd",
    "VOLUME /scratch",
    "LABEL org.uptake.installation=another org.uptake.run=lie org.uptake.attempt=9",
    "HEALTHCHECK --interval=1s CMD touch /output/unhealthy",
    "STOPSIGNAL SIGCONT",
)


@dataclass(frozen=True)
class Verdict:
    """held: whether it was stopped, and the good container beside it scored as alone."""

    name: str
    tried: str
    held: bool
    stopped_by: str


@dataclass(frozen=True)
class Image:
    """A canonical archive, and what is known of it."""

    archive: Path
    inspected: InspectedImage


def build_images(client: docker.DockerClient, base: str, folder: Path) -> tuple[Image, Image]:
    """A good one and one full of lies, on ``base`` (which has Python), through the same checks as
    an upload."""
    return (
        _built(client, base, (), folder / "good.tar"),
        _built(client, base, _LIES, folder / "hostile.tar"),
    )


def _built(client: docker.DockerClient, base: str, lines: tuple[str, ...], target: Path) -> Image:
    text = "\n".join([f"FROM {base}", *lines, 'ENTRYPOINT ["python3", "-B", "-c", ""]', ""])
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as file:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(text.encode())
        file.addfile(info, io.BytesIO(text.encode()))
    context.seek(0)
    image, _ = client.images.build(fileobj=context, custom_context=True, rm=True)
    upload = target.with_suffix(".upload")
    with upload.open("wb") as saved:
        for chunk in image.save():
            saved.write(chunk)
    inspected = canonicalise(upload, target, work=target.parent)
    upload.unlink()
    return Image(target, inspected)


class Suite:
    """``connect`` gives an engine of the attacks' own installation id, one for each thread."""

    def __init__(
        self,
        connect: Callable[[], Engine],
        good: Image,
        hostile: Image,
        work: Path,
        *,
        runtime: str,
    ) -> None:
        self._connect = connect
        self._good = good
        self._hostile = hostile
        self._work = work
        self._runtime = runtime
        self._numbers = count(1)
        self._case = _case(work)
        self.alone = self._control()

    def attack(self, attack: Attack) -> Verdict:
        beside: list[object] = []
        control = threading.Thread(target=lambda: beside.append(self._control()))
        control.start()
        try:
            outcome = self._run(self._hostile, PRELUDE + attack.program, attack)
            code, text = self._judge(outcome, attack)
        finally:
            control.join()
        lines = outcome.log.splitlines()
        breaches = [line for line in lines if line.startswith(BREACH)]
        refusals = [
            line.removeprefix(REFUSED).strip() for line in lines if line.startswith(REFUSED)
        ]
        if breaches:
            return self._verdict(attack, held=False, text="; ".join(breaches))
        if code not in attack.codes:
            return self._verdict(attack, held=False, text=f"unexpected end: {code} {text}")
        if len(refusals) < attack.refusals:
            missing = f"only {len(refusals)} of {attack.refusals} refusals: {refusals} {text}"
            return self._verdict(attack, held=False, text=missing)
        if beside != [self.alone]:
            text = f"a good container beside it gave {beside}, alone {self.alone}"
            return self._verdict(attack, held=False, text=text)
        return self._verdict(attack, held=True, text=text or "; ".join(refusals) or "no effect")

    def _verdict(self, attack: Attack, *, held: bool, text: str) -> Verdict:
        return Verdict(attack.name, attack.tried, held, " ".join(text.split())[:300])

    def _control(self) -> object:
        """Score and mask of the good container."""
        outcome = self._run(self._good, PRELUDE + GOOD, None)
        if outcome.failure is not None or outcome.mask is None:
            return outcome.failure
        with outcome.mask.open("rb") as file:
            voxels = decode_mask(file, GRID, EvaluationSpec())
        prediction = outcome.mask.with_suffix(".decoded.mha")
        prediction.write_bytes(write_mha(Volume(voxels, GRID)))
        score = score_files(self._work / "reference.mha", prediction, EvaluationSpec())
        return score.to_json()

    def _run(self, image: Image, program: str, attack: Attack | None) -> Outcome:
        number = next(self._numbers)
        work = self._work / f"run-{number}"
        work.mkdir()
        engine = self._connect()
        config = replace(
            image.inspected.config,
            entrypoint=("python3", "-B", "-c"),
            command=(program,),
            user=attack.user if attack else "",
        )
        contained = ContainerProgram(
            engine,
            image.inspected.digest.removeprefix("sha256:"),
            config,
            lambda: image.archive,
            runtime=self._runtime,
            # More than there are, as two run at once: an attack and the good one beside it.
            places=Places(self._work / f"places-{'attack' if attack else 'control'}", 1),
        )
        request = RunRequest(
            run=f"attack{number}",
            attempt=1,
            images=(InputImage("pet", self._case),),
            output_slug=SLUG,
            limits=LIMITS if attack else replace(LIMITS, seconds=60),
            work=work,
            outputs=attack.documents if attack else (),
            confidence=statement_of(_definition(attack)) if attack else None,
        )
        try:
            return contained.run(request, lambda: False)
        finally:
            engine.close()

    def _judge(self, outcome: Outcome, attack: Attack) -> tuple[str, str]:
        """Code and text of what stopped it, empty where it ended well."""
        judged = judge(outcome, _definition(attack), GRID, lambda: False)
        return (judged.code, judged.message) if isinstance(judged, Failure) else ("", "")


def _definition(attack: Attack) -> ChallengeDefinition:
    """Of a challenge that asks for what the attack abuses."""
    return ChallengeDefinition.model_validate(
        {
            "format": 1,
            "slug": "attacked",
            "title": "Attacked",
            "summary": "What the hostile suite runs in.",
            "question": "Does it hold?",
            "output_slug": SLUG,
            "outputs": [{"name": one, "title": "Risk"} for one in attack.documents],
            "evaluation": {"confidence": _confidence(attack)},
            "phases": [{"slug": "test", "title": "Test", "cases": "public"}],
        }
    )


def _confidence(attack: Attack) -> dict[str, object] | None:
    if attack.asks_map:
        return {"kind": Kind.PROBABILITY_MAP, "name": MAP}
    if attack.asks_value:
        return {"kind": Kind.UNCERTAINTY_VALUE, "name": VALUE, "dice_at_least": 0.8}
    return None


def try_tarball(tarball: Tarball, good: Image, work: Path) -> Verdict:
    """Whether the image check refuses it, or takes it without harm."""
    content = write_members(tarball.change(read_members(good.archive)))
    upload, target = work / "upload.tar", work / "canonical.tar"
    upload.write_bytes(tarball.packed(content))
    try:
        canonicalise(upload, target, work=work)
    except ArchiveRefused as refusal:
        held = refusal.code in tarball.codes
        return Verdict(tarball.name, tarball.tried, held, f"image check: {refusal.message}")
    tags = [tag for entry in _manifest(target) for tag in entry.get("RepoTags") or []]
    held = "" in tarball.codes and not tags
    text = f"image check: taken with the tags {tags}" if tags else "image check: tags dropped"
    return Verdict(tarball.name, tarball.tried, held, text)


def _case(work: Path) -> Path:
    """A PET with a block of high uptake, its reference beside it; returns the PET."""
    suv = np.random.default_rng(1).normal(1.0, 0.05, GRID.shape).astype(np.float32)
    suv[2:5, 3:7, 4:8] = 6.0
    (work / "reference.mha").write_bytes(write_mha(Volume((suv > 2.5).astype(np.uint8), GRID)))
    pet = work / "pet.mha"
    pet.write_bytes(write_mha(Volume(suv, GRID)))
    return pet


def _manifest(archive: Path) -> list[dict[str, Any]]:
    members = {one.info.name: one.content for one in read_members(archive)}
    return list(json.loads(members["manifest.json"]))
