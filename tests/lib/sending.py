"""Sending while things break, and what must be true afterwards."""
import hashlib
import re
import subprocess

import pydicom

from lib.product import ROOT


def make_studies(folder, studies):
    """SOP Instance UID → file, of ten small instances in each study."""
    subprocess.run(["/usr/bin/python3", str(ROOT / "tests/data/make_dicom.py"), "scale", "--out", str(folder), "--studies",
                    str(studies), "--series", "2", "--instances", "5"], check=True, stdout=subprocess.DEVNULL)
    files = {}
    for path in folder.rglob("*"):
        if path.is_file():
            uid = pydicom.dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID
            files[str(uid)] = path
    assert len(files) == 10 * studies
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
        blob = product.data / "blobs" / name[:2] / name
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
