"""Measurements: saved once however often they are sent, changed by their author only, seen by whoever sees the study and by nobody
else, told at once, and brought back after a deletion."""
import uuid

import pytest

from lib.cases import LENGTH, World
from lib.signal_client import SignalClient


@pytest.fixture(scope="module")
def world(product):
    return World(product)


@pytest.fixture
def study(world):
    return world.study("COUNTY1")


def body(study, **more):
    return {**LENGTH, "series": study["study_uid"] + ".1", "instance": study["study_uid"] + ".1.1", **more}


def put(world, login, study, id_, fields, **headers):
    return world.client(login).put(f"/api/v1/studies/{study['id']}/measurements/{id_}", json=fields, headers=headers)


def listed(world, login, study):
    return world.client(login).get(f"/api/v1/studies/{study['id']}/measurements").json()["items"]


NEW = {"If-None-Match": "*"}


def test_what_is_drawn_is_there_once(world, study):
    id_ = str(uuid.uuid4())
    for _ in range(2):  # the second time as after a lost answer
        answer = put(world, "county1.doctor", study, id_, body(study), **NEW)
        assert (answer.status_code, answer.headers["ETag"]) == (201, '"1"'), answer.text
    one, = listed(world, "county1.radiographer", study)
    assert one["id"] == id_ and one["points"] == LENGTH["points"] and one["results"] == LENGTH["results"]
    assert not one["mine"] and one["author"]["id"] == world.persons["county1.doctor"] and one["organisation"]["code"] == "COUNTY1"
    assert listed(world, "county1.doctor", study)[0]["mine"]


def test_changed_by_version_deleted_and_brought_back(world, study):
    id_ = world.draw("county1.doctor", study)["id"]
    moved = body(study, points=[[1, 2], [3, 4]])
    assert put(world, "county1.doctor", study, id_, moved).status_code == 428
    assert put(world, "county1.doctor", study, id_, moved, **{"If-Match": '"7"'}).status_code == 412
    assert put(world, "county1.doctor", study, id_, moved, **NEW).status_code == 412
    answer = put(world, "county1.doctor", study, id_, moved, **{"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)
    path = f"/api/v1/studies/{study['id']}/measurements/{id_}"
    assert world.client("county1.doctor").delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert world.client("county1.doctor").delete(path, headers={"If-Match": '"2"'}).status_code == 204
    assert listed(world, "county1.doctor", study) == []
    assert put(world, "county1.doctor", study, id_, moved, **{"If-Match": '"3"'}).status_code == 200
    assert [one["version"] for one in listed(world, "county1.doctor", study)] == [4]


def test_only_its_author_changes_it_and_strangers_find_nothing(world, study):
    id_ = world.draw("county1.doctor", study)["id"]
    for login, status in (("county1.radiographer", 403), ("county2.doctor", 404), ("lead.admin", 404)):
        path = f"/api/v1/studies/{study['id']}/measurements/{id_}"
        assert world.client(login).delete(path, headers={"If-Match": "*"}).status_code == status, login
        changed = put(world, login, study, id_, body(study, label="mine"), **{"If-Match": "*"})
        assert changed.status_code == (403 if status == 403 else 412), login
        fresh = put(world, login, study, uuid.uuid4(), body(study), **NEW)
        assert fresh.status_code == (201 if status == 403 else 404), login
    other = world.study("COUNTY2")
    assert put(world, "county2.doctor", other, id_, body(other), **{"If-Match": "*"}).status_code == 412
    assert put(world, "county2.doctor", other, uuid.uuid4(), body(study), **NEW).status_code == 404


@pytest.mark.parametrize("wrong", [
    {"kind": "volume"}, {"points": [[1, 2]]}, {"points": [[1, 2], [3, "4"]]}, {"points": [[1, 2], [3, 4, 5]]}, {"points": [[1, 2], [1e9, 4]]},
    {"frame": 0}, {"frame": 1.5}, {"frame": 100001}, {"label": "x" * 501}, {"label": 7}, {"instance": "1.2.x"}, {"extra": 1},
    {"results": [{"name": "colour", "value": 1, "unit": "mm"}]}, {"results": [{"name": "length", "value": "1", "unit": "mm"}]},
    {"results": [{"name": "length", "value": 1, "unit": "m" * 17}]}, {"results": {}},
])
def test_what_is_none_is_refused(world, study, wrong):
    answer = put(world, "county1.doctor", study, uuid.uuid4(), body(study, **wrong), **NEW)
    assert answer.status_code == 400, answer.text


def test_another_image_is_none_of_the_study(world, study):
    assert put(world, "county1.doctor", study, uuid.uuid4(), body(study, frame=2), **NEW).status_code == 404
    assert put(world, "county1.doctor", study, uuid.uuid4(), body(study, instance="1.2.3"), **NEW).status_code == 404


def test_each_step_is_in_the_audit_trail(world, study):
    id_ = world.draw("county1.doctor", study)["id"]
    world.client("county1.doctor").delete(f"/api/v1/studies/{study['id']}/measurements/{id_}", headers={"If-Match": "*"})
    rows = world.product.sql("SELECT action, detail ->> 'measurement' FROM consilium.audit WHERE object = %s AND action LIKE 'measurement.%%' "
                             "ORDER BY seq", (study["id"],))
    assert rows == [("measurement.write", id_), ("measurement.delete", id_)]


def test_who_has_the_study_open_is_told_at_once(world, study):
    consult = world.act("lead.specialist", "consults", world.consult(study), "claim")
    peer = SignalClient(world.product, session=world.client("lead.specialist"))
    try:
        world.draw("county1.doctor", study)
        peer.wait_for("changed", kind="measurement", id=study["id"])
    finally:
        peer.close()
    assert [one["mine"] for one in listed(world, "lead.specialist", study)] == [False], consult["id"]
