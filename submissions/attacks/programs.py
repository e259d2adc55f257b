"""Attacks by a program inside a container. Each prints what it was refused, and BREACH for what it
could do that it should not."""

from dataclasses import dataclass

BREACH = "BREACH"
REFUSED = "refused"
SLUG = "pet-lesion-segmentation"
DOCUMENT = "risk"
MAP = "pet-lesion-probability"
VALUE = "certainty"

# What every program begins with: nothing but Python's own library.
PRELUDE = f"""
import ctypes, errno, json, os, pathlib, signal, socket, struct, sys, time, zlib, gzip
folder = pathlib.Path("/output/images/{SLUG}")
def attempt(what, action):
    try:
        done = action()
    except (OSError, ValueError) as error:
        print("{REFUSED}", what, "-", getattr(error, "strerror", None) or error, flush=True)
        return False
    print("{BREACH}", what, done, flush=True)
    return True
def call(number, *arguments):
    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
def header():
    content = next(pathlib.Path("/input/images/pet").glob("*.mha")).read_bytes()
    text = content.split(b"ElementDataFile")[0].decode()
    return dict(line.split(" = ") for line in text.strip().splitlines())
def mask(name="mask.mha", pixels=None, packed=None, data="LOCAL", folder=folder, **changes):
    if packed is None:
        packed = zlib.compress(bytes(voxels()) if pixels is None else pixels, 1)
    fields = header()
    fields |= {{"ElementType": "MET_UCHAR", "CompressedData": "True"}}
    fields |= {{"CompressedDataSize": str(len(packed)), **changes}}
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{{name}} = {{value}}\\n" for name, value in fields.items())
    (folder / name).write_bytes(text.encode() + f"ElementDataFile = {{data}}\\n".encode() + packed)
def voxels():
    count = 1
    for number in header()["DimSize"].split():
        count *= int(number)
    return count
def floats(value, **how):
    mask(pixels=struct.pack("<f", value) * voxels(), ElementType="MET_FLOAT", **how)
maps = pathlib.Path("/output/images/{MAP}")
"""


@dataclass(frozen=True)
class Attack:
    """tried: in words. program: Python, after PRELUDE. codes: reasons of which one has to come;
    "" is a run that ends well, for programs that only look at what they are refused. refusals: so
    many lines of the log have to tell of a refusal. user: of the image; documents: declared JSON
    outputs of the phase; asks_map, asks_value: what it asks for of confidence."""

    name: str
    tried: str
    program: str
    codes: tuple[str, ...] = ("",)
    refusals: int = 0
    user: str = ""
    documents: tuple[str, ...] = ()
    asks_map: bool = False
    asks_value: bool = False


def _looks(name: str, tried: str, program: str, refusals: int) -> Attack:
    return Attack(name, tried, program + "\nmask()", ("",), refusals)


def writes(name: str, tried: str, program: str, *codes: str) -> Attack:
    return Attack(name, tried, program, codes)


_MORE_THAN_IT_MAY = "output_too_large"

