"""C-FIND (PS3.4 C.4.1) as DCMTK's findscu asks: both roots, every level, every kind of matching, character sets, C-CANCEL."""
import os
import re
import shutil
import subprocess

import pydicom
import pytest
from pydicom.uid import generate_uid


@pytest.fixture(scope="module")
def studies(product, images, tmp_path_factory):
    """Four studies of one patient with a Chinese name, a day apart, as COUNTY1_CT sends them."""
    source = sorted(images("ct", slices=2, seed=60).glob("*.dcm"))[0]
    folder, made = tmp_path_factory.mktemp("find"), []
    for n in range(4):
        data = pydicom.dcmread(source)
        data.SpecificCharacterSet = "ISO_IR 192"
        data.PatientID, data.PatientName = "FIND60", "Ouyang^Xiuying=欧阳^秀英"
        data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.StudyDate, data.StudyTime = f"2031020{n + 1}", f"{8 + n:02d}3000"
        data.AccessionNumber, data.StudyDescription = f"FIND60-{n}", f"Thorax {n}"
        data.Modality, data.BodyPartExamined = ("CT", "MR", "US", "CR")[n], "CHEST"
        data.save_as(folder / f"{n}.dcm")
        made.append(data)
    environment = {**os.environ, "TCP_NODELAY": "1"}
    subprocess.run(["dcmsend", "-aet", "COUNTY1_CT", "-aec", "CONSILIUM", "+sd", "127.0.0.1", str(product.dimse_port), str(folder)],
                   check=True, capture_output=True, env=environment)
    return made


