"""A Docker engine of a test's own, to be killed: own roots, own socket, no network."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException
from requests.exceptions import RequestException

from tests.platforms import wait_for


@dataclass
class OwnEngine:
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"unix://{self.folder}/engine.sock"

    def start(self) -> None:
        program = shutil.which("dockerd", path="/usr/sbin:/usr/bin:/usr/local/bin")
        assert program, "dockerd is missing"
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "daemon.json").write_text("{}")
        with (self.folder / "dockerd.log").open("ab") as log:
            self.process = subprocess.Popen(
                # In a network namespace of its own: without a bridge it removes the other engine's.
                ["unshare", "--net", program, "--config-file", str(self.folder / "daemon.json"),
                 "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
                 "--pidfile", str(self.folder / "engine.pid"), "--host", self.address,
                 "--bridge=none", "--iptables=false", "--ip-masq=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_for("an answer of the test's own engine", self._answers, 30)

    def kill(self) -> None:
        """As a crash would."""
        assert self.process is not None
        containerd = (self.folder / "exec" / "containerd" / "containerd.pid").read_text()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        # It dies with its parent; one that is seen dying is taken for alive by the next dockerd.
        wait_for("containerd's end", lambda: not Path("/proc", containerd).exists(), 10)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)

    def end(self) -> None:
        """For good: what an engine that was killed had begun outlives it, and so does its mount."""
        self.stop()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:  # it has ended meanwhile
                continue
            if "containerd-shim" in command and f"{self.folder}/" in command:
                os.kill(int(process.name), signal.SIGKILL)
        data = str(self.folder / "data")
        # Bound to itself, so on the same device: Path.is_mount does not see it.
        if f" {data} " in Path("/proc/mounts").read_text():
            subprocess.run(["umount", "--lazy", data], check=True)

    def _answers(self) -> bool:
        try:
            client = docker.DockerClient(base_url=self.address, timeout=5)
            client.ping()
            client.close()
        except (DockerException, RequestException):
            return False
        return True
