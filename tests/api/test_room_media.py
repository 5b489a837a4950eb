"""The media side of rooms through signaling: offers and answers, and what a killed media worker costs. No media flows here."""
import time

import pytest
from lib import sdp
from lib.product import wait_until
from lib.signal_client import SignalClient


@pytest.fixture
def two(product, login):
    """Two people of one hospital in a room: (doctor, colleague, room)."""
    session = login("county1.doctor")
    room = session.post("/api/v1/rooms", json={"title": "Media"}).json()["id"]
    doctor = SignalClient(product, session=session)
    colleague = SignalClient(product, session=login("county1.coordinator"))
    for peer in (doctor, colleague):
        assert peer.result("room.join", room=room)["media"] == "ready"
    yield doctor, colleague, room
    doctor.close()
    colleague.close()


def publish(peer, room):
    offer, _ = sdp.offer()
    return peer.result("room.publish", room=room, sdp=offer, sources={"0": "microphone", "1": "camera"})


def take_offer(peer, room):
    """The next offer of the hub, answered."""
    number, params = peer.wait_request("room.offer")
    assert params["room"] == room
    peer.answer(number, version=params["version"], sdp=sdp.answer(params["sdp"]))
    return params


def test_tracks_of_one_are_offered_to_the_other(two):
    doctor, colleague, room = two
    published = publish(doctor, room)
    assert published["sdp"].startswith("v=0")
    assert {t["kind"]: t["source"] for t in published["tracks"]} == {"audio": "microphone", "video": "camera"}
    for _ in range(2):
        assert colleague.wait_for("room.track", state="added")["track"] in [t["track"] for t in published["tracks"]]

    colleague.result("room.subscribe", room=room)
    offered = take_offer(colleague, room)
    assert {t["track"] for t in offered["tracks"].values()} == {t["track"] for t in published["tracks"]}

    doctor.result("room.unpublish", room=room)
    for _ in range(2):
        colleague.wait_for("room.track", state="removed")
    assert take_offer(colleague, room)["version"] > offered["version"]


def test_bad_sdp_is_refused_and_nothing_stays(two):
    doctor, _, room = two
    assert doctor.refusal("room.publish", room=room, sdp="v=0\r\nnonsense") == "invalid"
    assert doctor.refusal("room.publish", room=room, sdp="") == "invalid"
    assert doctor.refusal("room.publish", room=room, sdp="v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" * 65) == "too-large"
    assert len(publish(doctor, room)["tracks"]) == 2


def test_ice_restart_of_both_sides(two):
    doctor, colleague, room = two
    publish(doctor, room)
    again, _ = sdp.offer()
    assert doctor.result("room.restart", room=room, side="publish", sdp=again)["sdp"].startswith("v=0")
    colleague.result("room.subscribe", room=room)
    first = take_offer(colleague, room)["sdp"]
    colleague.result("room.restart", room=room, side="subscribe")
    second = take_offer(colleague, room)["sdp"]

    def ufrag(text):
        return next(line for line in text.splitlines() if line.startswith("a=ice-ufrag:"))

    assert ufrag(first) != ufrag(second)


def test_mute_reaches_the_others(two):
    doctor, colleague, room = two
    track = publish(doctor, room)["tracks"][0]["track"]
    doctor.result("room.mute", room=room, track=track, muted=True)
    colleague.wait_for("room.track", track=track, state="muted")
    assert colleague.refusal("room.mute", room=room, track=track, muted=False) == "not-found"


def test_a_killed_media_worker_costs_less_than_three_seconds(two, product):
    """kill -9: browsers are told, and can publish again within 3 s, without joining again."""
    doctor, colleague, room = two
    publish(doctor, room)
    product.kill("media")
    killed = time.monotonic()
    for peer in (doctor, colleague):
        peer.wait_for("room.media", room=room, state="lost", seconds=3)
    for peer in (doctor, colleague):
        peer.wait_for("room.media", room=room, state="ready", seconds=3)
    assert len(publish(doctor, room)["tracks"]) == 2
    colleague.result("room.subscribe", room=room)
    assert len(take_offer(colleague, room)["tracks"]) == 2
    assert time.monotonic() - killed < 3
    wait_until(product.is_ready, 10, "readiness")
