"""What a container gets, what it does not, and what the platform observes of it."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from submissions.sandbox.engine import NOBODY_ACCOUNT, Account, choose_account
from submissions.sandbox.outcome import InputDocument, Stopped
from tests.images import EMPTY_MASK, SLUG
from tests.sandbox.conftest import LIMITS

pytestmark = pytest.mark.docker


def told(outcome):
    """What the program printed as JSON in its last line."""
    return json.loads(outcome.log.strip().splitlines()[-1])


def test_a_good_program_gives_one_mask_and_its_observations(run, engine):
    outcome = run("import time; time.sleep(1.2)\n" + EMPTY_MASK)
    assert outcome.failure is None
    assert outcome.mask is not None
    assert outcome.exit_code == 0
    assert outcome.seconds > 1.2
    assert outcome.usage.peak_memory_bytes > 1_000_000
    assert outcome.usage.cpu_seconds > 0
    assert outcome.usage.measured == "kernel"
    assert outcome.sandbox == "docker/runc"
    assert set(outcome.stages) == {"load", "stage", "place", "start", "wait", "collect", "remove"}
    assert engine.left_overs() == []


def test_the_sandbox_seen_from_inside(run):
    outcome = run(
        "import json, os, pathlib, re\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "field = lambda name: re.search(name + r':\\s*(\\S+)', status)[1]\n"
        "def writable(path):\n"
        "    try:\n"
        "        pathlib.Path(path, 'x').write_text('x'); return True\n"
        "    except OSError: return False\n"
        "print(json.dumps({\n"
        "  'uid': os.getuid(), 'gid': os.getgid(), 'groups': os.getgroups(),\n"
        "  'capabilities': [field(n) for n in ('CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb')],\n"
        "  'no_new_privileges': field('NoNewPrivs'), 'seccomp': field('Seccomp'),\n"
        "  'interfaces': sorted(os.listdir('/sys/class/net')),\n"
        "  'writable': [p for p in ('/', '/etc', '/root', '/usr', '/var', '/input', '/input/images/pet',"
        "               '/output', '/tmp', '/dev/shm') if writable(p)],\n"
        "  'cpus': len(os.sched_getaffinity(0)),\n"
        "  'environment': sorted(os.environ),\n"
        "  'input': sorted(str(p) for p in pathlib.Path('/input').rglob('*') if p.is_file()),\n"
        "  'socket': os.path.exists('/var/run/docker.sock'),\n"
        "  'parent': pathlib.Path('/proc/1/comm').read_text().strip(),\n"
        "}))\n"
    )  # fmt: skip
    seen = told(outcome)
    assert (seen["uid"], seen["gid"], seen["groups"]) == (65532, 65532, [65532])
    assert set(seen["capabilities"]) == {"0000000000000000"}
    assert (seen["no_new_privileges"], seen["seccomp"]) == ("1", "2")
    assert seen["interfaces"] == ["lo"]
    assert seen["writable"] == ["/output", "/tmp", "/dev/shm"]
    assert seen["cpus"] == 1
    assert set(seen["environment"]) <= {"HOME", "HOSTNAME", "LANG", "PATH", "LC_CTYPE"}
    pet, inputs = seen["input"]
    assert pet.startswith("/input/images/pet/")
    assert inputs == "/input/inputs.json"
    assert not seen["socket"]
    assert "init" in seen["parent"] or "tini" in seen["parent"]


def test_the_name_of_the_input_differs_from_run_to_run(run):
    program = "import json, os; print(json.dumps(os.listdir('/input/images/pet')))"
    assert told(run(program)) != told(run(program))


def test_inputs_json_names_what_is_there(run):
    program = (
        "import json, os\n"
        "(one,) = json.load(open('/input/inputs.json'))\n"
        "path = f\"/input/{one['socket']['relative_path']}/{one['image']['name']}\"\n"
        "print(json.dumps([one['socket']['slug'], os.path.exists(path)]))"
    )
    assert told(run(program)) == ["pet", True]


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("import sys; sys.exit(1)", "exit_code"),
        ("", "no_output"),
        ("while True: pass", "time_limit"),
        ("b = []\nwhile True: b.append(bytearray(10**7))", "out_of_memory"),
        ("open('/output/x', 'wb').write(bytes(10**7))", "output_too_large"),
        ("open('/tmp/x', 'wb').write(bytes(10**8))", "exit_code"),
        ("open('/dev/shm/x', 'wb').write(bytes(10**8))", "exit_code"),
        ("import os\nwhile True: os.fork()", "time_limit"),
        ("import socket; socket.create_connection(('198.51.100.1', 80))", "exit_code"),
    ],
)
def test_each_way_to_fail_has_its_reason(run, program, code):
    outcome = run(program, limits=dataclasses.replace(LIMITS, seconds=2))
    assert outcome.failure is not None
    assert outcome.mask is None
    assert code == outcome.failure.code or (
        "fork" in program and outcome.failure.code in ("exit_code", "time_limit")
    )


@pytest.mark.parametrize(
    ("make", "code"),
    [
        ("os.symlink('/etc/passwd', mask)", "not_a_regular_file"),
        ("os.mkfifo(mask)", "not_a_regular_file"),
        ("os.mkdir(mask)", "no_output"),
        ("import socket; socket.socket(socket.AF_UNIX).bind(str(mask))", None),
        ("mask.write_bytes(b'1'); (folder / 'b.nii.gz').write_bytes(b'2')", "two_outputs"),
        ("(folder / 'mask.txt').write_bytes(b'1')", "no_output"),
    ],
)
def test_only_one_regular_file_is_a_mask(run, make, code):
    outcome = run(
        "import os, pathlib\n"
        f"folder = pathlib.Path('/output/images/{SLUG}'); folder.mkdir(parents=True)\n"
        f"mask = folder / 'mask.mha'\n{make}\n"
    )
    assert outcome.failure is not None
    # An engine leaves sockets out of an archive, so one looks like no output.
    assert outcome.failure.code == (code or "no_output")


def test_a_run_that_is_asked_to_stop_ends_at_once_and_leaves_nothing(run, engine):
    start = time.monotonic()
    with pytest.raises(Stopped):
        run("import time; time.sleep(60)", should_stop=lambda: time.monotonic() - start > 1.5)
    assert time.monotonic() - start < 10
    assert engine.left_overs() == []


def test_a_declared_volume_is_limited_in_size(run):
    outcome = run(
        "try:\n  f = open('/scratch/x', 'wb')\n  for _ in range(200): f.write(bytes(10**6))\n"
        "  f.flush()\nexcept OSError as e: print(__import__('json').dumps(e.errno))",
        "RUN mkdir /scratch && chmod 777 /scratch",
        "VOLUME /scratch",
    )
    assert told(outcome) == 28


def test_health_checks_labels_and_stop_signals_of_the_image_count_for_nothing(run, engine):
    outcome = run(
        EMPTY_MASK,
        "HEALTHCHECK --interval=1s CMD touch /output/unhealthy",
        "STOPSIGNAL SIGCONT",
        "LABEL org.uptake.installation=another org.uptake.run=lie",
    )
    assert outcome.failure is None


@pytest.mark.parametrize(
    ("declared", "account"),
    [
        ("1000", Account(1000, 1000, "/tmp")),
        ("1000:50", Account(1000, 50, "/tmp")),
        ("0", NOBODY_ACCOUNT),
        ("root", NOBODY_ACCOUNT),
        ("toor", NOBODY_ACCOUNT),
        ("algorithm", Account(1234, 99, "/home/algorithm")),
        ("1234", Account(1234, 99, "/home/algorithm")),
        ("nobody-knows", NOBODY_ACCOUNT),
        ("99999999999", NOBODY_ACCOUNT),
        ("1000:0", Account(1000, 1000, "/tmp")),
    ],
)
def test_a_user_is_resolved_to_numbers_that_are_never_root(declared, account):
    accounts = [
        ("root", Account(0, 0, "/root")),
        ("toor", Account(0, 0, "/root")),
        ("algorithm", Account(1234, 99, "/home/algorithm")),
    ]
    assert choose_account(declared, accounts) == account


def test_a_writable_path_is_a_copy_of_the_images_own_and_limited(run):
    outcome = run(
        "import os, json, pathlib\n"
        "path = pathlib.Path('/opt/algorithm')\n"
        "before = (path / 'deep' / 'weights').read_text()\n"
        "(path / 'deep' / 'weights').write_text('changed')\n"
        "try:\n  f = open(path / 'x', 'wb')\n  for _ in range(200): f.write(bytes(10**6))\n"
        "  f.flush()\nexcept OSError as e: full = e.errno\n"
        "print(json.dumps([before, os.readlink(path / 'link'), full]))\n",
        "RUN mkdir -p /opt/algorithm/deep && echo -n first > /opt/algorithm/deep/weights"
        " && ln -s deep/weights /opt/algorithm/link && chmod -R go-rwx /opt/algorithm",
        writable=("/opt/algorithm",),
    )
    assert told(outcome) == ["first", "deep/weights", 28]


def test_a_writable_path_that_the_image_does_not_have_is_an_empty_folder(run):
    outcome = run(
        "import json, os; print(json.dumps([os.listdir('/opt/new'), os.access('/opt/new', os.W_OK)]))",
        writable=("/opt/new",),
    )
    assert told(outcome) == [[], True]


def test_an_image_that_holds_too_much_at_a_writable_path_is_told_so(run, engine):
    outcome = run(
        EMPTY_MASK,
        "RUN mkdir /opt/large && head -c 100000000 /dev/zero > /opt/large/x",
        writable=("/opt/large",),
    )
    assert outcome.failure.code == "writable_too_large"
    assert "/opt/large" in outcome.failure.message
    assert engine.left_overs() == []


def test_declared_json_goes_in_and_comes_out(run):
    outcome = run(
        EMPTY_MASK + "import json\nage = json.load(open('/input/ehr.json'))['age']\n"
        "listed = [one['socket']['slug'] for one in json.load(open('/input/inputs.json'))]\n"
        "json.dump([age, listed], open('/output/risk.json', 'w'))\n",
        inputs=(InputDocument("ehr", "Patient", {"age": 61}),),
        outputs=("risk",),
    )
    assert outcome.failure is None
    assert json.loads(outcome.documents["risk"]) == [61, ["pet", "ehr"]]


def test_a_declared_output_that_is_missing_is_named(run):
    outcome = run(EMPTY_MASK, outputs=("risk",))
    assert outcome.failure.code == "no_json"
    assert "/output/risk.json" in outcome.failure.message


def test_a_child_killed_for_memory_is_a_warning_where_the_program_went_on(run):
    outcome = run(
        "import os\n"
        "if os.fork() == 0:\n"
        "    b = []\n"
        "    while True: b.append(bytearray(10**7))\n"
        "os.wait()\n" + EMPTY_MASK
    )
    assert outcome.failure is None
    assert outcome.out_of_memory
    assert "killed for memory" in outcome.warning


def test_the_log_on_the_engines_disk_stays_small(run, engine):
    sizes = []

    def look():
        for one in engine.client.containers.list():
            path = Path(one.attrs.get("LogPath") or "/none")
            if str(one.name).endswith("-algorithm") and path.exists():
                sizes.append(path.stat().st_size)
        return False

    outcome = run(
        "for _ in range(100_000): print('x' * 500)\nimport time; time.sleep(1.5)", should_stop=look
    )
    assert len(outcome.log) <= 64 * 1024
    assert 0 < max(sizes) < 2.5 * 1024**2
