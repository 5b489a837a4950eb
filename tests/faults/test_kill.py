"""kill -9 of the hub, the dicom program, the media program and PostgreSQL at random moments, while dcmsend goes on sending:
whatever was acknowledged is there afterwards, whole, and nothing is half-indexed."""
import hashlib
import os
import random
import re
import subprocess

import pydicom
import pytest
from lib.product import ROOT, wait_until

INSTANCES = 1000
KILLS_OF_EACH = 3
ROUNDS_LIMIT = 120
SEED = int(os.environ.get("CONSILIUM_TEST_SEED", "1"))


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """SOP Instance UID → file, of 1000 small instances in 100 studies."""
    folder = tmp_path_factory.mktemp("studies")
    subprocess.run(["/usr/bin/python3", str(ROOT / "tests/data/make_dicom.py"), "scale", "--out", str(folder), "--studies",
                    "100", "--series", "2", "--instances", "5"], check=True, stdout=subprocess.DEVNULL)
    files = {}
    for path in folder.rglob("*"):
        if path.is_file():
            uid = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID
            files[str(uid)] = path
    assert len(files) == INSTANCES
    return files


def start_sending(product, paths, report):
    """dcmsend of these files in one association; its report says how each was answered."""
    report.unlink(missing_ok=True)
    return subprocess.Popen(["dcmsend", "--create-report-file", str(report), "-aet", "COUNTY1_CT", "-aec", "CONSILIUM",
                             "127.0.0.1", str(product.dimse_port), *(str(path) for path in paths)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def acknowledged(report):
    """SOP Instance UIDs that were answered with success."""
    text = report.read_text(errors="replace") if report.exists() else ""
    answers = re.findall(r"^SOP Instance  : ([0-9.]+)$(?:(?!^Number).)*?^DIMSE Status  : 0x([0-9a-f]{4})", text, re.M | re.S)
    return {uid for uid, status in answers if status == "0000"}


def check_index(product, files, acked):
    """dcmsend encodes lengths of sequences anew, so what was sent is compared by elements, what is stored by its hash."""
    rows = {uid: hash_ for uid, hash_ in product.sql("SELECT sop_uid, encode(hash, 'hex') FROM consilium.instance")}
    lost = acked - set(rows)
    assert not lost, f"{len(lost)} acknowledged instances are not indexed"
    for uid, name in rows.items():
        blob = product.data / "blobs" / name[:2] / name[2:4] / name
        content = blob.read_bytes()
        assert hashlib.sha256(content).hexdigest() == name, f"{uid}: the blob is damaged"
        assert pydicom.dcmread(blob) == pydicom.dcmread(files[uid]), f"{uid}: another object than was sent"
    half = product.sql("""
        SELECT 'series', s.id::text FROM consilium.series s
        WHERE s.instance_count <> (SELECT count(*) FROM consilium.instance i WHERE i.series = s.id)
        UNION ALL
        SELECT 'study', s.id::text FROM consilium.study s
        WHERE s.instance_count <> (SELECT count(*) FROM consilium.instance i WHERE i.study = s.id)
           OR s.series_count <> (SELECT count(*) FROM consilium.series x WHERE x.study = s.id)
           OR s.instance_count = 0""")
    assert not half, half
    assert not product.sql("SELECT 1 FROM consilium.instance_quarantine")


@pytest.mark.timeout(900)
def test_acknowledged_instances_survive_kills(start_product, studies, tmp_path):
    product = start_product()
    chance = random.Random(SEED)
    kills = [name for name in ("database", "hub", "dicom", "media") if product.pids(name)] * KILLS_OF_EACH
    chance.shuffle(kills)
    planned = list(kills)
    acked, report = set(), tmp_path / "report.txt"
    for _ in range(ROUNDS_LIMIT):
        missing = [path for uid, path in studies.items() if uid not in acked]
        if not missing and not kills:
            break
        # While kills are left, what was acknowledged is sent again too: a repetition must not disturb it.
        process = start_sending(product, missing or list(studies.values())[:200], report)
        try:
            process.wait(chance.uniform(0.2, 3.0) if kills else 300)
        except subprocess.TimeoutExpired:
            if not kills:
                process.kill()
                raise
            product.kill(kills.pop())
            process.wait(120)
        acked |= acknowledged(report)
        wait_until(product.is_ready, 60, "readiness after a kill")
    assert not kills, f"only {len(planned) - len(kills)} kills happened while something was being sent"
    assert len(acked) == INSTANCES, f"{len(acked)} acknowledged after {ROUNDS_LIMIT} associations"
    check_index(product, studies, acked)
    assert product.stop() < 10


def test_readiness_names_what_is_missing(start_product):
    """While the database is down, /readyz says so and /healthz still answers."""
    product = start_product()
    nobody = product.client()

    def complaint():
        answer = nobody.get("/readyz")
        return answer.status_code == 503 and answer.text

    product.kill("database")
    # PostgreSQL needs its crash recovery before it is back, so the time of being down can be seen
    assert "database" in wait_until(complaint, 15, "/readyz to name what is missing")
    assert nobody.get("/healthz").status_code == 200
    wait_until(product.is_ready, 15, "readiness after the database came back")
    answer = product.login("county1.doctor").get("/api/v1/session")
    assert answer.status_code == 200