RESOURCES = (
    Attack(
        "fork bomb",
        "start processes until none can be started",
        "children = 0\n"
        "try:\n"
        "    while True:\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(60); os._exit(0)\n"
        "        children += 1\n"
        f"except OSError as error: print('{REFUSED}', children, 'processes -', error.strerror); raise",
        ("exit_code", "sandbox_died", "out_of_memory"),
    ),
    Attack(
        "memory bomb",
        "take memory without end",
        "kept = []\nwhile True: kept.append(bytearray(10_000_000))",
        ("out_of_memory",),
    ),
    Attack(
        "full /output",
        "write to /output without end",
        "file = open('/output/x', 'wb', buffering=0)\nwhile True: file.write(bytes(1_000_000))",
        (_MORE_THAN_IT_MAY,),
    ),
    Attack(
        "many files in /output",
        "make a million files in /output",
        "for number in range(1_000_000): open(f'/output/{number}', 'x').close()",
        ("exit_code", _MORE_THAN_IT_MAY),
    ),
    _looks(
        "full /tmp and /dev/shm",
        "write to /tmp and /dev/shm without end",
        "for place in ('/tmp/x', '/dev/shm/x'):\n"
        "    def fill():\n"
        "        with open(place, 'wb', buffering=0) as file:\n"
        "            for _ in range(1000): file.write(bytes(1_000_000))\n"
        "    attempt('fill ' + place, fill)\n"
        "    os.unlink(place)",
        2,
    ),
    Attack(
        "full log",
        "print 50 MB",
        "line = 'x' * 999\nfor _ in range(50_000): print(line)\nmask()",
    ),
    Attack(
        "sparse file",
        "claim a file of a terabyte in /output that takes no room",
        "attempt('truncate to 1 TB', lambda: os.truncate(os.open('/output/x', os.O_CREAT | os.O_RDWR), 10**12))\n"
        "mask()",
        ("", _MORE_THAN_IT_MAY),
        1,
    ),
    Attack("sleep", "sleep past the time limit", "time.sleep(3600)", ("time_limit",)),
    Attack(
        "deaf to SIGTERM",
        "ignore SIGTERM past the time limit",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        ("time_limit",),
    ),
)

