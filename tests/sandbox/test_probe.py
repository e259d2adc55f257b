"""What the kernel tells of a container is read as it is meant, with cgroup v1 and v2."""

from pathlib import Path

import pytest

from submissions.sandbox.engine import GVISOR
from submissions.sandbox.outcome import SandboxError
from submissions.sandbox.probe import (
    LIMITED_MOUNTS,
    Held,
    Mount,
    interfaces_of,
    limits_of,
    mounts_of,
    probe,
    process_of,
)
from submissions.sandbox.usage import groups_of, left_groups

STATUS = """\
Name:\tdocker-init
Uid:\t65532\t65532\t65532\t65532
Gid:\t65532\t65532\t65532\t65532
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""

MOUNTS = """\
266 188 0:101 / / ro,relatime master:7 - overlay overlay rw,lowerdir=/a:/b,upperdir=/c,workdir=/d
268 266 0:105 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
271 270 0:108 / /sys/fs/cgroup rw,nosuid - tmpfs tmpfs rw,mode=755
284 266 254:0 /volumes/input/_data /input ro,relatime master:1 - ext4 /dev/vda rw,discard
285 266 0:91 / /output rw,nosuid,nodev,relatime master:6 - tmpfs tmpfs rw,size=4096k,mode=777
290 266 0:92 / /scratch rw,relatime - ext4 /dev/vda rw
291 266 0:93 / /scratch rw,relatime - tmpfs tmpfs rw,size=1g
292 266 0:94 / /frozen rw,relatime - ext4 /dev/vdb ro
"""

NETWORK = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:       0       0    0    0    0     0          0         0        0       0    0    0
  eth0:    1024       8    0    0    0     0          0         0      512       4    0    0
"""


def test_a_process_without_privileges():
    process = process_of(STATUS)
    assert process.uids == (65532,) * 4
    assert process.capabilities == 0
    assert process.no_new_privileges
    assert process.filtered


@pytest.mark.parametrize("name", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_a_capability_in_any_set_is_seen(name):
    status = STATUS.replace(f"{name}:\t0000000000000000", f"{name}:\t0000000000000400")
    assert process_of(status).capabilities == 0x400


def test_a_process_that_nothing_filters():
    """Mode 1 is the strict one, which is no filter."""
    for mode in ("0", "1"):
        assert not process_of(STATUS.replace("Seccomp:\t2", f"Seccomp:\t{mode}")).filtered
    assert not process_of(STATUS.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0")).no_new_privileges


def test_a_kernel_that_tells_less_is_not_taken_for_a_safe_one():
    process = process_of("Uid:\t1\t1\t1\t1\n")
    assert not process.filtered
    assert not process.no_new_privileges


def test_mounts_are_writable_where_both_mount_and_file_system_are():
    mounts = mounts_of(MOUNTS)
    assert mounts["/"] == Mount("overlay", writable=False, bytes=None)
    assert mounts["/input"] == Mount("ext4", writable=False, bytes=None)
    assert mounts["/output"] == Mount("tmpfs", writable=True, bytes=4 << 20)
    assert mounts["/sys/fs/cgroup"].bytes is None
    assert not mounts["/frozen"].writable


def test_the_last_mount_on_a_path_is_the_one_that_is_seen():
    assert mounts_of(MOUNTS)["/scratch"] == Mount("tmpfs", writable=True, bytes=1 << 30)


def test_interfaces_of_a_network():
    assert interfaces_of(NETWORK) == ("lo", "eth0")


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_limits_of_cgroup_v1(tmp_path):
    path = "uptake/run-1/abc"
    groups = groups_of(
        f"9:name=systemd:/{path}\n8:pids:/{path}\n7:cpu,cpuacct:/{path}\n4:memory:/{path}\n"
        f"3:cpuset:/{path}\n0::/\n"
    )
    assert groups["cpuacct"] == Path(path)
    write(
        tmp_path / "memory" / path,
        memory__limit_in_bytes="96468992",
        memory__memsw__limit_in_bytes="96468992",
    )
    write(tmp_path / "pids" / path, pids__max="32")
    write(tmp_path / "cpuset" / path, cpuset__cpus="0-1")
    assert limits_of(groups, tmp_path) == Held(96468992, 0, 32, "0-1")
    (tmp_path / "memory" / path / "memory.memsw.limit_in_bytes").unlink()
    assert limits_of(groups, tmp_path) == Held(96468992, None, 32, "0-1")


def test_limits_of_cgroup_v2(tmp_path):
    path = "system.slice/docker-abc.scope"
    groups = groups_of(f"0::/{path}\n")
    write(
        tmp_path / path,
        memory__max="96468992",
        memory__swap__max="0",
        pids__max="32",
        cpuset__cpus="1",
    )
    assert limits_of(groups, tmp_path) == Held(96468992, 0, 32, "1")


def test_no_limit_is_none_and_not_a_number(tmp_path):
    write(tmp_path / "docker", memory__max="max", memory__swap__max="max", pids__max="max")
    assert limits_of(groups_of("0::/docker\n"), tmp_path) == Held(None, None, None, None)


def test_control_groups_that_are_not_to_be_seen_have_no_limits_to_tell(tmp_path):
    assert limits_of(groups_of("0::/../elsewhere\n"), tmp_path) is None
    assert limits_of(groups_of("4:memory:/elsewhere\n"), tmp_path) is None


@pytest.mark.docker
def test_a_plain_container_is_seen_as_it_was_made(engine):
    seen = probe(engine, engine.plain_runtime)
    assert seen.process == process_of(STATUS)
    assert seen.held == seen.asked
    assert seen.is_gvisor is False
    for path, most in LIMITED_MOUNTS.items():
        assert seen.mounts[path] == Mount("tmpfs", writable=True, bytes=most)
    assert not seen.mounts["/"].writable
    assert not seen.mounts["/input"].writable
    assert (seen.interfaces, seen.own_network, seen.measured) == (("lo",), True, True)
    assert engine.left_overs() == []
    assert not [name for name in left_groups(engine.prefix) if "probe" in name]


@pytest.mark.docker
def test_under_gvisor_its_own_process_is_seen(engine):
    if GVISOR not in engine.runtimes:
        pytest.skip("the engine has no runtime runsc")
    seen = probe(engine, GVISOR)
    assert seen.is_gvisor
    assert seen.process.filtered
    assert seen.held == seen.asked
    assert seen.asked.tasks > 256
    assert (seen.interfaces, seen.own_network, seen.measured) == (("lo",), True, True)
    assert engine.left_overs() == []


@pytest.mark.docker
def test_a_process_of_another_machine_is_not_taken_for_the_container(engine, monkeypatch, tmp_path):
    """The engine's number may be that of anyone here."""
    monkeypatch.setattr("submissions.sandbox.probe._PROC", tmp_path)
    seen = probe(engine, engine.plain_runtime)
    assert (seen.process, seen.held, seen.mounts, seen.interfaces) == (None, None, None, None)
    assert not seen.measured


@pytest.mark.docker
def test_a_runtime_that_the_engine_lacks_leaves_nothing(engine):
    with pytest.raises(SandboxError, match=r"nothing-such"):
        probe(engine, "nothing-such")
    assert engine.left_overs() == []
