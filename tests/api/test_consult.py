"""Consultations over the API: the case of the README, what each step needs, versions, audit rows, field errors."""
import pytest

from lib.cases import OPINION, World


@pytest.fixture(scope="module")
def world(product):
    return World(product)


def test_the_whole_case(world):
    study = world.study("COUNTY1")
    consult = world.consult(study)
    assert consult["state"] == "submitted" and consult["number"].startswith("C") and consult["room"]
    path = f"/api/v1/consults/{consult['id']}"

    # the department's specialist sees the form at once, but not the images before claiming
    seen = world.client("lead.specialist").get(path).json()
    assert seen["patient"]["name"]["ideographic"] == "王^小东"
    assert seen["studies"] == [] and seen["study_count"] == 1
    assert [a["action"] for a in seen["actions"]] == ["claim", "decline"]
    item = next(i for i in world.client("lead.specialist").get("/api/v1/worklist?view=unclaimed&limit=200").json()["items"]
                if i["id"] == consult["id"])
    assert item["actions"] == ["claim", "decline"] and item["modalities"] == []

    claimed = world.act("lead.specialist", "consults", consult, "claim")
    assert claimed["state"] == "assigned" and claimed["claimed_by"]["id"] == world.persons["lead.specialist"]
    assert [s["id"] for s in claimed["studies"]] == [study["id"]] and claimed["studies"][0]["own"] is False
    # a colleague of the department sees the form only
    assert world.client("lead.radiologist").get(path).json()["studies"] == []

    # autosave of the draft is the author's alone
    saved = world.client("lead.specialist").put(path + "/opinion", json=OPINION, headers={"If-Match": f'"{claimed["version"]}"'})
    assert saved.status_code == 200 and saved.json()["opinion"]["findings"] == OPINION["findings"]
    assert saved.headers["ETag"] != f'"{claimed["version"]}"'
    assert world.client("county1.doctor").get(path).json()["opinion"] is None
    again = world.client("lead.specialist").put(path + "/opinion", json=OPINION, headers={"If-Match": f'"{claimed["version"]}"'})
    assert again.status_code == 412

    signed = world.act("lead.specialist", "consults", saved.json(), "sign")  # signs the saved draft
    assert signed["state"] == "signed" and len(signed["opinion"]["content_hash"]) == 64
    amended = world.act("lead.specialist", "consults", signed, "amend", note="typing error",
                        opinion={**OPINION, "impression": "No acute finding, old scar."})
    assert amended["opinion"]["number"] == 2

    county = world.client("county1.doctor").get(path).json()
    assert county["opinion"]["impression"] == "No acute finding, old scar."
    acknowledged = world.act("county1.doctor", "consults", county, "acknowledge")
    closed = world.act("county1.doctor", "consults", acknowledged, "close", adopted="yes")
    assert closed["state"] == "closed" and closed["actions"] == [] and closed["due_at"] is None

    events = world.client("county1.doctor").get(path + "/events").json()["items"]
    assert [(e["action"], e["from_state"], e["to_state"], e["organisation"]["code"]) for e in events] == [
        ("create", "", "draft", "COUNTY1"), ("submit", "draft", "submitted", "COUNTY1"),
        ("claim", "submitted", "assigned", "LEAD"), ("sign", "assigned", "signed", "LEAD"),
        ("amend", "signed", "signed", "LEAD"), ("acknowledge", "signed", "acknowledged", "COUNTY1"),
        ("close", "acknowledged", "closed", "COUNTY1")]
    assert all(e["person"]["id"] and e["role"] for e in events)


