"""Organisations, patients, and the API's own description."""
import json
import re

import jsonschema
import pytest

from lib.cases import OPINION, World
from lib.product import ROOT


@pytest.fixture(scope="module")
def world(product):
    return World(product)


@pytest.fixture(scope="module")
def description(world):
    answer = world.product.client().get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_the_directory_says_what_one_may_send(world):
    items = {o["code"]: o for o in world.client("county1.doctor").get("/api/v1/organisations").json()["items"]}
    assert set(items) >= {"LEAD", "COUNTY1", "COUNTY2", "TOWN1", "PANEL1"}  # other tests add some
    assert items["LEAD"]["may"] == ["consult", "referral"] and items["COUNTY2"]["may"] == [] and items["COUNTY1"]["may"] == []
    assert "radiology" in [d["code"] for d in items["LEAD"]["departments"]]


def test_patients_are_made_and_found_by_their_own_organisation(world):
    number = f"N{next(world.numbers)}-{id(world)}"
    body = {"local_id": number, "name": "欧阳%_娜", "birth_date": "1980-02-29", "sex": "F", "phone": "0532 1", "allergies": "青霉素"}
    county = world.client("county1.doctor")
    made = county.post("/api/v1/patients", json=body)
    assert made.status_code == 201 and made.json()["name"]["ideographic"] == body["name"]
    assert county.get(made.headers["Location"]).json() == made.json()
    assert county.post("/api/v1/patients", json=body).status_code == 409
    for query in (number, number.lower(), "欧阳%_", "欧阳 娜"):
        found = county.get("/api/v1/patients", params={"query": query, "limit": 200}).json()["items"]
        assert made.json()["id"] in [p["id"] for p in found], query
    assert county.get("/api/v1/patients", params={"query": "欧阳_%"}).json()["items"] == []
    for login in ("county2.doctor", "lead.specialist"):
        assert not world.sees(login, made.headers["Location"])
        assert world.client(login).get("/api/v1/patients", params={"query": number}).json()["items"] == []
    for login in ("lead.admin", "auditor", "lead.teacher"):
        assert world.client(login).post("/api/v1/patients", json={**body, "local_id": number + "x"}).status_code == 403
    wrong = county.post("/api/v1/patients", json={**body, "birth_date": "1981-02-29", "sex": "X", "local_id": ""})
    assert wrong.status_code == 400
    assert {e["field"] for e in wrong.json()["errors"]} == {"birth_date", "sex", "local_id"}


def test_pages_of_patients(world):
    mine = {world.patient("TOWN1") for _ in range(5)}
    client, url, seen = world.client("town1.doctor"), "/api/v1/patients?query=wang&limit=2", []
    while url:
        page = client.get(url).json()
        assert len(page["items"]) <= 2
        seen += [p["id"] for p in page["items"]]
        assert not page["next"] or "wang" in page["next"]
        url = page["next"]
    assert len(seen) == len(set(seen)) and mine <= set(seen)
    assert client.get("/api/v1/patients?limit=0").status_code == 400 and client.get("/api/v1/patients?limit=x").status_code == 400


def test_every_described_address_is_served(world, description):
    """No row of the description without a route: an unknown address answers 404 also to somebody signed in."""
    served = set(re.findall(r'\{"(GET|POST|PUT|PATCH|DELETE)", "(/api/[^"]+)"', (ROOT / "hub/api/routes.c").read_text()))
    described = {(method.upper(), entry.get("servers", [{"url": "/api/v1"}])[0]["url"] + path)
                 for path, entry in description["paths"].items() for method in entry
                 if method in ("get", "post", "put", "patch", "delete")}
    assert described - served == set()
    assert {row for row in served if row[1].startswith("/api/v1/")} - described == set()


def check(description, name, value):
    schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(value)))


def test_answers_are_as_described(world, description):
    study = world.study("COUNTY1")
    county, lead = world.client("county1.doctor"), world.client("lead.specialist")
    draft = world.consult(study, submit=False)
    consult = world.act("lead.specialist", "consults", world.consult(study), "claim")
    signed = world.act("lead.specialist", "consults", consult, "sign", opinion=OPINION)
    referral = world.referral(study)
    for value in (draft, consult, signed, county.get(f"/api/v1/consults/{signed['id']}").json()):
        check(description, "Consult", value)
    for value in (referral, world.client("lead.coordinator").get(f"/api/v1/referrals/{referral['id']}").json()):
        check(description, "Referral", value)
    for item in county.get("/api/v1/worklist?view=sent&limit=200").json()["items"]:
        check(description, "WorkItem", item)
    for event in county.get(f"/api/v1/consults/{signed['id']}/events").json()["items"]:
        check(description, "Event", event)
    for action in county.get(f"/api/v1/consults/{signed['id']}/actions").json()["items"]:
        check(description, "PossibleAction", action)
    for organisation in county.get("/api/v1/organisations").json()["items"]:
        check(description, "Organisation", organisation)
    check(description, "Room", county.get(f"/api/v1/rooms/{signed['room']}").json())
    check(description, "Message", lead.post(f"/api/v1/rooms/{signed['room']}/messages", json={"text": "hi"}).json())
    session = world.client("lead.teacher").post("/api/v1/teaching", json={"title": "x"}).json()
    check(description, "Teaching", session)
    for row in world.client("auditor").get("/api/v1/audit").json()["items"]:
        check(description, "AuditRow", row)
    check(description, "Problem", county.get("/api/v1/consults/x").json())
    check(description, "Problem", county.post("/api/v1/consults", json={}).json())