def ask(product, folder, *keys, root="-S", title="COUNTY1_CT", charset="ISO_IR 192", options=()):
    """findscu; returns the matches as data sets, and what it printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arguments = [text for key in (f"SpecificCharacterSet={charset}", *keys) for text in ("-k", key)]
    done = subprocess.run(["findscu", root, "-d", "-X", "-od", str(folder), *options, "-aet", title, "-aec", "CONSILIUM", *arguments,
                           "127.0.0.1", str(product.dimse_port)], capture_output=True, timeout=60)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, text
    return [pydicom.dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))], text


@pytest.mark.parametrize("keys, found", [
    (["PatientID=FIND60"], [3, 2, 1, 0]),
    (["PatientID=FIND6?", "StudyDescription=THORAX*"], [3, 2, 1, 0]),
    (["AccessionNumber=FIND60-2"], [2]),
    (["AccessionNumber=FIND60-*", "ModalitiesInStudy=MR\\CR"], [3, 1]),
    (["PatientID=FIND60", "StudyDate=20310202-20310203"], [2, 1]),
    (["PatientID=FIND60", "StudyDate=-20310202"], [1, 0]),
    (["PatientID=FIND60", "StudyDate=20310204-"], [3]),
    (["PatientID=FIND60", "StudyTime=0900-1030"], [2, 1]),
    (["PatientName=欧阳*", "StudyDate=20310201"], [0]),
    (["PatientName=OuYang^Xiuying", "StudyDate=20310201"], [0]),
    (["PatientName=ou yang", "StudyDate=20310201"], [0]),
    (["PatientName=*=欧阳^秀英", "StudyDate=20310201"], [0]),
    (["PatientName=Öuyáng*", "StudyDate=20310201"], [0]),
    (["PatientName=%", "PatientID=FIND60"], []),
    (["PatientName=O'Neil*'; --", "PatientID=FIND60"], []),
    (["PatientID=FIND60", "StudyDate=20311301"], []),
])
def test_matching(product, studies, tmp_path, keys, found):
    matches, _ = ask(product, tmp_path / "m", "QueryRetrieveLevel=STUDY", "StudyInstanceUID", *keys)
    assert [m.StudyInstanceUID for m in matches] == [studies[n].StudyInstanceUID for n in found]


def test_lists_of_uids_and_both_roots(product, studies, tmp_path):
    uids = "\\".join(s.StudyInstanceUID for s in studies[:2])
    for root in ("-S", "-P"):
        matches, _ = ask(product, tmp_path / "m", "QueryRetrieveLevel=STUDY", f"StudyInstanceUID={uids}", root=root)
        assert [m.StudyInstanceUID for m in matches] == [s.StudyInstanceUID for s in studies[1::-1]]
        matches, _ = ask(product, tmp_path / "m", "QueryRetrieveLevel=SERIES", f"StudyInstanceUID={uids}", "SeriesInstanceUID",
                         "BodyPartExamined=chest", "PatientID", "NumberOfSeriesRelatedInstances", root=root)
        assert {m.SeriesInstanceUID for m in matches} == {s.SeriesInstanceUID for s in studies[:2]}
        assert all(m.PatientID == "FIND60" and m.NumberOfSeriesRelatedInstances == 1 for m in matches)
        [image], _ = ask(product, tmp_path / "m", "QueryRetrieveLevel=IMAGE", f"SOPInstanceUID={studies[0].SOPInstanceUID}", "Rows",
                         "SOPClassUID", "StudyDescription", root=root)
        assert (image.SOPClassUID, image.Rows) == (studies[0].SOPClassUID, studies[0].Rows)
        assert image.StudyDescription == "Thorax 0"


def test_patient_level(product, studies, tmp_path):
    keys = ("QueryRetrieveLevel=PATIENT", "PatientID=FIND60", "PatientName", "PatientSex", "NumberOfPatientRelatedStudies",
            "NumberOfPatientRelatedSeries", "NumberOfPatientRelatedInstances")
    [patient], _ = ask(product, tmp_path / "m", *keys, root="-P")
    assert str(patient.PatientName) == "Ouyang^Xiuying=欧阳^秀英" and patient.PatientSex == studies[0].PatientSex
    assert (patient.NumberOfPatientRelatedStudies, patient.NumberOfPatientRelatedInstances) == (4, 4)
    matches, text = ask(product, tmp_path / "m", *keys, root="-S")
    assert not matches and "0xa900" in text.lower(), "the Study Root has no such level"
    assert ask(product, tmp_path / "m", *keys, root="-P", title="COUNTY2_CT")[0] == []


def test_return_keys(product, studies, tmp_path):
    """What is asked for comes, what is not known comes empty, and then the matches say so."""
    keys = ["QueryRetrieveLevel=STUDY", "StudyInstanceUID", "AccessionNumber=FIND60-1", "RetrieveAETitle", "InstanceAvailability"]
    [match], text = ask(product, tmp_path / "m", *keys, "0008,0000=12")
    assert match.RetrieveAETitle == "CONSILIUM" and match.InstanceAvailability == "ONLINE"
    assert "0xff00" in text.lower() and "0xff01" not in text.lower()
    [match], text = ask(product, tmp_path / "m", *keys, "0040,0275", "0009,0010=SOMEBODY", "InstitutionName")
    assert match.InstitutionName == "" and not match.RequestAttributesSequence
    assert "0xff01" in text.lower()


@pytest.mark.parametrize("charset, answered", [("GB18030", "GB18030"), ("GBK", "GBK"), ("ISO_IR 100", "ISO_IR 192"), ("", "ISO_IR 192")])
def test_character_set_of_the_answer(product, studies, tmp_path, charset, answered):
    [match], _ = ask(product, tmp_path / "m", "QueryRetrieveLevel=STUDY", "PatientName", "AccessionNumber=FIND60-0", charset=charset)
    assert match.SpecificCharacterSet == answered
    match.decode()
    assert str(match.PatientName) == "Ouyang^Xiuying=欧阳^秀英"


def test_cancel(product, studies, tmp_path):
    matches, text = ask(product, tmp_path / "m", "QueryRetrieveLevel=STUDY", "StudyInstanceUID", options=("--cancel", "1"))
    assert re.search(r"0xfe00|0x0000", text.lower()) and len(matches) <= 52, "within the page that was under way"