def test_drafts_are_the_senders_alone_and_can_be_changed(world):
    study = world.study("COUNTY1")
    draft = world.consult(study, submit=False)
    path = f"/api/v1/consults/{draft['id']}"
    assert draft["state"] == "draft" and draft["room"] is None
    assert world.sees("county1.coordinator", path) and not world.sees("lead.specialist", path)
    county = world.client("county1.doctor")
    assert county.patch(path, json=world.consult_input(study, question="Mass?")).status_code == 428
    changed = county.patch(path, json=world.consult_input(study, question="Mass?"), headers={"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.json()["question"] == "Mass?" and changed.headers["ETag"] == '"2"'
    assert county.patch(path, json=world.consult_input(study), headers={"If-Match": '"1"'}).status_code == 412
    sent = world.act("county1.doctor", "consults", changed.json(), "submit")
    answer = county.patch(path, json=world.consult_input(study), headers={"If-Match": f'"{sent["version"]}"'})
    assert answer.status_code == 409 and answer.json()["code"] == "conflict"


def test_a_step_wants_the_version_that_was_read(world):
    consult = world.consult(world.study("COUNTY1"))
    url = f"/api/v1/consults/{consult['id']}/actions/claim"
    lead = world.client("lead.specialist")
    assert lead.post(url, json={}).status_code == 428
    assert lead.post(url, json={}, headers={"If-Match": '"1"'}).status_code == 412
    assert world.act("lead.specialist", "consults", consult, "claim")["state"] == "assigned"
    # the second claimer was reading the version before: stale; with the new one: conflict
    late = world.try_act("lead.radiologist", "consults", consult, "claim")
    assert late.status_code == 412
    late = world.try_act("lead.radiologist", "consults", consult, "claim", version=consult["version"] + 1)
    assert late.status_code == 409


def test_field_errors_name_the_fields(world):
    study = world.study("COUNTY1")
    county = world.client("county1.doctor")
    wrong = {**world.consult_input(study), "urgency": "soon", "question": " ", "extra": 1, "studies": ["x"]}
    answer = county.post("/api/v1/consults", json=wrong)
    assert answer.status_code == 400 and answer.headers["Content-Type"] == "application/problem+json"
    assert {(e["field"], e["problem"]) for e in answer.json()["errors"]} == {
        ("urgency", "choice"), ("question", "required"), ("extra", "unknown"), ("studies", "id")}
    answer = county.post("/api/v1/consults", json=world.consult_input(study, consent=False, submit=True))
    assert answer.status_code == 422 and answer.json()["errors"] == [{"field": "consent", "problem": "required"}]
    # an emergency goes without; the consent may follow
    assert world.consult(study, consent=False, urgency="emergency")["consent"] is False

    consult = world.act("lead.specialist", "consults", world.consult(study), "claim")
    for body, errors in [({}, [("reason", "required")]), ({"reason": "tired"}, [("reason", "choice")]),
                         ({"reason": "other"}, [("note", "required")])]:
        answer = world.try_act("lead.specialist", "consults", consult, "decline", **body)
        assert answer.status_code == 422, answer.text
        assert [(e["field"], e["problem"]) for e in answer.json()["errors"]] == errors
    answer = world.try_act("lead.specialist", "consults", consult, "sign", opinion={**OPINION, "impression": ""})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "opinion.impression"
    assert world.try_act("lead.specialist", "consults", consult, "vanish").status_code == 404


def test_only_own_patients_and_studies(world):
    mine, foreign, other = world.study("COUNTY1"), world.study("COUNTY2"), world.study("COUNTY1")
    county = world.client("county1.doctor")
    def status(**more):
        return county.post("/api/v1/consults", json=world.consult_input(mine, **more)).status_code
    assert status(patient=foreign["patient"]) == 404
    assert status(studies=[foreign["id"]]) == 404
    assert status(studies=[other["id"]]) == 422  # of another patient
    assert status(to_department=world.department("COUNTY2", "internal")) == 404
    # no agreement from COUNTY1 to COUNTY2: refused with the reason, nothing is left behind
    before = world.product.sql("SELECT count(*) FROM consilium.consult")
    answer = county.post("/api/v1/consults", json=world.consult_input(
        mine, to_organisation=world.org("COUNTY2"), to_department=world.department("COUNTY2", "internal"), submit=True))
    assert answer.status_code == 403 and "agreement" in answer.json()["detail"]
    assert world.product.sql("SELECT count(*) FROM consilium.consult") == before


def test_a_declined_consult_can_be_revised_and_sent_elsewhere(world):
    study = world.study("COUNTY1")
    consult = world.consult(study)
    declined = world.act("lead.radiologist", "consults", consult, "decline", reason="department")
    path = f"/api/v1/consults/{consult['id']}"
    assert world.sees("lead.radiologist", path)  # for a day
    draft = world.act("county1.doctor", "consults", declined, "revise")
    assert draft["state"] == "draft" and not world.sees("lead.radiologist", path)
    changed = world.client("county1.doctor").patch(path, json=world.consult_input(study, department="cardiology", submit=True),
                                                   headers={"If-Match": f'"{draft["version"]}"'}).json()
    assert changed["state"] == "submitted" and changed["number"] == consult["number"]
    assert world.sees("lead.specialist", path) and not world.sees("lead.radiologist", path)


def test_info_goes_to_the_sender_and_back_with_more_studies(world):
    study = world.study("COUNTY1")
    more = world.study("COUNTY1", study["patient"])
    consult = world.act("lead.specialist", "consults", world.consult(study), "claim")
    asked = world.act("lead.specialist", "consults", consult, "ask", note="Is there an older CT?")
    assert asked["state"] == "info"
    todo = world.client("county1.doctor").get("/api/v1/worklist?view=todo&limit=200").json()["items"]
    assert consult["id"] in [i["id"] for i in todo]
    answered = world.act("county1.doctor", "consults", asked, "answer", note="Yes, attached", studies=[more["id"]])
    assert answered["state"] == "assigned"
    seen = world.client("lead.specialist").get(f"/api/v1/consults/{consult['id']}").json()
    assert {s["id"] for s in seen["studies"]} == {study["id"], more["id"]}


def test_what_waits_comes_by_urgency_then_by_the_time_left(world):
    study = world.study("COUNTY1")
    made = {urgency: [world.consult(study, urgency=urgency)["id"] for _ in range(2)] for urgency in ("routine", "emergency", "urgent")}
    wanted = made["emergency"] + made["urgent"] + made["routine"]
    url, order = "/api/v1/worklist?view=unclaimed&limit=2", []
    while url:  # the cursor keeps the order over the pages
        page = world.client("lead.specialist").get(url).json()
        order += [item["id"] for item in page["items"]]
        url = page["next"]
    assert len(order) == len(set(order))
    assert [id_ for id_ in order if id_ in wanted] == wanted
    # what is under way: the last change first
    sent = [item["id"] for item in world.client("county1.doctor").get("/api/v1/worklist?view=sent&limit=6").json()["items"]]
    assert sent == list(reversed(made["routine"] + made["emergency"] + made["urgent"]))


def test_an_idempotency_key_makes_one_consult(world):
    study = world.study("COUNTY1")
    county = world.client("county1.doctor")
    headers = {"Idempotency-Key": f"key-{study['id']}"}
    first = county.post("/api/v1/consults", json=world.consult_input(study), headers=headers)
    second = county.post("/api/v1/consults", json=world.consult_input(study), headers=headers)
    assert first.status_code == second.status_code == 201 and first.json()["id"] == second.json()["id"]
    other = county.post("/api/v1/consults", json=world.consult_input(study, question="Else"), headers=headers)
    assert other.status_code == 422
    # an action as well: the second click does not meet a stale version
    body, headers = {}, {"Idempotency-Key": f"act-{study['id']}", "If-Match": first.headers["ETag"]}
    url = f"/api/v1/consults/{first.json()['id']}/actions/submit"
    assert [county.post(url, json=body, headers=headers).status_code for _ in range(2)] == [200, 200]


def test_every_attempt_leaves_one_audit_row(world):
    consult = world.consult(world.study("COUNTY1"))
    missing = "00000000-0000-4000-8000-000000000000"

    def rows(action, target):
        return world.product.sql("SELECT o.code, a.detail FROM consilium.audit a JOIN consilium.organisation o "
                                 "ON o.id = a.organisation WHERE a.action = %s AND a.object = %s ORDER BY a.seq",
                                 (action, target))

    stranger = world.client("county2.doctor")
    for target in (consult["id"], missing):
        assert stranger.get(f"/api/v1/consults/{target}").status_code == 404
        assert rows("consult.read", target)[-1] == ("COUNTY2", {"seen": False})
        assert stranger.post(f"/api/v1/consults/{target}/actions/claim", json={},
                             headers={"If-Match": '"2"'}).status_code == 404
        assert rows("consult.claim", target) == [("COUNTY2", {"refused": "not-found"})]
    # the answers to both are alike, word for word
    texts = [{k: v for k, v in stranger.get(f"/api/v1/consults/{t}").json().items() if k != "request"}
             for t in (consult["id"], missing)]
    assert texts[0] == texts[1]
    world.act("lead.specialist", "consults", consult, "claim")
    assert rows("consult.claim", consult["id"])[-1][0] == "LEAD"
    assert stranger.get("/api/v1/consults/nonsense").status_code == 404 and rows("consult.read", "nonsense")
