"""Patients, studies and cases for the API tests. Studies are rows without files here: what is tested is who may see them.

    world = World(product)
    study = world.study("COUNTY1")                       {"id", "patient", "organisation", "study_uid"}
    consult = world.consult(study)                       created and submitted by county1.doctor
    consult = world.act("lead.specialist", "consults", consult, "claim")
"""
import itertools
import json
import uuid

from lib.product import PASSWORD, wait_until  # noqa: F401

ACCOUNTS = ["lead.specialist", "lead.radiologist", "lead.coordinator", "lead.teacher", "lead.admin", "county1.doctor",
            "county1.radiographer", "county1.coordinator", "county2.doctor", "town1.doctor", "panel1.coordinator", "auditor"]
OPINION = {"findings": "两肺纹理清晰。", "impression": "No acute finding.", "advice": "Follow up in 6 months.", "critical": False}
BOOKING = {"at": "2030-01-02T09:30:00+08:00", "place": "Building 2, room 301"}

LENGTH = {"frame": 1, "kind": "length", "points": [[10.5, 20], [110.5, 20]], "label": "",
          "results": [{"name": "length", "value": 70.0, "unit": "mm"}]}


class World:
    numbers = itertools.count(1)

    def __init__(self, product):
        self.product = product
        self.clients = {}
        self.organisations = {code: (str(id_), {}) for id_, code in
                              product.sql("SELECT id, code FROM consilium.organisation")}
        for org, code, id_ in product.sql("SELECT o.code, d.code, d.id FROM consilium.department d "
                                          "JOIN consilium.organisation o ON o.id = d.organisation"):
            self.organisations[org][1][code] = str(id_)
        self.persons = {login: str(id_) for login, id_ in product.sql("SELECT login, id FROM consilium.person")}

    def client(self, login):
        """One session per account for the whole run."""
        if login not in self.clients:
            self.clients[login] = self.product.login(login)
        return self.clients[login]

    def org(self, code):
        return self.organisations[code][0]

    def department(self, org, code):
        return self.organisations[org][1][code]

    def patient(self, org):
        number = next(self.numbers)
        rows = self.product.sql(
            "INSERT INTO consilium.patient (organisation, local_id, name_alphabetic, name_ideographic, name_search, sex) "
            "VALUES (%s, %s, 'Wang^Xiaodong', '王^小东', 'wang xiaodong 王 小东', 'M') RETURNING id",
            (self.org(org), f"T{number}-{uuid.uuid4().hex[:8]}"))
        return str(rows[0][0])

    def study(self, org, patient=None):
        patient = patient or self.patient(org)
        uid = "2.25." + str(uuid.uuid4().int)
        study, = self.product.sql(
            "INSERT INTO consilium.study (organisation, study_uid, patient, study_date, modalities, series_count, "
            "instance_count, attributes) VALUES (%s, %s, %s, '2026-11-01', '{CT}', 1, 1, %s) RETURNING id",
            (self.org(org), uid, patient, json.dumps({
                "0020000D": {"vr": "UI", "Value": [uid]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Case^Test"}]},
                "00100020": {"vr": "LO", "Value": ["T1"]}, "00080020": {"vr": "DA", "Value": ["20261101"]}})))
        series, = self.product.sql(
            "INSERT INTO consilium.series (organisation, study, series_uid, modality, instance_count) "
            "VALUES (%s, %s, %s, 'CT', 1) RETURNING id", (self.org(org), study[0], uid + ".1"))
        self.product.sql(
            "INSERT INTO consilium.instance (organisation, study, series, sop_uid, sop_class, transfer_syntax, hash, size, "
            "metadata, metadata_crc, metadata_size) VALUES (%s, %s, %s, %s, '1.2.840.10008.5.1.4.1.1.2', "
            "'1.2.840.10008.1.2.1', sha256(%s), 1, '', 0, 0)", (self.org(org), study[0], series[0], uid + ".1.1", uid.encode()))
        return {"id": str(study[0]), "patient": patient, "organisation": org, "study_uid": uid}

    def draw(self, login, study, **more):
        """One measurement on the only image of a study; its row."""
        uid = study["study_uid"]
        answer = self.client(login).put(f"/api/v1/studies/{study['id']}/measurements/{uuid.uuid4()}", json={**LENGTH, **more, **{
            "series": uid + ".1", "instance": uid + ".1.1"}}, headers={"If-None-Match": "*"})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def consult_input(self, study, department="radiology", **more):
        return {"patient": study["patient"], "to_organisation": self.org("LEAD"),
                "to_department": self.department("LEAD", department), "urgency": "routine", "question": "Nodule?",
                "summary": "Cough for 2 weeks", "studies": [study["id"]], "consent": True, **more}

    def referral_input(self, study, department="radiology", **more):
        return {"patient": study["patient"], "direction": "up", "to_organisation": self.org("LEAD"),
                "to_department": department and self.department("LEAD", department), "urgency": "routine",
                "reason": "Needs surgery", "diagnosis": "Lung nodule", "studies": [study["id"]], "consent": True, **more}

    def consult(self, study, by="county1.doctor", **more):
        answer = self.client(by).post("/api/v1/consults", json=self.consult_input(study, **{"submit": True, **more}))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def referral(self, study, by="county1.doctor", **more):
        answer = self.client(by).post("/api/v1/referrals", json=self.referral_input(study, **{"submit": True, **more}))
        assert answer.status_code == 201, answer.text
        return answer.json()

    def try_act(self, login, plural, case, action, version=None, **body):
        return self.client(login).post(f"/api/v1/{plural}/{case['id']}/actions/{action}", json=body,
                                       headers={"If-Match": f'"{version or case["version"]}"'})

    def act(self, login, plural, case, action, **body):
        answer = self.try_act(login, plural, case, action, **body)
        assert answer.status_code == 200, f"{login} {action}: {answer.status_code} {answer.text}"
        return answer.json()

    def sees(self, login, path):
        """True: 200; False: 404. Anything else is a failure."""
        status = self.client(login).get(path).status_code
        assert status in (200, 404), f"{login} {path}: {status}"
        return status == 200
