"""DICOMweb (PS3.18) over files made by tests/data/make_dicom.py and stored by STOW-RS: every rule of imaging that a client
would trip over."""
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys

import pydicom
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LE, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
OCTETS = 'multipart/related; type="application/octet-stream"'


def make(kind, directory, *options):
    subprocess.run([sys.executable, str(ROOT / "tests/data/make_dicom.py"), kind, "--out", str(directory), *options],
                   check=True, stdout=subprocess.DEVNULL, timeout=240)
    return sorted(directory.rglob("*.dcm"))


def multipart(paths, boundary=b"ConsiliumTest", part=b"application/dicom"):
    body = b"".join(b"--" + boundary + b"\r\nContent-Type: " + part + b"\r\n\r\n" + path.read_bytes() + b"\r\n" for path in paths)
    return body + b"--" + boundary + b"--\r\n"


def stow(client, paths, path="/dicom-web/studies", **options):
    return client.post(path, data=multipart(paths, **options),
                       headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=ConsiliumTest'}, timeout=120)


def parts(answer):
    """[(headers, bytes)] of a multipart/related answer."""
    boundary = b"--" + answer.headers["Content-Type"].split("boundary=")[1].split(";")[0].strip('"').encode()
    assert answer.content.rstrip().endswith(boundary + b"--")
    found = []
    for piece in answer.content.split(boundary)[1:-1]:
        head, _, body = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head.decode().split("\r\n"))}
        body = body[:-2]
        assert int(headers["content-length"]) == len(body)
        found.append((headers, body))
    return found


class Study:
    """One study of one organisation, as the tests address it."""

    def __init__(self, client, files):
        self.client, self.files = client, files
        self.sets = sorted((pydicom.dcmread(path) for path in files), key=lambda s: int(s.InstanceNumber or 0))
        first = self.sets[0]
        self.uid, self.series = first.StudyInstanceUID, first.SeriesInstanceUID
        self.path = f"/dicom-web/studies/{self.uid}"

    def of(self, data):
        return f"{self.path}/series/{data.SeriesInstanceUID}/instances/{data.SOPInstanceUID}"


@pytest.fixture(scope="module")
def radiographer(product):
    return product.login("county1.radiographer")


@pytest.fixture(scope="module")
def ct(product, radiographer, tmp_path_factory):
    files = make("ct", tmp_path_factory.mktemp("ct"), "--slices", "5", "--size", "128", "--seed", "4711")
    answer = stow(radiographer, files)
    assert answer.status_code == 200, answer.text
    return Study(radiographer, files)


@pytest.fixture(scope="module")
def us(product, radiographer, tmp_path_factory):
    files = make("us", tmp_path_factory.mktemp("us"), "--frames", "4", "--seed", "4711")
    answer = stow(radiographer, files)
    assert answer.status_code == 200, answer.text
    return Study(radiographer, files)


def value(item, tag):
    return item[tag]["Value"][0]


# --- storing ---------------------------------------------------------------------------------------------------------
def test_stow_answer(ct, radiographer):
    """Every instance with its RetrieveURL in the acting organisation; again the same is a success."""
    answer = stow(radiographer, ct.files)
    body = answer.json()
    assert answer.status_code == 200 and "00081198" not in body
    assert answer.headers["Content-Type"] == "application/dicom+json"
    assert value(body, "00081190").endswith(f"/dicom-web/orgs/COUNTY1/studies/{ct.uid}")
    urls = {value(item, "00081155"): value(item, "00081190") for item in body["00081199"]["Value"]}
    assert set(urls) == {data.SOPInstanceUID for data in ct.sets}
    assert radiographer.get(urls[ct.sets[0].SOPInstanceUID], headers={"Accept": "application/dicom"}).status_code == 200