REACH = (
    _looks(
        "network",
        "reach the internet, the host, the cloud's metadata, and a name server",
        "for host, port in (('198.51.100.1', 80), ('172.17.0.1', 22), ('169.254.169.254', 80)):\n"
        "    attempt(f'connect to {host}', lambda: socket.create_connection((host, port), 3))\n"
        "attempt('send to a name server', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        ".sendto(b'x', ('198.51.100.53', 53)))\n"
        "attempt('a raw socket', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))\n"
        "attempt('resolve a name', lambda: socket.getaddrinfo('example.org', 80))",
        6,
    ),
    _looks(
        "Docker's socket",
        "find the engine's socket",
        "def find():\n"
        "    found = [p for p in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd/containerd.sock') if os.path.exists(p)]\n"
        "    if not found: raise OSError(errno.ENOENT, 'there is none')\n"
        "    return found\n"
        "attempt('see a socket of the engine', find)",
        1,
    ),
    _looks(
        "write outside",
        "write into /input, the root, /usr, /etc, /root, /sys and /proc",
        "for path in ('/input/x', '/input/images/pet/x', '/x', '/usr/x', '/etc/x', '/root/x', '/var/x',"
        " '/sys/x', '/proc/sysrq-trigger', '/proc/sys/kernel/hostname', '/dev/x'):\n"
        "    attempt('write ' + path, lambda: open(path, 'w').write('b'))\n"
        "pet = next(pathlib.Path('/input/images/pet').glob('*.mha'))\n"
        "attempt('overwrite the PET', lambda: pet.write_bytes(b'x'))\n"
        "attempt('remove the PET', pet.unlink)",
        13,
    ),
    _looks(
        "the reference",
        "search every file for a reference, a database or a secret of the platform",
        "def search():\n"
        "    found = []\n"
        "    for base, folders, files in os.walk('/'):\n"
        "        folders[:] = [f for f in folders if base != '/' or f not in ('proc', 'sys', 'usr')]\n"
        "        found += [f'{base}/{f}' for f in files if 'reference' in f or f.endswith(('.sqlite3', 'secret_key'))]\n"
        "    if not found: raise OSError(errno.ENOENT, 'nothing of that name')\n"
        "    return found\n"
        "attempt('find the reference', search)\n"
        "def environment():\n"
        "    found = [n for n in os.environ if n.startswith(('UPTAKE', 'REDIS', 'DOCKER', 'DJANGO'))]\n"
        "    if not found: raise OSError(errno.ENOENT, 'nothing of the platform')\n"
        "    return found\n"
        "attempt('read settings from the environment', environment)",
        2,
    ),
    _looks(
        "other processes",
        "see processes of others",
        "def others():\n"
        "    found = [p for p in os.listdir('/proc') if p.isdigit()]\n"
        "    found = [p for p in found if int(p) > 1 and int(p) != os.getpid()]\n"
        "    if not found: raise OSError(errno.ESRCH, 'none is to be seen')\n"
        "    return found\n"
        "attempt('see a process of another', others)",
        1,
    ),
    _looks(
        "the kernel",
        "mount, unshare, load a module, set the clock, open devices, read the kernel's memory",
        "attempt('mount', lambda: call(165, b'tmpfs', b'/tmp', b'tmpfs', 0, 0))\n"
        # gVisor's own kernel has namespaces and devices too; what counts is the host's disk.
        "def disk():\n"
        "    call(272, 0x10020000)\n"
        "    os.mknod('/tmp/disk', 0o60666, os.makedev(8, 0))\n"
        "    call(165, b'/tmp/disk', b'/tmp', b'ext4', 0, 0)\n"
        "attempt('mount a disk in namespaces of its own', disk)\n"
        "attempt('load a module', lambda: call(313, 0, b'', 0))\n"
        "attempt('set the clock', lambda: time.clock_settime(time.CLOCK_REALTIME, 0))\n"
        "attempt('read the kernel log', lambda: open('/dev/kmsg', 'rb').read(1))\n"
        "attempt('read physical memory', lambda: open('/dev/mem', 'rb').read(1))\n"
        "def device():\n"
        "    os.mknod('/tmp/sda', 0o60666, os.makedev(8, 0))\n"
        "    return open('/tmp/sda', 'rb').read(1)\n"
        "attempt('read a disk by a device node', device)\n"
        "attempt('reboot', lambda: call(169, 0xfee1dead, 672274793, 0x1234567, 0))",
        8,
    ),
    _looks(
        "become root",
        "set the user id to 0, and start a program that does so",
        "attempt('setuid(0)', lambda: os.setuid(0))\n"
        "attempt('setgid(0)', lambda: os.setgid(0))\n"
        "def capable():\n"
        "    text = pathlib.Path('/proc/self/status').read_text()\n"
        "    found = [l for l in text.splitlines() if l.startswith(('CapEff', 'CapPrm', 'CapBnd')) and int(l.split()[1], 16)]\n"
        "    if not found: raise OSError(errno.EPERM, 'no capability at all')\n"
        "    return found\n"
        "attempt('have a capability', capable)",
        3,
    ),
    Attack(
        "a user that is root",
        "run as the user “toor”, whose number is 0 in the image",
        "def root():\n"
        "    if os.getuid() and os.geteuid(): raise OSError(errno.EPERM, f'runs as {os.getuid()}')\n"
        "    return os.getuid()\n"
        "attempt('be uid 0', root)\nmask()",
        ("",),
        1,
        user="toor",
    ),
    Attack(
        "a declared volume",
        "fill a volume that the image declares, which an engine would put on the host's disk",
        "def fill():\n"
        "    with open('/scratch/x', 'wb', buffering=0) as file:\n"
        "        for _ in range(1000): file.write(bytes(1_000_000))\n"
        "attempt('fill /scratch', fill)\nmask()",
        ("",),
        1,
    ),
    _looks(
        "health check and stop signal",
        "have the engine run the image's health check, by which an image could work unseen",
        "time.sleep(2.5)\nattempt('see the health check', lambda: os.stat('/output/unhealthy'))",
        1,
    ),
    Attack(
        "output after the end",
        "leave a child behind that writes a second mask",
        "mask()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(1)\n"
        "        mask('second.mha')\n"
        "    os._exit(0)\n",
    ),
)

GOOD = "import array\n" + (
    "content = next(pathlib.Path('/input/images/pet').glob('*.mha')).read_bytes()\n"
    "content = content.split(b'ElementDataFile = LOCAL\\n', 1)[1]\n"
    "if header().get('CompressedData') == 'True': content = zlib.decompress(content)\n"
    "mask(pixels=bytes(value >= 1.05 for value in array.array('f', content)))\n"
)
