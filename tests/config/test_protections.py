"""Each protection is told to hold only where the kernel says so."""

from dataclasses import replace

import docker
import pytest

from config.finding import Verdict
from config.protections import judge, protections
from submissions.sandbox.engine import LABEL_HOST
from submissions.sandbox.outcome import SandboxError
from submissions.sandbox.probe import LIMITED_MOUNTS, Held, Mount, Process, Seen

HELD = Held(memory_bytes=92 << 20, swap_bytes=0, tasks=32, cpus="0")
GOOD = Seen(
    "runc",
    HELD,
    process=Process((65532,) * 4, 0, no_new_privileges=True, filtered=True),
    is_gvisor=False,
    held=HELD,
    mounts={
        "/": Mount("overlay", writable=False, bytes=None),
        "/input": Mount("ext4", writable=False, bytes=None),
        "/proc": Mount("proc", writable=True, bytes=None),
        **{
            path: Mount("tmpfs", writable=True, bytes=most) for path, most in LIMITED_MOUNTS.items()
        },
    },
    interfaces=("lo",),
    own_network=True,
    measured=True,
)


def findings(seen, **info):
    return {finding.what.partition(": ")[2]: finding for finding in judge(seen, info)}


def mounts(**changed):
    return {**GOOD.mounts, **{f"/{path}": mount for path, mount in changed.items()}}


def process(**changed):
    return replace(GOOD.process, **changed)


def test_all_is_good_where_the_kernel_says_so():
    found = findings(GOOD)
    assert list(found) == ["seccomp", "user", "disk", "limits", "network", "measured"]
    assert {finding.verdict for finding in found.values()} == {Verdict.GOOD}


@pytest.mark.parametrize(
    ("changed", "what", "words"),
    [
        ({"process": process(filtered=False)}, "seccomp", "not filtered"),
        ({"process": process(uids=(65532, 0, 65532, 65532))}, "user", "uid 0"),
        ({"process": process(capabilities=0x2000)}, "user", "capabilities 2000"),
        ({"process": process(no_new_privileges=False)}, "user", "gain privileges"),
        ({"mounts": mounts(output=Mount("tmpfs", True, None))}, "disk", "/output is writable"),
        (
            {"mounts": mounts(output=Mount("ext4", True, None))},
            "disk",
            "/output is a writable ext4",
        ),
        ({"mounts": mounts(input=Mount("ext4", True, None))}, "disk", "/input is a writable ext4"),
        (
            {"mounts": mounts(**{"": Mount("overlay", True, None)})},
            "disk",
            "/ is a writable overlay",
        ),
        ({"mounts": {"/": Mount("overlay", False, None)}}, "disk", "/dev/shm is writable without"),
        ({"held": replace(HELD, memory_bytes=None)}, "limits", "no limit on memory"),
        ({"held": replace(HELD, swap_bytes=None)}, "limits", "no limit on swap"),
        ({"held": replace(HELD, tasks=None)}, "limits", "no limit on processes"),
        ({"held": replace(HELD, cpus="0-7")}, "limits", "no limit on CPUs"),
        ({"interfaces": ("lo", "eth0")}, "network", "eth0"),
        ({"own_network": False}, "network", "shares this host's network"),
    ],
)
def test_what_does_not_hold_is_missing_with_a_remedy(changed, what, words):
    found = findings(replace(GOOD, **changed))
    assert found[what].verdict is Verdict.MISSING
    assert words in found[what].found
    assert found[what].remedy
    assert all(one.verdict is Verdict.GOOD for name, one in found.items() if name != what)


def test_what_cannot_be_seen_is_never_told_to_hold():
    said = findings(
        Seen("runc", HELD), SecurityOptions=["name=seccomp,profile=default"], PidsLimit=True
    )
    assert {finding.verdict for finding in said.values()} == {Verdict.NOTE}
    unseen = [finding for name, finding in said.items() if name != "measured"]
    assert all("cannot be verified from here" in finding.found for finding in unseen)
    assert "the engine says that it has seccomp" in said["seccomp"].found
    assert "the engine says that it has PidsLimit" in said["limits"].found
    assert "has no seccomp" in findings(Seen("runc", HELD))["seccomp"].found


def test_sampled_memory_is_a_note():
    found = findings(replace(GOOD, measured=False))["measured"]
    assert found.verdict is Verdict.NOTE
    assert "may be missed" in found.found


def test_of_gvisor_no_more_is_told_than_can_be_seen_from_outside():
    inside = replace(
        GOOD,
        runtime="runsc",
        is_gvisor=True,
        mounts={"/": Mount("tmpfs", writable=False, bytes=None)},
        process=process(uids=(0,) * 4, capabilities=1),
    )
    found = findings(inside)
    assert list(found) == ["process", "limits", "network", "measured"]
    assert {finding.verdict for finding in found.values()} == {Verdict.GOOD}
    assert "not seen from outside" in found["process"].remedy
    for changed, words in (
        ({"is_gvisor": False}, "does not start gVisor"),
        ({"process": process(filtered=False)}, "nothing filters gVisor's own"),
    ):
        one = findings(replace(inside, **changed))["process"]
        assert one.verdict is Verdict.MISSING
        assert words in one.found
    for changed in ({"is_gvisor": None}, {"process": None}):
        assert findings(replace(inside, **changed))["process"].verdict is Verdict.NOTE


def left_of_doctors(client):
    everything = {"all": True, "filters": {"label": f"{LABEL_HOST}=doctor"}}
    named = client.api.volumes(filters=everything["filters"])["Volumes"] or []
    return client.api.containers(**everything) + named


@pytest.mark.docker
def test_this_hosts_protections_are_seen_and_nothing_is_left():
    found = list(protections())
    client = docker.from_env()
    runtimes = {"runc", "runsc"} & set(client.info()["Runtimes"])
    assert {finding.what.partition(":")[0] for finding in found} == runtimes
    assert {finding.verdict for finding in found} == {Verdict.GOOD}, found
    assert left_of_doctors(client) == []
    client.close()


@pytest.mark.docker
def test_a_container_that_does_not_start_is_told_and_removed(monkeypatch):
    def broken(*_, **__):
        raise SandboxError("engine_failed", "no such luck")

    monkeypatch.setattr("submissions.sandbox.probe.create_algorithm", broken)
    found = list(protections())
    assert {finding.verdict for finding in found} == {Verdict.MISSING}
    assert all("no such luck" in finding.found for finding in found)
    client = docker.from_env()
    assert left_of_doctors(client) == []
    client.close()


def test_without_an_engine_one_finding_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    (only,) = protections()
    assert (only.what, only.verdict) == ("Sandbox", Verdict.MISSING)
