"""What one caller may take: associations, their rate, the size of an object; and what is left behind when callers break off."""
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

import pydicom
import pytest

from conftest import Scanner
from lib.dimse import EXPLICIT, IMPLICIT, VERIFICATION, Association, Rejected, associate_request, split_part10
from lib.product import wait_until

CT = "1.2.840.10008.5.1.4.1.1.2"
REJECT_LIMIT = (2, 3, 2)


def test_an_object_that_is_too_large_is_refused_and_the_next_one_stored(product, images):
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", "SMALL_ONE", "--host", "127.0.0.1", "--object-limit", "100000")
    large = split_part10(next(images("ct", slices=2, seed=91).glob("*.dcm")).read_bytes())
    small = split_part10(next(images("ct", slices=2, size=64, seed=92).glob("*.dcm")).read_bytes())
    with Association(product.dimse_port, "SMALL_ONE", [(CT, [EXPLICIT])]) as a:
        assert a.store(1, CT, large[1], large[3]) == 0xA700
        assert a.store(1, CT, small[1], small[3]) == 0
        assert a.store(1, CT, large[1], large[3]) == 0xA700
    assert product.sql("SELECT sop_uid FROM consilium.instance WHERE sop_uid IN (%s, %s)", [large[1], small[1]]) == [(small[1],)]
    assert not list((product.data / "blobs/tmp").glob("*.part"))


def test_too_many_associations_at_once_or_a_minute_are_told_to_come_again(product):
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", "NARROW", "--host", "127.0.0.1", "--associations", "2", "--rate", "5")
    held = [Association(product.dimse_port, "NARROW", [(VERIFICATION, [IMPLICIT])]) for _ in range(2)]
    with pytest.raises(Rejected) as refusal:
        Association(product.dimse_port, "NARROW", [(VERIFICATION, [IMPLICIT])])
    assert refusal.value.args == REJECT_LIMIT
    for a in held:
        a.close()

    def has_room():
        try:
            Association(product.dimse_port, "NARROW", [(VERIFICATION, [IMPLICIT])]).close()
            return True
        except Rejected:
            return False
    accepted = 2
    deadline = time.monotonic() + 3
    while accepted < 8 and time.monotonic() < deadline:
        accepted += has_room()
    assert accepted == 5


def test_a_scanner_with_nagle_and_without_no_delay_does_not_wait(product, images):
    """dcmsend as shipped writes a PDU in two pieces; whoever does not acknowledge the first at once costs it 40 ms an object."""
    folder = images("ct", slices=60, size=64, seed=93)
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    began = time.monotonic()
    done = subprocess.run(["dcmsend", "-v", "+sd", "-aet", "COUNTY1_CT", "-aec", "CONSILIUM", "127.0.0.1", str(product.dimse_port), str(folder)],
                          capture_output=True, text=True, env=environment, timeout=60)
    took = time.monotonic() - began
    assert len(re.findall(r"Received C-STORE Response \(Success\)", done.stdout + done.stderr)) == 60
    assert took < 60 * 0.03, f"{took * 1000 / 60:.1f} ms an object"


def resources(pid):
    """Kilobytes of memory, and descriptors besides the channels of idle workers, which a rush leaves more of."""
    folder = pathlib.Path("/proc") / str(pid)
    rss = int((folder / "status").read_text().split("VmRSS:")[1].split()[0])
    workers = sum(len((task / "children").read_text().split()) for task in (folder / "task").iterdir())
    return rss, len(os.listdir(folder / "fd")) - workers


def break_off(port, tls_port, step):
    """Ends rudely: before, within or after the request, or before the TLS handshake, now and then with a reset."""
    with socket.create_connection(("127.0.0.1", tls_port if step % 5 == 4 else port), 20) as s:
        request = associate_request("COUNTY1_US", "CONSILIUM", [(VERIFICATION, [IMPLICIT]), (CT, [EXPLICIT])])
        if step % 5 in (1, 4):
            s.sendall(request[:30 + step % 100])
        elif step % 5 in (2, 3):
            s.sendall(request)
            if step % 5 == 3:
                s.recv(1)
        if step % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_many_broken_associations_leave_memory_and_descriptors_flat(product):
    """400 here; 10,000 with CONSILIUM_TEST_ABORTS=10000."""
    count, threads = int(os.environ.get("CONSILIUM_TEST_ABORTS", "400")), 4
    [pid] = product.pids("dicom")

    def some(first, last):
        for step in range(first, last):
            try:
                break_off(product.dimse_port, product.dimse_tls_port, step)
            except OSError:
                pass  # being turned away is fine

    def rounds(number):
        workers = [threading.Thread(target=some, args=(i * number // threads, (i + 1) * number // threads)) for i in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def answers():
        try:
            with Association(product.dimse_port, "COUNTY1_CT", [(VERIFICATION, [IMPLICIT])]) as a:
                return a.echo() == 0
        except Rejected:
            return False

    rounds(count // 4)
    wait_until(answers, 60, "an answer after the first rounds")
    rss, fds = resources(pid)
    rounds(count)
    wait_until(answers, 60, "an answer after all of them")
    wait_until(lambda: resources(pid)[1] <= fds + 4, 40, "descriptors given back")
    assert product.pids("dicom") == [pid]
    if "asan" not in str(product.build_dir):  # a sanitizer keeps what is freed
        assert resources(pid)[0] <= rss + 8192, f"{resources(pid)[0] - rss} kB more"
