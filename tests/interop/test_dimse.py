"""The DIMSE service as scanners and strangers meet it."""
import hashlib
import os
import pathlib
import shutil
import subprocess

import pydicom
import pytest

from lib.dimse import (EXPLICIT, IMPLICIT, SECONDARY_CAPTURE, VERIFICATION, Association, Broken, Rejected,
                       associate_request, split_part10)
from lib.product import wait_until

REJECT_CALLING, REJECT_CALLED, REJECT_LIMIT = (1, 1, 3), (1, 1, 7), (2, 3, 2)


def audit_rows(product, action):
    return product.sql("SELECT count(*) FROM consilium.audit WHERE action = %s", [action])[0][0]


def blob(product, sop_uid, code="COUNTY1"):
    hashes = product.sql("""SELECT encode(hash, 'hex') FROM consilium.instance i JOIN consilium.organisation o ON o.id = i.organisation
                            WHERE sop_uid = %s AND o.code = %s""", [sop_uid, code])
    if not hashes:
        return None
    name = hashes[0][0]
    data = (product.data / "blobs" / name[:2] / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == name
    return data


def changed_copy(source, target, **attributes):
    dataset = pydicom.dcmread(source)
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.save_as(target)
    return target


def some_uid():
    return pydicom.uid.generate_uid(prefix=None)


# --- who may call ---------------------------------------------------------------------------------------------------------


def test_known_scanner_is_answered(scanner):
    assert "Received Echo Response (Success)" in scanner("COUNTY1_CT").echo().stderr


def test_strangers_are_refused_and_audited(product):
    before = audit_rows(product, "association.refuse")
    with pytest.raises(Rejected) as calling:
        Association(product.dimse_port, "NOBODY", [(VERIFICATION, [IMPLICIT])])
    assert calling.value.args == REJECT_CALLING
    with pytest.raises(Rejected) as called:
        Association(product.dimse_port, "COUNTY1_CT", [(VERIFICATION, [IMPLICIT])], called="ORTHANC")
    assert called.value.args == REJECT_CALLED
    wait_until(lambda: audit_rows(product, "association.refuse") >= before + 2, what="two audit rows")


def test_known_title_from_another_address_is_refused(product):
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", "ELSEWHERE", "--host", "192.0.2.7", "--port", "104")
    with pytest.raises(Rejected) as refusal:
        Association(product.dimse_port, "ELSEWHERE", [(VERIFICATION, [IMPLICIT])])
    assert refusal.value.args == REJECT_CALLING


def test_new_scanner_takes_effect_at_once(product, scanner):
    assert scanner("NEW_SCANNER").echo(check=False).returncode != 0

    def is_answered():
        return scanner("NEW_SCANNER").echo(check=False).returncode == 0

    product.cli("ae", "add", "--org", "COUNTY2", "--aet", "NEW_SCANNER", "--host", "127.0.0.1", "--port", "104")
    wait_until(is_answered, 5, "an answer to the new scanner")


def test_too_many_associations_of_one_scanner_are_told_to_come_again(product):
    limit, held = 16, []
    try:
        with pytest.raises(Rejected) as refusal:
            for _ in range(limit + 8):
                held.append(Association(product.dimse_port, "COUNTY1_US", [(VERIFICATION, [IMPLICIT])]))
        assert refusal.value.args == REJECT_LIMIT
        assert len(held) == limit
        assert held[0].echo() == 0
        Association(product.dimse_port, "COUNTY1_CT", [(VERIFICATION, [IMPLICIT])]).close()  # others still may
    finally:
        for association in held:
            association.close()


# --- what is stored ----------------------------------------------------------------------------------------------------------


def test_ct_is_stored_bit_exact_and_indexed(product, scanner, images):
    folder = images("ct", slices=8, seed=11)
    files = sorted(folder.glob("*.dcm"))
    assert scanner("COUNTY1_CT").send(folder) == 8
    for path in files:
        stored = blob(product, pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
        assert split_part10(stored)[3] == split_part10(path.read_bytes())[3]
    study = pydicom.dcmread(files[0], stop_before_pixels=True).StudyInstanceUID
    assert product.sql("""SELECT instance_count, series_count, modalities FROM consilium.study WHERE study_uid = %s""",
                       [study]) == [(8, 1, ["CT"])]


def test_compressed_multi_frame_keeps_its_bytes_and_frames(product, scanner, images):
    folder = images("us", frames=12, seed=12)
    files = sorted(folder.glob("*.dcm"))
    assert scanner("COUNTY1_US").send(folder) == len(files) == 4
    for path in files:
        dataset = pydicom.dcmread(path)
        assert split_part10(blob(product, dataset.SOPInstanceUID))[3] == split_part10(path.read_bytes())[3], path.name
        assert product.sql("SELECT frames, transfer_syntax FROM consilium.instance WHERE sop_uid = %s",
                           [dataset.SOPInstanceUID]) == [(12, dataset.file_meta.TransferSyntaxUID)]


def test_sending_again_is_a_success_and_stores_nothing(product, scanner, images, tmp_path):
    path = sorted(images("ct", slices=2, seed=13).glob("*.dcm"))[0]
    assert scanner("COUNTY1_CT").send(path) == 1
    count = "SELECT count(*) FROM consilium.instance"
    before = product.sql(count)
    assert scanner("COUNTY1_CT").send(path) == 1
    assert product.sql(count) == before


def test_same_uid_with_other_content_is_set_aside(product, scanner, images, tmp_path):
    path = sorted(images("ct", slices=2, seed=14).glob("*.dcm"))[0]
    assert scanner("COUNTY1_CT").send(path) == 1
    uid = pydicom.dcmread(path).SOPInstanceUID
    stored = blob(product, uid)
    changed_copy(path, tmp_path / "x.dcm", PatientName="Changed^Name")
    assert scanner("COUNTY1_CT").send(tmp_path, check=False) == 0
    assert blob(product, uid) == stored
    assert product.sql("SELECT reason FROM consilium.instance_quarantine WHERE sop_uid = %s", [uid]) == [
        ("same UID, other content",)]


def stow(client, *paths):
    body = b"".join(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n" for path in paths) + b"--B--\r\n"
    return client.post("/dicom-web/studies", data=body, headers={"Accept": "application/dicom+json", "Content-Type":
                       'multipart/related; type="application/dicom"; boundary=B'})


def dcmconv(source, target, *options):
    subprocess.run(["dcmconv", *options, str(source), str(target)], check=True, capture_output=True)
    return target


def test_same_image_by_two_ways_is_one_image(product, scanner, images, tmp_path):
    """By C-STORE, by STOW-RS, from another scanner, with lengths or a value representation written otherwise, deflated: whatever
    comes first is kept, the rest is a success that stores nothing."""
    path = next(images("sr", seed=21).rglob("*.dcm"))
    uid = pydicom.dcmread(path).SOPInstanceUID
    radiographer = product.login("county1.radiographer")
    assert scanner("COUNTY1_CT").send(path) == 1
    stored = blob(product, uid)
    assert stored != path.read_bytes()
    assert scanner("COUNTY1_US").send(path) == 1
    variants = [path] + [dcmconv(path, tmp_path / f"{option[1:]}.dcm", option) for option in ("-e", "+g", "+ti", "+td")]
    assert len({variant.read_bytes() for variant in variants}) == len(variants)
    for variant in variants:
        answer = stow(radiographer, variant)
        assert answer.status_code == 200, f"{variant.name}: {answer.text}"
    assert blob(product, uid) == stored
    assert not product.sql("SELECT 1 FROM consilium.instance_quarantine WHERE sop_uid = %s", [uid])
    names = {row[0] for row in product.sql("SELECT encode(hash, 'hex') FROM consilium.instance UNION "
                                           "SELECT encode(hash, 'hex') FROM consilium.instance_quarantine")}
    assert {file.name for file in (product.data / "blobs").glob("??/*")} <= names, "a blob that no row names was left"


def test_other_content_is_set_aside_whatever_way_it_comes(product, scanner, images, tmp_path):
    """One pixel, one item of a sequence, one private element: each is other content."""
    folder = images("ct", slices=2, seed=22)
    path = sorted(folder.glob("*.dcm"))[0]
    report = next(images("sr", seed=23).rglob("*.dcm"))
    assert scanner("COUNTY1_CT").send(path) == 1 and scanner("COUNTY1_CT").send(report) == 1
    pixel = bytearray(path.read_bytes())
    pixel[-7] ^= 1
    (tmp_path / "pixel.dcm").write_bytes(pixel)
    dataset = pydicom.dcmread(report)
    dataset.ContentSequence[0].ConceptNameCodeSequence[0].CodeMeaning = "Something else"
    dataset.save_as(tmp_path / "item.dcm")
    dataset = pydicom.dcmread(path)
    dataset.private_block(0x0019, "SOMEBODY", create=True).add_new(0x01, "LO", "x")
    dataset.save_as(tmp_path / "private.dcm")
    radiographer = product.login("county1.radiographer")
    for name in ("pixel", "item", "private"):
        answer = stow(radiographer, tmp_path / f"{name}.dcm")
        assert answer.status_code == 409, name
        failure = answer.json()["00081198"]["Value"][0]
        assert failure["00081197"]["Value"] == [0x0111]
        uid = failure["00081155"]["Value"][0]
        assert product.sql("SELECT reason FROM consilium.instance_quarantine WHERE sop_uid = %s LIMIT 1", [uid]) == [
            ("same UID, other content",)]
    assert product.sql("SELECT count(*) FROM consilium.instance_quarantine WHERE sop_uid = %s",
                       [pydicom.dcmread(path).SOPInstanceUID]) == [(2,)]


def test_study_with_another_patient_is_set_aside(product, scanner, images, tmp_path):
    path = sorted(images("ct", slices=2, seed=15).glob("*.dcm"))[0]
    assert scanner("COUNTY1_CT").send(path) == 1
    changed_copy(path, tmp_path / "x.dcm", PatientID="SOMEBODY-ELSE", SOPInstanceUID=some_uid())
    assert scanner("COUNTY1_CT").send(tmp_path, check=False) == 0


def test_two_hospitals_with_equal_uids_stay_apart(product, scanner, images, tmp_path):
    path = sorted(images("mr", slices=2, seed=16).glob("*.dcm"))[0]
    dataset = pydicom.dcmread(path)
    assert scanner("COUNTY1_CT").send(path) == 1
    changed_copy(path, tmp_path / "other.dcm", PatientName="Other^Hospital", StudyDescription="of county 2")
    assert scanner("COUNTY2_CT").send(tmp_path) == 1  # no quarantine, no overwriting, no hint that it exists elsewhere
    names = {code: pydicom.dcmread(pydicom.filebase.DicomBytesIO(blob(product, dataset.SOPInstanceUID, code))).PatientName
             for code in ("COUNTY1", "COUNTY2")}
    assert names == {"COUNTY1": dataset.PatientName, "COUNTY2": "Other^Hospital"}
    assert [m["0008,1030"] for m in scanner("COUNTY2_CT").find("STUDY", f"StudyInstanceUID={dataset.StudyInstanceUID}",
                                                               "StudyDescription")] == ["of county 2"]


def test_command_and_data_set_must_agree(product, images):
    data = (images("names") / "zh_utf8.dcm").read_bytes()
    sop_class, sop_uid, syntax, dataset = split_part10(data)
    with Association(product.dimse_port, "COUNTY1_CT", [(sop_class, [syntax])]) as association:
        assert association.store(1, sop_class, "2.25.4711", dataset) == 0xA900


# --- names ---------------------------------------------------------------------------------------------------------------------


def expected_names(folder):
    lines = (folder / "expected.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [line.split("\t") for line in lines]


def test_names_in_every_charset_are_right_and_found(product, scanner, images, tmp_path):
    folder = images("names")
    for path in folder.glob("*.dcm"):
        shutil.copy(path, tmp_path)
    cases = expected_names(folder)
    assert scanner("COUNTY2_CT").send(tmp_path) == len(cases) == 23
    wrong = []
    for file, _, patient_id, name, study in cases:
        want = name.rstrip("=^")
        groups = [group.rstrip("^") for group in want.split("=")]
        stored = product.sql("SELECT attributes #> '{00100010,Value,0}' FROM consilium.study WHERE study_uid = %s", [study])[0][0]
        got = [(stored or {}).get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]
        if "=".join(got).rstrip("=") != "=".join(groups):
            wrong.append((file, name, got))
        found = scanner("COUNTY2_CT").find("STUDY", f"PatientName={name}", "StudyInstanceUID") if name else []
        if name and study not in [match["0020,000d"] for match in found]:
            wrong.append((file, "not found by", name))
    assert not wrong


@pytest.mark.parametrize("typed", ["欧阳", "欧阳^娜娜", "OUYANG*", "ou yang na na", "oynn"])
def test_a_chinese_name_is_found_by_characters_and_pinyin(product, scanner, images, typed, tmp_path):
    shutil.copy(images("names") / "zh_utf8_in_first_group.dcm", tmp_path)
    assert scanner("COUNTY2_CT").send(tmp_path) == 1
    found = scanner("COUNTY2_CT").find("STUDY", f"PatientName={typed}", "PatientID")
    assert "ZH0003" in [match["0010,0020"] for match in found]


# --- C-FIND --------------------------------------------------------------------------------------------------------------------


def test_find_at_every_level(scanner, images):
    folder = images("ct", slices=5, seed=17)
    dataset = pydicom.dcmread(sorted(folder.glob("*.dcm"))[0], stop_before_pixels=True)
    assert scanner("COUNTY1_CT").send(folder) == 5
    me = scanner("COUNTY1_CT")
    study = f"StudyInstanceUID={dataset.StudyInstanceUID}"
    [match] = me.find("STUDY", study, "NumberOfStudyRelatedInstances", "ModalitiesInStudy", "StudyDate")
    assert match["0020,1208"] == "5" and match["0008,0061"] == "CT" and match["0008,0020"] == dataset.StudyDate
    [match] = me.find("SERIES", study, "SeriesInstanceUID", "Modality", "NumberOfSeriesRelatedInstances")
    assert match["0020,000e"] == dataset.SeriesInstanceUID and match["0020,1209"] == "5"
    numbers = [m["0020,0013"] for m in me.find("IMAGE", study, f"SeriesInstanceUID={dataset.SeriesInstanceUID}", "SOPInstanceUID",
                                               "InstanceNumber")]
    assert sorted(numbers, key=int) == ["1", "2", "3", "4", "5"]
    assert me.find("STUDY", study, f"StudyDate={dataset.StudyDate}-") != []
    assert me.find("STUDY", study, "StudyDate=19000101-19001231") == []


def test_another_hospital_finds_nothing_and_leaves_a_row(product, scanner, images):
    folder = images("ct", slices=2, seed=18)
    dataset = pydicom.dcmread(sorted(folder.glob("*.dcm"))[0], stop_before_pixels=True)
    assert scanner("COUNTY1_CT").send(folder) == 2
    before = audit_rows(product, "study.find")
    assert scanner("COUNTY2_CT").find("STUDY", f"StudyInstanceUID={dataset.StudyInstanceUID}") == []
    assert audit_rows(product, "study.find") == before + 1


# --- hostile input -------------------------------------------------------------------------------------------------------------


def test_hostile_files_are_all_answered(product, images):
    """Each file as a data set, in the transfer syntax that it claims (or a plausible one), by a client that does not mind."""
    folder, worker = images("hostile", bomb_mb=160), product.pids("dicom")
    takes = {EXPLICIT, IMPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"}
    answers = {}
    for path in sorted(p for p in folder.iterdir() if p.name != "NOTES.tsv"):
        _, sop_uid, syntax, dataset = split_part10(path.read_bytes())
        syntax = syntax if syntax in takes else EXPLICIT
        a = Association(product.dimse_port, "COUNTY1_CT", [(SECONDARY_CAPTURE, [syntax]), (VERIFICATION, [IMPLICIT])])
        try:
            answers[path.name] = a.store(1, SECONDARY_CAPTURE, sop_uid[:64] or "2.25.1", dataset)
            assert a.echo(3) == 0, path.name
            a.close()
        except Broken:
            assert len(dataset) % 2 == 1, path.name  # PS3.8 E.1: a fragment of odd length; only an abort answers that
            answers[path.name] = 0xC000
    assert answers["00_good_control.dcm"] == 0
    assert len(answers) >= 107
    refused = {name for name, status in answers.items() if status & 0xF000 in (0xA000, 0xC000) or status == 0x0111}
    for name in ("nested_2000.dcm", "deflate_bomb.dcm", "px_rows_65535.dcm", "len_huge_ob.dcm", "id_sop_traversal.dcm"):
        assert name in refused, (name, hex(answers[name]))
    assert product.pids("dicom") == worker
    assert not pathlib.Path("/tmp/pwned").exists()
    assert not list((product.data / "blobs/tmp").glob("*.part"))


def children(pid):
    return [int(stat.parent.name) for stat in pathlib.Path("/proc").glob("[0-9]*/stat")
            if stat.exists() and int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid]


def resources(pid):
    status = (pathlib.Path("/proc") / str(pid) / "status").read_text()
    rss = int(status.split("VmRSS:")[1].split()[0])
    return rss, len(os.listdir(f"/proc/{pid}/fd"))


def break_off(port, step, dataset):
    """One association that ends rudely, in one of six ways."""
    import socket
    if step % 6 == 0:
        socket.create_connection(("127.0.0.1", port)).close()
        return
    if step % 6 == 1:
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(associate_request("COUNTY1_CT", "CONSILIUM", [(VERIFICATION, [IMPLICIT])])[:40 + step % 30])
        return
    association = Association(port, "COUNTY1_CT", [(SECONDARY_CAPTURE, [EXPLICIT])])
    if step % 6 >= 3:
        association.begin_store(1, SECONDARY_CAPTURE, "2.25.99")
    if step % 6 >= 4:
        association.socket.sendall(b"\x04\0\0\0\x10\0\0\0\x0f\xfe\x01\0" + dataset[:2000])  # a PDU cut short
    if step % 6 == 5:
        association.socket.sendall(b"\xff" * 64)
    association.socket.close()


def test_broken_associations_leave_nothing_behind(product, images):
    dataset = split_part10((images("names") / "zh_utf8.dcm").read_bytes())[3]
    [worker] = product.pids("dicom")

    def rounds(count):
        for step in range(count):
            try:
                break_off(product.dimse_port, step, dataset)
            except (Rejected, Broken, OSError):
                pass  # being turned away is fine

    def is_quiet():
        return not list((product.data / "blobs/tmp").glob("*.part"))

    rounds(60)
    wait_until(is_quiet, 30, "quiet after the first rounds")
    rss_before, fds_before = resources(worker)
    rounds(300)
    wait_until(is_quiet, 30, "no temporary files")
    wait_until(lambda: resources(worker)[1] <= fds_before + 4, 90, "descriptors given back")
    if "asan" not in str(product.build_dir):  # a sanitizer keeps what is freed
        assert resources(worker)[0] <= rss_before + 8192, "kilobytes of memory grew"
    assert len(children(worker)) <= 16
    with Association(product.dimse_port, "COUNTY1_CT", [(VERIFICATION, [IMPLICIT])]) as a:
        assert a.echo() == 0
