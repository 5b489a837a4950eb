"""C-MOVE and C-GET as workstations use them: what comes, how it is counted, what goes wrong."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

import numpy
import pydicom
import pytest
from pydicom.encaps import encapsulate

from conftest import Scanner
from lib.dimse import EXPLICIT, IMPLICIT, SECONDARY_CAPTURE, Acceptor, Association, identifier, number, split_part10
from lib.product import free_ports, wait_until

MOVE, GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
CT, VIDEO = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.77.1.1.1"
MPEG4 = "1.2.840.10008.1.2.4.102"

FINAL = re.compile(r"DIMSE Status\s+: 0x([0-9a-f]{4})")
COUNTERS = ("Remaining", "Completed", "Failed", "Warning")


class Receiver:
    """storescp as a registered AE that listens, its files in a folder of their own."""

    def __init__(self, folder, title, port, *options):
        self.folder, self.title, self.port = folder, title, port
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(["storescp", "--fork", "-aet", title, "-od", str(folder), "-B", "+xa", *options, str(port)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "TCP_NODELAY": "1"})
        wait_until(self.is_listening, 10, "storescp")

    def is_listening(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def files(self):
        return received(self.folder)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@pytest.fixture
def receiver(product, tmp_path):
    """receiver("COUNTY1", "ARCHIVE", …) → a Receiver registered for that organisation."""
    made = []

    def make(org, title, *options):
        [port] = free_ports(1)
        product.cli("ae", "add", "--org", org, "--aet", title, "--host", "127.0.0.1", "--port", str(port))
        made.append(Receiver(tmp_path / title, title, port, *options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def keys_of(level, **keys):
    return ["-k", f"QueryRetrieveLevel={level}"] + [x for name, value in keys.items() for x in ("-k", f"{name}={value}")]


def answers(done):
    """Every response of a movescu -d or getscu -d: (status, {counter: number})."""
    found = []
    for block in re.split(r"INCOMING DIMSE MESSAGE", done.stdout + done.stderr)[1:]:
        kind = re.search(r"Message Type\s+: C-(MOVE|GET) RSP", block)
        status = FINAL.search(block)
        if kind and status:
            counts = {c: int(n) for c in COUNTERS for n in re.findall(rf"{c} Sub-?operations\s+: (\d+)", block)[:1]}
            found.append((int(status.group(1), 16), counts))
    return found


def get(scanner, folder, *keys, model="-S", options=(), check=False):
    folder.mkdir(exist_ok=True)
    return scanner.run("getscu", "-d", model, "-od", str(folder), "+B", *options, *keys, check=check)


def received(folder):
    return {str(pydicom.dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID): path
            for path in folder.iterdir()}


@pytest.fixture(scope="module")
def study(product, images):
    """A CT of two series at COUNTY1, sent once: its files by SOP instance."""
    folder = images("ct", slices=12, seed=61)
    assert Scanner(product.dimse_port, "COUNTY1_CT").send(folder) == 12
    return {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in sorted(folder.glob("*.dcm"))}


def header(files):
    return pydicom.dcmread(next(iter(files.values())), stop_before_pixels=True)


def studies_of(*files):
    return {"StudyInstanceUID": "\\".join(str(header(f).StudyInstanceUID) for f in files)}


def failed_list(response):
    """UIDs of (0008,0058) in an identifier in implicit VR little endian."""
    return set(response[8:].rstrip(b"\0").decode().split("\\")) if response else set()


def audit(product, action, study_uid):
    return product.sql("""SELECT a.actor, a.purpose FROM consilium.audit a JOIN consilium.study s ON s.id::text = a.object
                          WHERE a.action = %s AND s.study_uid = %s""", [action, study_uid])


# --- what is asked for comes -------------------------------------------------------------------------------------------


def test_a_study_moves_is_counted_and_audited_once(product, scanner, receiver, study):
    archive, uid = receiver("COUNTY1", "ARCHIVE1"), header(study).StudyInstanceUID
    for _ in range(2):
        done = scanner("COUNTY1_CT").run("movescu", "-d", "-S", "-aem", "ARCHIVE1", *keys_of("STUDY", StudyInstanceUID=uid))
        responses = answers(done)
        assert responses[-1][0] == 0 and responses[-1][1]["Completed"] == 12
        assert len(responses) > 2 and all(sum(counts.values()) == 12 for _, counts in responses)
        assert {status for status, _ in responses[:-1]} == {0xFF00}
    assert archive.files().keys() == study.keys()
    for sop, path in archive.files().items():
        assert split_part10(path.read_bytes())[3] == split_part10(study[sop].read_bytes())[3]
    assert audit(product, "study.move", uid) == [("COUNTY1_CT to ARCHIVE1", "treatment")]


def test_a_study_is_got_at_every_level(product, scanner, study, tmp_path):
    me, first = scanner("COUNTY1_CT"), header(study)
    some = sorted(study)[:3]
    asked = {
        "study": ("-S", keys_of("STUDY", StudyInstanceUID=first.StudyInstanceUID), set(study)),
        "series": ("-S", keys_of("SERIES", StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID),
                   set(study)),
        "images": ("-S", keys_of("IMAGE", StudyInstanceUID=first.StudyInstanceUID, SeriesInstanceUID=first.SeriesInstanceUID,
                                 SOPInstanceUID="\\".join(some)), set(some)),
        "image alone": ("-S", keys_of("IMAGE", SOPInstanceUID=some[0]), {some[0]}),
        "patient": ("-P", keys_of("PATIENT", PatientID=first.PatientID), set(study)),
    }
    for name, (model, keys, want) in asked.items():
        done = get(me, tmp_path / name, *keys, model=model)
        assert want <= received(tmp_path / name).keys() and (name == "patient" or want == received(tmp_path / name).keys()), name
        status, counts = answers(done)[-1]
        assert status == 0 and counts["Completed"] == len(received(tmp_path / name))
    assert audit(product, "study.get", first.StudyInstanceUID) == [("COUNTY1_CT", "treatment")]


class Counter:
    """A destination that counts the associations that are open at once, and answers every object with success."""

    def __init__(self, port, one_at_a_time=False):
        self.most = self.open = self.objects = 0
        self.lock, self.turn = threading.Lock(), threading.Lock() if one_at_a_time else None
        self.server = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer = self.server.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with self.turn or contextlib.nullcontext():
            with Acceptor(peer) as a, self.lock:
                self.open += 1
                self.most = max(self.most, self.open)
            for _ in a.objects():
                with self.lock:
                    self.objects += 1
            with self.lock:
                self.open -= 1

    def close(self):
        self.server.close()


@pytest.mark.parametrize("one_at_a_time", [False, True])
def test_a_large_move_opens_several_associations(product, images, one_at_a_time):
    folder = images("ct", slices=130, size=32, seed=62)
    assert Scanner(product.dimse_port, "COUNTY1_CT").send(folder) == 130
    path = next(folder.glob("*.dcm"))
    [port] = free_ports(1)
    title = f"COUNTER{int(one_at_a_time)}"
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", title, "--host", "127.0.0.1", "--port", str(port))
    counter = Counter(port, one_at_a_time)
    with Association(product.dimse_port, "COUNTY1_CT", [(MOVE, [IMPLICIT])]) as a:
        _, responses = a.retrieve(1, MOVE, identifier("STUDY", **studies_of({"": path})), title)
    counter.close()
    assert number(responses[-1][0][0x0900]) == 0 and number(responses[-1][0][0x1021]) == 130
    assert counter.objects == 130 and counter.most == (1 if one_at_a_time else 3)


# --- what may not be had -----------------------------------------------------------------------------------------------


def test_another_hospital_gets_nothing_until_it_is_granted(product, scanner, receiver, study, tmp_path):
    uid = header(study).StudyInstanceUID
    key = keys_of("STUDY", StudyInstanceUID=uid)
    rows = "SELECT count(*) FROM consilium.audit WHERE action = 'study.get' AND actor = 'COUNTY2_CT' AND object = %s"
    before = product.sql(rows, [uid])[0][0]
    done = get(scanner("COUNTY2_CT"), tmp_path / "no", *key)
    assert answers(done)[-1] == (0, {"Remaining": 0, "Completed": 0, "Failed": 0, "Warning": 0}) and not received(tmp_path / "no")
    assert product.sql(rows, [uid])[0][0] == before + 1
    product.sql("""INSERT INTO consilium.access_grant (patient, study, from_organisation, to_organisation, reach, basis, basis_id)
                   SELECT s.patient, s.id, s.organisation, o.id, 'organisation', 'share', gen_random_uuid()
                   FROM consilium.study s, consilium.organisation o WHERE s.study_uid = %s AND o.code = 'COUNTY2'""", [uid])
    get(scanner("COUNTY2_CT"), tmp_path / "yes", *key)
    assert received(tmp_path / "yes").keys() == study.keys()
    # it sees the study now, but may not pass it on
    elsewhere, own = receiver("COUNTY1", "ELSEWHERE1"), receiver("COUNTY2", "OWN2")
    with Association(product.dimse_port, "COUNTY2_CT", [(MOVE, [IMPLICIT])]) as a:
        _, responses = a.retrieve(1, MOVE, identifier("STUDY", StudyInstanceUID=uid), "ELSEWHERE1")
        assert number(responses[-1][0][0x0900]) == 0xA702 and failed_list(responses[-1][1]) == set(study)
        _, responses = a.retrieve(1, MOVE, identifier("STUDY", StudyInstanceUID=uid), "OWN2".ljust(4))
        assert number(responses[-1][0][0x0900]) == 0
    assert not elsewhere.files() and own.files().keys() == study.keys()


def test_what_is_wrong_is_said(product, receiver, study):
    uid = header(study).StudyInstanceUID
    with Association(product.dimse_port, "COUNTY1_CT", [(MOVE, [IMPLICIT])]) as a:
        def status(keys, destination="ARCHIVE3"):
            return number(a.retrieve(1, MOVE, keys, destination)[1][-1][0][0x0900])
        assert status(identifier("STUDY", StudyInstanceUID=uid), "NOBODY") == 0xA801
        assert status(identifier("STUDY", StudyInstanceUID=uid), "COUNTY1_CT") == 0xA801  # it is known, but listens nowhere
        receiver("COUNTY1", "ARCHIVE3")
        assert status(identifier("STUDY")) == 0xA900
        assert status(identifier("PATIENT", PatientID="X")) == 0xA900  # no level of this model
        assert status(identifier("NONSENSE", StudyInstanceUID=uid)) == 0xA900
        assert status(identifier("STUDY", StudyInstanceUID="1.2.3.4.5")) == 0


@pytest.mark.parametrize("kind", ["closed", "refuse", "abort", "silent"])
def test_a_destination_that_fails_is_reported(product, receiver, study, kind):
    held = None
    if kind in ("refuse", "abort"):
        receiver("COUNTY1", f"BAD_{kind.upper()}", {"refuse": "--refuse", "abort": "--abort-during"}[kind])
    else:
        [port] = free_ports(1)
        product.cli("ae", "add", "--org", "COUNTY1", "--aet", f"BAD_{kind.upper()}", "--host", "127.0.0.1", "--port", str(port))
        if kind == "silent":
            held = socket.create_server(("127.0.0.1", port))
    with Association(product.dimse_port, "COUNTY1_CT", [(MOVE, [IMPLICIT])]) as a:
        if held:  # somebody who accepts connections and hangs up on each
            threading.Thread(target=lambda: [held.accept()[0].close() for _ in range(1)], daemon=True).start()
        _, responses = a.retrieve(1, MOVE, identifier("STUDY", **studies_of(study)), f"BAD_{kind.upper()}")
        command, data = responses[-1]
        assert number(command[0x0900]) == 0xA702 and number(command[0x1022]) == 12
        assert failed_list(data) == set(study)
        assert 0x0902 in command  # why
        assert a.socket.fileno() >= 0
    if held:
        held.close()


def test_cancel_ends_within_one_object(product, study):
    with Association(product.dimse_port, "COUNTY1_CT", [(GET, [IMPLICIT]), (CT, [EXPLICIT], "SCP")]) as a:
        objects, responses = a.retrieve(1, GET, identifier("STUDY", **studies_of(study)),
                                        on_object=lambda n: "cancel" if n == 3 else 0)
        command = responses[-1][0]
        assert number(command[0x0900]) == 0xFE00 and len(objects) in (3, 4)
        assert number(command[0x1020]) == 12 - len(objects) and number(command[0x1021]) == len(objects)


def test_what_the_receiver_refuses_is_listed(product, study):
    with Association(product.dimse_port, "COUNTY1_CT", [(GET, [IMPLICIT]), (CT, [EXPLICIT], "SCP")]) as a:
        objects, responses = a.retrieve(1, GET, identifier("STUDY", **studies_of(study)),
                                        on_object=lambda n: {2: 0xA700, 5: 0xB007}.get(n, 0))
        command, data = responses[-1]
        assert number(command[0x0900]) == 0xB000 and failed_list(data) == {objects[1][0]}
        assert [number(command[e]) for e in (0x1021, 0x1022, 0x1023)] == [10, 1, 1]
    # a caller that takes no such objects, and one that leaves in the middle
    with Association(product.dimse_port, "COUNTY1_CT", [(GET, [IMPLICIT])]) as a:
        _, responses = a.retrieve(1, GET, identifier("STUDY", **studies_of(study)))
        assert number(responses[-1][0][0x0900]) == 0xA702 and failed_list(responses[-1][1]) == set(study)
    a = Association(product.dimse_port, "COUNTY1_CT", [(GET, [IMPLICIT]), (CT, [EXPLICIT], "SCP")])
    with pytest.raises(OSError):
        a.retrieve(1, GET, identifier("STUDY", **studies_of(study)), on_object=lambda n: a.socket.close() or 0 if n == 2 else 0)


# --- transfer syntaxes ----------------------------------------------------------------------------------------------------

J = "1.2.840.10008.1.2.4."
NATIVE = [IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
COMPRESSED = ["1.2.840.10008.1.2.5", *(J + n for n in "50 51 57 70 80 81 90 91 100 101 102 103 104 105 106 107 108 201 202 203".split())]
HEADS = {"90": b"\xff\x4f\xff\x51", "91": b"\xff\x4f\xff\x51", "201": b"\xff\x4f\xff\x51", "202": b"\xff\x4f\xff\x51",
         "203": b"\xff\x4f\xff\x51"}


def object_in(syntax, sop_uid, study_uid):
    """A small secondary capture in this transfer syntax. What is inside of a code stream is nobody's business here."""
    d = pydicom.Dataset()
    d.SOPClassUID, d.SOPInstanceUID = SECONDARY_CAPTURE, sop_uid
    d.StudyInstanceUID, d.SeriesInstanceUID = study_uid, study_uid + ".1"
    d.PatientID, d.PatientName, d.Modality = "SYNTAXES", "Syntax^Every", "OT"
    d.StudyDate, d.StudyTime, d.AccessionNumber, d.StudyID, d.SeriesNumber = "20260101", "101010", "", "", 1
    d.SamplesPerPixel, d.PhotometricInterpretation, d.Rows, d.Columns = 1, "MONOCHROME2", 16, 16
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    pixels = numpy.arange(256, dtype="<u2").tobytes()
    if syntax in NATIVE:
        d.PixelData = pixels if syntax != NATIVE[2] else numpy.frombuffer(pixels, "<u2").astype(">u2").tobytes()
    else:
        d.PixelData = encapsulate([HEADS.get(syntax.rsplit(".", 1)[1], b"\xff\xd8") + pixels + b"\xff\xd9"])
        d["PixelData"].is_undefined_length = True
    d["PixelData"].VR = "OW" if syntax in NATIVE else "OB"
    d.is_little_endian, d.is_implicit_VR = syntax != NATIVE[2], syntax == IMPLICIT
    return d


