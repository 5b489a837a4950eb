"""A machine that an administrator named, brought into a room by a doctor: what the people there see of it."""
import pytest

from lib.product import free_ports
from lib.signal_client import SignalClient
from lib.streams import Machine

NAME = "US room 2"


@pytest.fixture(scope="module")
def machine():
    one = Machine()
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def devices(product, machine):
    """Name → id, of the doctor's hospital."""
    product.cli("device", "add", "--org", "COUNTY1", "--name", NAME, "--url", machine.url)
    product.cli("device", "add", "--org", "COUNTY1", "--name", "Switched off", "--url", f"rtsp://root:secret@127.0.0.1:{free_ports(1)[0]}/x")
    listed = product.cli("device", "list").stdout
    assert machine.url in listed and "secret" not in listed
    found = product.login("county1.doctor").get("/api/v1/devices").json()["items"]
    assert all(set(one) == {"id", "name"} for one in found)  # never the address
    return {one["name"]: one["id"] for one in found}


@pytest.fixture
def doctor(product):
    return product.login("county1.doctor")


@pytest.fixture
def room(doctor):
    return doctor.post("/api/v1/rooms", json={"title": "Ultrasound"}).json()["id"]


def test_a_machine_comes_into_the_room_and_goes(product, doctor, room, devices):
    colleague = SignalClient(product, session=product.login("county1.coordinator"))
    colleague.result("room.join", room=room)
    brought = doctor.post(f"/api/v1/rooms/{room}/devices", json={"device": devices[NAME]})
    assert brought.status_code == 201, brought.text
    joined = colleague.wait_for("room.joined")
    assert joined["name"] == NAME == brought.json()["name"] and joined["participant"] == brought.json()["id"]
    tracks = [colleague.wait_for("room.track", state="added", participant=joined["participant"]) for _ in range(2)]
    assert sorted((one["kind"], one["source"]) for one in tracks) == [("audio", "device"), ("video", "device")]
    assert product.sql("SELECT detail->>'room' FROM consilium.audit WHERE action = 'device.bring' AND object = %s", [devices[NAME]]) == [(room,)]
    # anybody of the machine's hospital may send it away
    place = brought.headers["Location"]
    assert product.login("county2.doctor").delete(place).status_code == 404
    assert product.login("county1.coordinator").delete(place).status_code == 204
    assert colleague.wait_for("room.left")["participant"] == joined["participant"]
    assert doctor.delete(place).status_code == 404
    colleague.close()


def test_it_leaves_with_the_last_person(product, doctor, room, devices):
    person = SignalClient(product, session=doctor)
    person.result("room.join", room=room)
    place = doctor.post(f"/api/v1/rooms/{room}/devices", json={"device": devices[NAME]}).headers["Location"]
    person.result("room.leave", room=room)
    assert doctor.delete(place).status_code == 404
    assert len(person.result("room.join", room=room)["participants"]) == 1
    person.close()


def test_who_may_not_and_what_is_not_there(product, doctor, room, devices):
    def bring(client, device):
        return client.post(f"/api/v1/rooms/{room}/devices", json={"device": device}).status_code

    assert bring(doctor, devices[NAME]) == 409  # nobody is there to see it
    person = SignalClient(product, session=doctor)
    person.result("room.join", room=room)
    refused = doctor.post(f"/api/v1/rooms/{room}/devices", json={"device": devices["Switched off"]})
    assert refused.status_code == 503 and "secret" not in refused.text  # the machine's password is in its address
    assert bring(doctor, room) == 404 and bring(doctor, "nonsense") == 400
    stranger = product.login("county2.doctor")
    assert bring(stranger, devices[NAME]) == 404  # another hospital's device
    assert stranger.get("/api/v1/devices").json()["items"] == []
    product.cli("device", "add", "--org", "COUNTY2", "--name", "Own", "--url", "rtsp://127.0.0.1:1/x")
    own = stranger.get("/api/v1/devices").json()["items"][0]["id"]
    assert bring(stranger, own) == 404  # the room of other people
    assert len(person.result("room.join", room=room)["participants"]) == 1  # what failed left nothing behind
    assert "secret" not in product.logs()
    person.close()
