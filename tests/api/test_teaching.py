"""Teaching sessions, questions, rooms and messages."""
import pytest

from lib.cases import ACCOUNTS, World

CONSORTIUM = ["county1.doctor", "county2.doctor", "town1.doctor", "panel1.coordinator", "lead.specialist", "auditor"]


@pytest.fixture(scope="module")
def world(product):
    return World(product)


def session(world, **more):
    answer = world.client("lead.teacher").post("/api/v1/teaching", json={"title": "阑尾炎的超声诊断", **more})
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(answer.json()["id"]) and answer.headers["ETag"] == '"1"'
    return answer.json()


def published(world):
    return world.act("lead.teacher", "teaching", session(world), "publish")


def test_only_teachers_make_sessions(world):
    for login in ACCOUNTS:
        if login != "lead.teacher":
            assert world.client(login).post("/api/v1/teaching", json={"title": "x"}).status_code == 403, login


def test_a_draft_is_the_teachers_and_a_published_one_everybodys(world):
    draft = session(world, description="45 min", starts_at="2030-01-01T08:00:00Z")
    path = f"/api/v1/teaching/{draft['id']}"
    assert draft["state"] == "draft" and [a["action"] for a in draft["actions"]] == ["publish", "cancel"]
    for login in CONSORTIUM:
        assert not world.sees(login, path) and not world.sees(login, f"/api/v1/rooms/{draft['room']}")
    changed = world.client("lead.teacher").patch(path, json={"title": "Renamed"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.json()["title"] == "Renamed"
    world.act("lead.teacher", "teaching", changed.json(), "publish")
    for login in CONSORTIUM:
        assert world.sees(login, path) and world.sees(login, f"/api/v1/rooms/{draft['room']}")
        assert world.client(login).get(path).json()["actions"] == []
        assert draft["id"] in [t["id"] for t in world.client(login).get("/api/v1/teaching?limit=200").json()["items"]]
    late = world.client("lead.teacher").patch(path, json={"title": "x"}, headers={"If-Match": '"3"'})
    assert late.status_code == 409


def test_only_the_teacher_acts(world):
    one = published(world)
    for login in ("county1.doctor", "lead.specialist", "lead.admin"):
        assert world.try_act(login, "teaching", one, "start").status_code == 403
    live = world.act("lead.teacher", "teaching", one, "start")
    assert live["state"] == "live" and live["started_at"]
    assert world.act("lead.teacher", "teaching", live, "end")["state"] == "ended"


def test_no_recording_without_the_speakers_consent(world):
    live = world.act("lead.teacher", "teaching", published(world), "start")
    answer = world.try_act("lead.teacher", "teaching", live, "record")
    assert answer.status_code == 409 and "agreed" in answer.json()["detail"]
    assert world.client("lead.teacher").get(f"/api/v1/teaching/{live['id']}").json()["recordings"] == []
    assert world.act("lead.teacher", "teaching", live, "consent")["consent_at"]


def test_questions(world):
    one = published(world)
    url = f"/api/v1/teaching/{one['id']}/questions"
    asked = world.client("county2.doctor").post(url, json={"text": "为什么用高频探头？"})
    assert asked.status_code == 201 and asked.json()["answered_at"] is None
    assert asked.json()["organisation"]["code"] == "COUNTY2"
    assert world.client("town1.doctor").get(url).json()["items"] == [asked.json()]
    mark = f"{url}/{asked.json()['id']}/answered"
    assert world.client("county1.doctor").post(mark).status_code == 403
    assert world.client("lead.teacher").post(mark).json()["answered_at"]
    assert world.client("lead.teacher").post(f"{url}/{one['id']}/answered").status_code == 404
    assert world.client("county1.doctor").post(url, json={"text": " "}).status_code == 400
    ended = world.act("lead.teacher", "teaching", world.act("lead.teacher", "teaching", one, "start"), "end")
    assert world.client("county1.doctor").post(url, json={"text": "late"}).status_code == 409
    assert ended["ended_at"]


def test_cancelled_sessions_disappear(world):
    one = published(world)
    world.act("lead.teacher", "teaching", one, "cancel")
    assert not world.sees("county1.doctor", f"/api/v1/teaching/{one['id']}")
    assert world.sees("lead.teacher", f"/api/v1/teaching/{one['id']}")


def test_an_ad_hoc_room_is_its_organisations(world):
    answer = world.client("county1.doctor").post("/api/v1/rooms", json={"title": "晨会"})
    room = answer.json()
    assert answer.status_code == 201 and answer.headers["Location"] == f"/api/v1/rooms/{room['id']}" and answer.headers["ETag"]
    assert set(room) >= {"id", "title", "organisation", "created_at", "whip_url", "whep_url", "join_url"}
    assert room["whip_url"] == f"{world.product.url}/whip/{room['id']}"
    path = f"/api/v1/rooms/{room['id']}"
    for login in ACCOUNTS:
        assert world.sees(login, path) == login.startswith("county1."), login
    assert world.client("county1.doctor").post("/api/v1/rooms", json={"title": ""}).status_code == 400
    assert world.client("county1.doctor").post("/api/v1/rooms", json={}).status_code == 400


def test_messages_stay_with_the_room_and_page(world):
    room = world.client("county1.doctor").post("/api/v1/rooms", json={"title": "x"}).json()
    url = f"/api/v1/rooms/{room['id']}/messages"
    texts = [f"message {n} 你好" for n in range(5)]
    for text in texts:
        assert world.client("county1.coordinator").post(url, json={"text": text}).status_code == 201
    seen, at = [], url + "?limit=2"
    while at:
        page = world.client("county1.doctor").get(at).json()
        seen += [m["text"] for m in page["items"]]
        at = page["next"]
    assert seen == texts
    assert world.client("county2.doctor").post(url, json={"text": "hello"}).status_code == 404
    assert world.client("county1.doctor").post(url, json={"text": "x" * 4001}).status_code == 400
    assert world.client("county1.doctor").get(url + "?cursor=bm9uc2Vuc2U=").status_code == 400


def test_a_closed_consults_room_takes_no_messages(world):
    consult = world.consult(world.study("COUNTY1"))
    world.act("county1.doctor", "consults", consult, "cancel", reason="mistake")
    answer = world.client("county1.doctor").post(f"/api/v1/rooms/{consult['room']}/messages", json={"text": "hello"})
    assert answer.status_code == 409