def encoded(dataset, path, syntax):
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = SECONDARY_CAPTURE, dataset.SOPInstanceUID
    if syntax.startswith(J + "2"):
        dataset.file_meta.TransferSyntaxUID = J + "90"  # pydicom does not know the new ones; they are encoded alike
    dataset.save_as(path, write_like_original=False)
    data = split_part10(path.read_bytes())[3]
    return data + b"\0" * (len(data) % 2)  # PS3.5 A.5: a deflated one may need it


def test_every_transfer_syntax_comes_back_bit_for_bit(product, tmp_path):
    study_uid = pydicom.uid.generate_uid(prefix=None)[:50]
    sent = {}
    syntaxes = NATIVE + COMPRESSED
    with Association(product.dimse_port, "COUNTY1_CT", [(SECONDARY_CAPTURE, [syntax]) for syntax in syntaxes]) as a:
        for n, syntax in enumerate(syntaxes):
            uid = f"{study_uid}.2.{n + 1}"
            sent[uid] = (syntax, encoded(object_in(syntax, uid, study_uid), tmp_path / "x.dcm", syntax))
            assert a.store(2 * n + 1, SECONDARY_CAPTURE, uid, sent[uid][1]) == 0, syntax
    contexts = [(GET, [IMPLICIT])] + [(SECONDARY_CAPTURE, [syntax], "SCP") for syntax in syntaxes]
    for max_pdu in (131072, 4096):
        with Association(product.dimse_port, "COUNTY1_CT", contexts, max_pdu=max_pdu) as a:
            objects, responses = a.retrieve(1, GET, identifier("STUDY", StudyInstanceUID=study_uid))
        assert number(responses[-1][0][0x0900]) == 0
        assert {uid: (syntaxes[(context - 3) // 2], data) for uid, context, data in objects} == sent


def test_what_a_receiver_does_not_take_is_decompressed(product, scanner, receiver, images, tmp_path):
    """To one that takes implicit VR only: JPEG and big endian are converted, video cannot be and is listed."""
    folder = images("us", frames=4, seed=63)
    assert scanner("COUNTY1_US").send(folder) == 4
    files = {str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID): path for path in folder.glob("*.dcm")}
    study_uid = str(header(files).StudyInstanceUID)
    video = f"{pydicom.uid.generate_uid(prefix=None)[:50]}.9"
    dataset = object_in(MPEG4, video, study_uid)
    dataset.PatientID = header(files).PatientID
    data = encoded(dataset, tmp_path / "video.dcm", MPEG4)
    with Association(product.dimse_port, "COUNTY1_US", [(SECONDARY_CAPTURE, [MPEG4])]) as a:
        assert a.store(1, SECONDARY_CAPTURE, video, data) == 0
    old = receiver("COUNTY1", "OLD_ONE", "+xi")
    studies = "\\".join({str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID) for path in files.values()})
    with Association(product.dimse_port, "COUNTY1_US", [(MOVE, [IMPLICIT])]) as a:
        _, responses = a.retrieve(1, MOVE, identifier("STUDY", StudyInstanceUID=studies), "OLD_ONE ")
    command, identifiers = responses[-1]
    assert number(command[0x0900]) == 0xB000 and failed_list(identifiers) == {video}
    assert number(command[0x1021]) == 4 and old.files().keys() == files.keys()
    for sop, path in old.files().items():
        subprocess.run(["dcmdjpeg", str(files[sop]), str(tmp_path / "reference.dcm")], check=True)
        reference, got = pydicom.dcmread(tmp_path / "reference.dcm"), pydicom.dcmread(path)
        assert got.file_meta.TransferSyntaxUID == IMPLICIT
        assert got.PixelData == reference.PixelData and got.SOPInstanceUID == sop
        assert got.PhotometricInterpretation == reference.PhotometricInterpretation
