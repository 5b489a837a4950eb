"""Power cuts while scanners and browsers send: what was acknowledged is there afterwards, whole; nothing is half-indexed; no
manual step. Everything the product has lies on an ext4 file system of its own, which is shut down without being flushed
(EXT4_IOC_SHUTDOWN): from that moment nothing reaches the disk any more, whatever the page cache held, and after mounting it
again only what had been synced is there. What this cannot show is a disk that lies about its own cache."""
import fcntl
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading

import pytest
import requests
from lib.product import ROOT, wait_until
from lib.sending import acknowledged, check_index, make_studies, start_sending

sys.path.insert(0, str(ROOT / "tests/bench/images"))
from meter import tree  # noqa: E402

CUTS = 3
STUDIES = 60
SEED = int(os.environ.get("CONSILIUM_TEST_SEED", "1"))
EXT4_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


class Disk:
    """A file system in a file, whose power can be cut."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.image, self.mount = self.folder / "disk.ext4", self.folder / "mount"
        self.mount.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(2 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self.image)], check=True)

    def plug(self):
        # data=writeback: otherwise ext4 writes a file's data when it syncs the directory, and would hide a forgotten fdatasync
        subprocess.run(["mount", "-o", "loop,data=writeback", str(self.image), str(self.mount)], check=True)

    def cut(self):
        fd = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def unplug(self):
        def unmounted():
            return subprocess.run(["umount", str(self.mount)], stderr=subprocess.DEVNULL).returncode == 0
        wait_until(unmounted, 15, "nobody using the disk any more")


@pytest.fixture
def disk():
    folder = tempfile.mkdtemp(prefix="consilium-power-")
    os.chmod(folder, 0o755)  # the service users pass through
    disk = Disk(folder)
    try:
        disk.plug()
    except subprocess.CalledProcessError:
        shutil.rmtree(folder)
        pytest.skip("this machine mounts no file system from a file")
    yield disk
    if os.path.ismount(disk.mount):
        disk.unplug()
    shutil.rmtree(folder)


def die(product):
    """All processes at once, as a machine does; stopped first, so that none starts another meanwhile."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in tree([product.process.pid]):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
    product.process.wait(10)


class Uploader(threading.Thread):
    """STOW-RS, five instances a request, until the server is gone."""

    def __init__(self, client, paths):
        super().__init__()
        self.client, self.paths, self.acked = client, paths, set()

    def run(self):
        for at in range(0, len(self.paths), 5):
            body = b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
                            for path in self.paths[at:at + 5]) + b"--B--\r\n"
            try:
                answer = self.client.post("/dicom-web/studies", data=body, headers={
                    "Accept": "application/dicom+json", "Content-Type": 'multipart/related; type="application/dicom"; boundary=B'})
                if answer.status_code in (200, 202):
                    stored = answer.json().get("00081199", {}).get("Value", [])
                    self.acked |= {item["00081155"]["Value"][0] for item in stored}
            except (requests.RequestException, ValueError):
                return


@pytest.mark.timeout(240)
def test_acknowledged_instances_survive_power_cuts(disk, start_product, tmp_path):
    chance = random.Random(SEED)
    files = make_studies(tmp_path, STUDIES)
    by_scanner, by_browser = list(files.items())[::2], list(files.items())[1::2]
    product = start_product(directory=disk.mount)
    acked, in_flight = set(), 0
    for cut in range(CUTS):
        report = tmp_path / f"report-{cut}.txt"
        process = start_sending(product, [path for uid, path in by_scanner if uid not in acked], report)
        uploader = Uploader(product.bearer("county1.radiographer"), [path for uid, path in by_browser if uid not in acked])
        uploader.start()
        try:
            process.wait(chance.uniform(0.2, 1.2))
        except subprocess.TimeoutExpired:
            in_flight += 1
        disk.cut()
        die(product)
        process.wait(60)
        uploader.join(60)
        acked |= acknowledged(report) | uploader.acked
        disk.unplug()
        disk.plug()
        product.start()
        check_index(product, files, acked)
    assert in_flight == CUTS, "a cut came after everything had been sent"
    assert len(acked) > 20, f"only {len(acked)} instances were acknowledged before the cuts"
    # and it goes on: the rest is stored without a manual step
    process = start_sending(product, [path for uid, path in files.items() if uid not in acked], tmp_path / "rest.txt")
    process.wait(60)
    acked |= acknowledged(tmp_path / "rest.txt")
    assert acked == set(files)
    check_index(product, files, acked)
    product.close()