def test_stow_refusals(ct, radiographer, product, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM at all")
    mixed = stow(radiographer, [ct.files[0], broken])
    assert mixed.status_code == 202
    assert len(mixed.json()["00081199"]["Value"]) == 1 and len(mixed.json()["00081198"]["Value"]) == 1
    assert stow(radiographer, [broken]).status_code == 409
    assert stow(radiographer, []).status_code == 400
    assert stow(radiographer, [ct.files[0]], path="/dicom-web/studies/1.2.3.4").status_code == 409
    assert radiographer.post("/dicom-web/studies", data=b"x", headers={"Content-Type": "application/dicom"}).status_code == 415
    cut = radiographer.post("/dicom-web/studies", data=multipart([ct.files[0]])[:-8],
                            headers={"Content-Type": 'multipart/related; type="application/dicom"; boundary=ConsiliumTest'})
    assert cut.status_code == 400
    assert stow(product.login("lead.admin"), ct.files[:1]).status_code == 403


def test_nothing_is_left_behind(ct, product):
    assert not list((product.data / "incoming").glob("*-*")), "an upload left its files"


# --- retrieving ------------------------------------------------------------------------------------------------------
def test_bytes_come_back(ct, radiographer):
    """Whole instances, alone and as parts, are the very bytes that were sent."""
    sent = {hashlib.sha256(path.read_bytes()).hexdigest() for path in ct.files}
    answer = radiographer.get(ct.path, headers={"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'})
    assert answer.status_code == 200
    assert {hashlib.sha256(body).hexdigest() for _, body in parts(answer)} == sent
    one = radiographer.get(ct.of(ct.sets[0]), headers={"Accept": "application/dicom"})
    assert hashlib.sha256(one.content).hexdigest() in sent
    part = radiographer.get(ct.of(ct.sets[0]), headers={"Accept": "application/dicom", "Range": "bytes=128-131"})
    assert part.status_code == 206 and part.content == b"DICM"
    again = radiographer.get(ct.of(ct.sets[0]), headers={"Accept": "application/dicom", "If-None-Match": one.headers["ETag"]})
    assert again.status_code == 304
    assert radiographer.get(ct.path, headers={"Accept": "application/dicom"}).status_code == 406
    other = radiographer.get(ct.path, headers={"Accept": f'multipart/related; type="application/dicom"; transfer-syntax={JPEG}'})
    assert other.status_code == 406


def test_native_frames(ct, radiographer):
    data = ct.sets[2]
    url = ct.of(data) + "/frames/1"
    for accept in (OCTETS, "*/*", f"{OCTETS}; transfer-syntax=*", f"{OCTETS}; transfer-syntax={LE}"):
        (headers, body), = parts(radiographer.get(url, headers={"Accept": accept}))
        assert body == data.PixelData and headers["content-type"].startswith("application/octet-stream")
    single = radiographer.get(url, headers={"Accept": "application/octet-stream"})
    assert single.content == data.PixelData and "immutable" in single.headers["Cache-Control"]
    part = radiographer.get(url, headers={"Accept": "application/octet-stream", "Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == data.PixelData[100:200]
    assert radiographer.get(url, headers={"Accept": "image/jpeg"}).status_code == 406
    assert radiographer.get(ct.of(data) + "/frames/2").status_code == 404
    assert radiographer.get(ct.of(data) + "/frames/0").status_code == 400
    assert radiographer.get(ct.of(data) + "/frames/1,2").status_code == 404


def test_compressed_frames(us, radiographer):
    """In the order asked, one code stream a part, however the fragments lie in the file; decoded only when asked for."""
    decoded = set()
    for data in us.sets:
        url = us.of(data)
        found = parts(radiographer.get(url + "/frames/3,1", headers={"Accept": 'multipart/related; type="image/jpeg"'}))
        assert [headers["content-type"] for headers, _ in found] == [f"image/jpeg; transfer-syntax={JPEG}"] * 2
        assert all(body[:2] == b"\xff\xd8" and body.rstrip(b"\0")[-2:] == b"\xff\xd9" for _, body in found)
        first, = parts(radiographer.get(url + "/frames/1", headers={"Accept": f"{OCTETS}; transfer-syntax=*"}))
        assert first[1] == found[1][1] != found[0][1]
        (headers, body), = parts(radiographer.get(url + "/frames/1", headers={"Accept": OCTETS}))
        assert headers["content-type"].endswith(LE) and len(body) == data.Rows * data.Columns * 3
        decoded.add(hashlib.sha256(body).hexdigest())
        assert radiographer.get(url + "/frames/5").status_code == 404
    assert len(decoded) == 1, "the variants of one image differ"


def test_metadata(ct, radiographer):
    """One gzip body per series, with an ETag that stays; for clients without gzip too."""
    url = f"{ct.path}/series/{ct.series}/metadata"
    packed = radiographer.get(url, headers={"Accept-Encoding": "gzip"}, stream=True)
    raw = packed.raw.read(decode_content=False)
    plain = radiographer.get(url, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert json.loads(gzip.decompress(raw)) == plain.json()
    assert [value(item, "00080018") for item in plain.json()] == [data.SOPInstanceUID for data in ct.sets]
    assert radiographer.get(url, headers={"If-None-Match": packed.headers["ETag"]}).status_code == 304
    one = radiographer.get(ct.of(ct.sets[1]) + "/metadata").json()
    assert len(one) == 1 and value(one[0], "00280010") == ct.sets[1].Rows
    bulk = radiographer.get(one[0]["7FE00010"]["BulkDataURI"], headers={"Accept": OCTETS})
    assert parts(bulk)[0][1] == ct.sets[1].PixelData
    assert len(radiographer.get(ct.path + "/metadata").json()) == len(ct.sets)
    assert radiographer.get(url, headers={"Accept": "application/dicom+xml"}).status_code == 406


def test_rendered(ct, us, radiographer):
    for accept, magic in (("image/jpeg", b"\xff\xd8"), ("image/png", b"\x89PNG")):
        answer = radiographer.get(ct.of(ct.sets[0]) + "/rendered", headers={"Accept": accept})
        assert answer.status_code == 200 and answer.content.startswith(magic) and answer.headers["Content-Type"] == accept
    answer = radiographer.get(us.of(us.sets[0]) + "/frames/2/rendered?viewport=64,64")
    assert answer.status_code == 200
    assert radiographer.get(f"{ct.path}/series/{ct.series}/thumbnail").headers["Content-Type"] == "image/jpeg"
    assert radiographer.get(ct.of(ct.sets[0]) + "/rendered?window=a,b").status_code == 400
    assert radiographer.get(ct.of(ct.sets[0]) + "/rendered", headers={"Accept": "text/html"}).status_code == 406


# --- searching -------------------------------------------------------------------------------------------------------
def search(client, path, **query):
    answer = client.get("/dicom-web" + path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/dicom+json"
    return answer.json()


def test_required_study_keys(ct, radiographer):
    study, = search(radiographer, "/studies", StudyInstanceUID=ct.uid)
    for tag in ("00080005", "00080020", "00080030", "00080050", "00080056", "00080061", "00081190", "00100010", "00100020",
                "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208"):
        assert tag in study, tag
    assert value(study, "00201208") == len(ct.sets) and value(study, "00080061") == "CT"


def test_study_matches(ct, radiographer):
    first = ct.sets[0]
    date = first.StudyDate
    hits = [dict(StudyInstanceUID=ct.uid), dict(StudyInstanceUID=f"{ct.uid},1.2.3"), dict(StudyInstanceUID=f"1.2.3\\{ct.uid}"),
            {"0020000D": ct.uid}, dict(PatientID=first.PatientID), dict(PatientID=first.PatientID[:-1] + "?"),
            dict(StudyDate=date), dict(StudyDate=f"{date}-{date}"), dict(StudyDate=f"-{date}"), dict(StudyDate=f"{date}-"),
            dict(ModalitiesInStudy="CT"), dict(AccessionNumber=""), dict(PatientName="*"), dict(includefield="all")]
    for query in hits:
        assert ct.uid in [value(s, "0020000D") for s in search(radiographer, "/studies", limit=1000, **query)], query
    for query in (dict(PatientID="nobody"), dict(StudyDate="19000101-19000102"), dict(ModalitiesInStudy="XA"),
                  dict(StudyInstanceUID="1.2.3"), dict(PatientName="%"), dict(PatientName="_*")):
        assert ct.uid not in [value(s, "0020000D") for s in search(radiographer, "/studies", **query)], query
    for query in ("StudyDate=yesterday", "Nonsense=1", "limit=x", "offset=-1", "StudyInstanceUID=a"):
        assert radiographer.get("/dicom-web/studies?" + query).status_code == 400, query


def test_names_in_every_script(radiographer, tmp_path):
    """A patient is found as written, in the other script, by pinyin and by a part with wildcards."""
    assert stow(radiographer, make("names", tmp_path)).status_code in (200, 202)

    def names(**query):
        return [json.dumps(s["00100010"], ensure_ascii=False) for s in search(radiographer, "/studies", limit=1000, **query)]

    for query in ("王小东", "王^小东", "Wang^XiaoDong", "wang^xiaodong", "*小东*", "wang*"):
        assert any("王^小东" in name for name in names(PatientName=query)), query
    assert any("陳^美玲" in name for name in names(PatientName="陈*")), "simplified characters do not find traditional ones"
    assert not any("王^小东" in name for name in names(PatientName="小东*王"))
    assert any("王^小东" in name for name in names(PatientName="wang xiao", fuzzymatching="true"))


def test_paging(ct, us, radiographer):
    """Pages have no gap and no overlap, and say how many more there are."""
    whole = [value(s, "0020000D") for s in search(radiographer, "/studies", limit=1000)]
    assert len(whole) >= 2
    paged = []
    for offset in range(len(whole)):
        answer = radiographer.get(f"/dicom-web/studies?limit=1&offset={offset}")
        paged += [value(s, "0020000D") for s in answer.json()]
        left = len(whole) - offset - 1
        assert (f"{left} additional results" in answer.headers.get("Warning", "")) == (left > 0)
    assert paged == whole
    assert search(radiographer, "/studies", offset=100000) == []


def test_series_and_instances(ct, radiographer):
    series, = search(radiographer, f"/studies/{ct.uid}/series")
    assert value(series, "0020000E") == ct.series and value(series, "00201209") == len(ct.sets)
    assert search(radiographer, f"/studies/{ct.uid}/series", Modality="MR") == []
    found = search(radiographer, f"/studies/{ct.uid}/series/{ct.series}/instances")
    assert [value(i, "00080018") for i in found] == [data.SOPInstanceUID for data in ct.sets]
    assert value(found[0], "00280010") == ct.sets[0].Rows
    one = search(radiographer, f"/studies/{ct.uid}/instances", SOPInstanceUID=ct.sets[3].SOPInstanceUID)
    assert [value(i, "00080018") for i in one] == [ct.sets[3].SOPInstanceUID]
    assert [value(s, "0020000E") for s in search(radiographer, "/series", SeriesInstanceUID=ct.series)] == [ct.series]


# --- who sees what ----------------------------------------------------------------------------------------------------
def test_strangers_see_nothing(ct, product):
    """What one may not see does not exist: 404 and empty lists, and each attempt is an audit row."""
    stranger = product.login("panel1.coordinator")
    person = stranger.get("/api/v1/session").json()["person"]["id"]
    for path in (ct.path, ct.path + "/metadata", ct.of(ct.sets[0]), ct.of(ct.sets[0]) + "/frames/1",
                 ct.of(ct.sets[0]) + "/rendered", f"{ct.path}/series/{ct.series}/thumbnail",
                 f"/dicom-web/orgs/COUNTY1/studies/{ct.uid}/metadata"):
        answer, nowhere = stranger.get(path), stranger.get(path.replace(ct.uid, "1.2.3.4"))
        assert answer.status_code == nowhere.status_code == 404, path
        assert {**answer.json(), "request": 0} == {**nowhere.json(), "request": 0}
    assert search(stranger, "/studies", StudyInstanceUID=ct.uid) == []
    assert search(stranger, f"/studies/{ct.uid}/series") == []
    rows = product.sql("SELECT action, object FROM consilium.audit WHERE person = %s AND object LIKE %s", (person, f"%{ct.uid}"))
    assert {("study.read", ct.uid), ("study.read", f"COUNTY1/{ct.uid}"), ("study.search", ct.uid)} <= set(rows)


def test_reads_collapse_to_one_row(ct, radiographer, product):
    for _ in range(3):
        assert radiographer.get(ct.of(ct.sets[0]) + "/frames/1").status_code == 200
    person = radiographer.get("/api/v1/session").json()["person"]["id"]
    rows = product.sql("SELECT read_slot, count(*) FROM consilium.audit WHERE person = %s AND action = 'study.read' AND object = %s "
                       "GROUP BY 1", (person, ct.uid))
    assert rows and all(count == 1 for _, count in rows)


def test_equal_uids_in_two_hospitals(ct, product):
    """Each hospital has its own copy; the bare address means the own one, the organisation's code names one."""
    doctor = product.login("county2.doctor")
    assert stow(doctor, ct.files[:2]).status_code == 200
    assert len(search(doctor, f"/studies/{ct.uid}/instances")) == 2
    assert len(search(ct.client, f"/studies/{ct.uid}/instances")) == len(ct.sets)
    assert len(search(doctor, f"/orgs/COUNTY2/studies/{ct.uid}/instances")) == 2
    assert search(doctor, f"/orgs/COUNTY1/studies/{ct.uid}/instances") == []
    study, = search(doctor, "/studies", StudyInstanceUID=ct.uid)
    assert "/orgs/COUNTY2/" in value(study, "00081190")


# --- the client's own addresses ------------------------------------------------------------------------------------------
def test_study_list_and_manifest(ct, us, radiographer, product):
    page = radiographer.get("/api/v1/studies?limit=1").json()
    assert page["total"] >= 2 and len(page["items"]) == 1
    seen, url = [], "/api/v1/studies?limit=2"
    while url:
        page = radiographer.get(url).json()
        seen += [item["id"] for item in page["items"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == page["total"]
    study, = radiographer.get("/api/v1/studies", params={"query": ct.sets[0].PatientID, "modality": "CT"}).json()["items"]
    assert study["study_uid"] == ct.uid and study["own"]
    detail = radiographer.get(f"/api/v1/studies/{study['id']}").json()
    assert radiographer.get(detail["series"][0]["thumbnail"]).status_code == 200
    answer = radiographer.get(f"/api/v1/studies/{study['id']}/manifest")
    manifest = answer.json()
    assert [i["sop_uid"] for i in manifest["series"][0]["instances"]] == [data.SOPInstanceUID for data in ct.sets]
    assert radiographer.get(manifest["dicomweb"] + "/metadata").status_code == 200
    again = radiographer.get(f"/api/v1/studies/{study['id']}/manifest", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    stranger = product.login("panel1.coordinator")
    assert stranger.get(f"/api/v1/studies/{study['id']}/manifest").status_code == 404
    assert radiographer.get("/api/v1/studies/nonsense").status_code == 404
    assert radiographer.get("/api/v1/studies?limit=1000").status_code == 400


def test_known_instances(ct, radiographer, product):
    uids = [ct.sets[0].SOPInstanceUID, "1.2.3.4"]
    assert radiographer.post("/api/v1/uploads/known", json={"instances": uids}).json() == {"known": uids[:1]}
    stranger = product.login("panel1.coordinator")
    assert stranger.post("/api/v1/uploads/known", json={"instances": uids}).json() == {"known": []}
    assert radiographer.post("/api/v1/uploads/known", json={"instances": ["x"]}).status_code == 400


# --- searching by every key -------------------------------------------------------------------------------------------
def test_every_index_attribute_matches(ct, radiographer):
    """Study, series and image keys at their level and below; what one holds of each is found, what nobody holds is not."""
    data = ct.sets[0]
    for path in ("/studies", "/series", "/instances"):
        for key in ("PatientID", "PatientName", "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyDescription", "Modality"):
            text = str(data.get(key, "")) or "*"
            assert ct.uid in [value(s, "0020000D") for s in search(radiographer, path, limit=1000, **{key: text})], (path, key)
    for key in ("SeriesDescription", "SeriesNumber", "Manufacturer", "BodyPartExamined", "SeriesInstanceUID"):
        text = str(data.get(key, "")) or "*"
        assert ct.series in [value(s, "0020000E") for s in search(radiographer, "/series", **{key: text})], key
    for key in ("SOPClassUID", "SOPInstanceUID", "InstanceNumber", "Rows"):
        found = search(radiographer, f"/studies/{ct.uid}/instances", **{key: str(data.get(key))})
        assert data.SOPInstanceUID in [value(i, "00080018") for i in found], key
    assert search(radiographer, "/series", SeriesNumber=987654) == []
    assert search(radiographer, f"/studies/{ct.uid}/instances", Rows=3) == []
    for query in ("SOPInstanceUID=1.2", "SeriesDescription=x", "fuzzymatching=perhaps", "StudyDate=20261301"):
        answer = radiographer.get("/dicom-web/studies?" + query)
        assert answer.status_code == 400 and query.split("=")[0] in answer.text, query


def test_date_and_time_are_one_range(ct, radiographer):
    """PS3.4 C.2.2.2.5.2: from the first moment to the last, not the same hours of every day."""
    day, now = ct.sets[0].StudyDate, (str(ct.sets[0].StudyTime) + "000000")[:6]
    for times, hit in ((f"{now}-{now}", True), ("235959-000000", False)):
        found = search(radiographer, "/studies", PatientID=ct.sets[0].PatientID, StudyDate=f"{day}-{day}", StudyTime=times)
        assert (ct.uid in [value(s, "0020000D") for s in found]) == hit, times
    found = search(radiographer, "/studies", PatientID=ct.sets[0].PatientID, StudyDate=f"20000101-{day}", StudyTime=f"235900-{now}")
    assert ct.uid in [value(s, "0020000D") for s in found]


def test_fuzzy_names(radiographer, tmp_path):
    assert stow(radiographer, make("names", tmp_path)).status_code in (200, 202)
    for name in ("xiaodong wang", "wnag xiao", "Wáng^Xiǎodōng", "小东 王", "xiadong wang", "wang xiaod"):
        found = search(radiographer, "/studies", PatientName=name, fuzzymatching="true", limit=1000)
        assert any("王^小东" in json.dumps(s["00100010"], ensure_ascii=False) for s in found), name
    assert search(radiographer, "/studies", PatientName="qqqqqq", fuzzymatching="true") == []


def test_others_names_are_not_told(ct, product, radiographer):
    """Who asks the name index directly learns nothing of other hospitals, and nothing without a clinical role."""
    name = str(ct.sets[0].PatientName).split("^")[0].split("=")[0].lower()
    county1, county2 = (product.sql("SELECT id FROM consilium.organisation WHERE code = %s", (code,))[0][0] for code in ("COUNTY1", "COUNTY2"))

    def named(role, person, organisation):
        return product.sql("SELECT set_config('consilium.person', %s, true), set_config('consilium.organisation', %s, true), "
                           "cardinality(consilium.patients_named(consilium.search_words(%s))), "
                           "(SELECT coalesce(max(more), 0) + count(*) FROM consilium.image_search('STUDY', "
                           "jsonb_build_object('0020000D', %s::text), '{}'))", (person, organisation, name, ct.uid), role=role)[0][2:]

    radiologist = radiographer.get("/api/v1/session").json()["person"]["id"]
    assert named("consilium_hub", radiologist, county1) [0] >= 1
    assert named("consilium_hub", "", county1) == (0, 0), "nobody"
    assert named("consilium_hub", radiologist, county2) == (0, 0), "no role there"
    assert named("consilium_dicom", "", county1)[0] >= 1
