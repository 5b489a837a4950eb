"""Signaling as browsers see it (signaling/README.md, section 1), without media."""
import uuid

import pytest
import websockets
from lib.product import wait_until
from lib.signal_client import SignalClient


@pytest.fixture
def connect(product):
    """connect("county1.doctor") → SignalClient with a fresh session; closed after the test."""
    opened = []

    def make(login, session=None, **options):
        client = SignalClient(product, session=session or product.login(login), **options)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def meeting(login):
    """A meeting room of county1.doctor."""
    answer = login("county1.doctor").post("/api/v1/rooms", json={"title": "Test"})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def status_of_refusal(product, **options):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        SignalClient(product, **options)
    return refused.value.status_code


def test_without_credentials_401(product):
    assert status_of_refusal(product) == 401


def test_cookie_needs_the_exact_origin(product, login):
    session = login("county1.doctor")
    for origin in ("https://evil.example", product.url.replace("https", "http"), product.url + "0", "null", None):
        assert status_of_refusal(product, session=session, origin=origin) == 403, origin


def test_other_paths_do_not_upgrade(product, login):
    assert status_of_refusal(product, session=login("county1.doctor"), path="/other") in (400, 404)


def test_bearer_token_needs_no_origin(product):
    peer = SignalClient(product, token=product.token("county1.doctor", "api"), origin=None)
    assert peer.welcome["person"]
    peer.close()


def test_bad_token_is_closed_as_signed_out(product):
    peer = SignalClient(product, token="no-such-token", origin=None, hello=False)
    assert peer.wait_closed()[0] == 4001


def test_token_without_scope_api_is_closed(product):
    peer = SignalClient(product, token=product.token("county1.doctor", "dicomweb"), origin=None, hello=False)
    assert peer.wait_closed()[0] == 4001


def test_hello_comes_first(connect):
    peer = connect("county1.doctor", hello=False)
    assert peer.refusal("presence.list") == "conflict"
    assert peer.result("hello", version=1)["resumed"] is False
    assert peer.refusal("hello", version=1) == "conflict"
    assert peer.refusal("no.such.method") == "method"


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"jsonrpc":"2.0"}', '{"jsonrpc":"1.0","method":"hello","id":1}'])
def test_what_is_no_message_closes_the_connection(connect, text):
    peer = connect("county1.doctor")
    peer.send_text(text)
    assert peer.wait_closed()[0] == 4002


def test_too_long_a_message_closes_the_connection(connect):
    peer = connect("county1.doctor")
    peer.send_text(" " * (1024 * 1024 + 1))
    assert peer.wait_closed()[0] == 4002


def test_join_say_leave(connect, product, login, meeting):
    """Two people of one hospital in a room: both see each other, and what is said is stored with the room."""
    doctor, colleague = connect("county1.doctor"), connect("county1.coordinator")
    first = doctor.result("room.join", room=meeting)
    assert first["role"] == "host" and len(first["participants"]) == 1
    second = colleague.result("room.join", room=meeting)
    assert second["role"] == "participant" and len(second["participants"]) == 2
    joined = doctor.wait_for("room.joined", room=meeting)
    assert joined["participant"] == second["participant"] and joined["organisation"]["code"] == "COUNTY1" and joined["name"]

    said = colleague.result("room.say", room=meeting, text="看看第三张 – boleh?")
    heard = doctor.wait_for("room.message", message=said["message"])
    assert heard["text"] == "看看第三张 – boleh?"
    stored = login("county1.doctor").get(f"/api/v1/rooms/{meeting}/messages").json()["items"]
    assert [m["id"] for m in stored] == [said["message"]]

    colleague.result("room.leave", room=meeting)
    assert doctor.wait_for("room.left", room=meeting)["reason"] == "left"
    assert colleague.refusal("room.say", room=meeting, text="x") == "not-found"


def test_rooms_of_others_do_not_exist(connect, product, meeting):
    """The same answer for a room that one may not see and for none, with an audit row each."""
    stranger = connect("county2.doctor")
    for room in (meeting, str(uuid.uuid4())):
        assert stranger.refusal("room.join", room=room) == "not-found"
        rows = product.sql("SELECT count(*) FROM consilium.audit a JOIN consilium.person p ON p.id = a.person "
                           "WHERE p.login = 'county2.doctor' AND a.action = 'room.join' AND a.object = %s", (room,))
        assert rows[0][0] == 1
    assert stranger.refusal("room.join", room="../etc") == "not-found"


def test_comes_back_after_a_lost_network(connect, product, meeting):
    """Membership survives: the others notice nothing, and the one who returns is told who is there."""
    doctor, colleague = connect("county1.doctor"), connect("county1.coordinator")
    doctor.result("room.join", room=meeting)
    mine = colleague.result("room.join", room=meeting)["participant"]
    secret = colleague.welcome["resume"]
    colleague.drop()
    back = connect("county1.coordinator", resume=secret)
    assert back.welcome["resumed"] is True
    assert [r["participant"] for r in back.welcome["rooms"]] == [mine]
    back.result("room.say", room=meeting, text="back")
    doctor.wait_for("room.message", text="back")
    assert not [1 for method, _ in doctor.notifications if method == "room.left"]


def test_resume_secret_is_of_no_use_to_another_person(connect):
    doctor = connect("county1.doctor")
    thief = connect("county2.doctor", resume=doctor.welcome["resume"])
    assert thief.welcome["resumed"] is False and doctor.closed is None


def test_signing_out_closes_the_socket(connect, product, meeting):
    session = product.login("county1.coordinator")
    peer, witness = connect("", session=session), connect("county1.doctor")
    witness.result("room.join", room=meeting)
    peer.result("room.join", room=meeting)
    assert session.delete("/api/v1/session").status_code == 204
    assert peer.wait_closed(5)[0] == 4001
    assert witness.wait_for("room.left", seconds=5)["reason"] == "signed-out"


def test_disabled_person_loses_sockets(connect, product):
    """A revoked token or a disabled person is out within 5 seconds."""
    token = product.token("panel1.coordinator", "api", days=1)
    peer = SignalClient(product, token=token, origin=None)
    product.sql("UPDATE consilium.token SET revoked_at = now() WHERE person = "
                "(SELECT id FROM consilium.person WHERE login = 'panel1.coordinator')")
    assert peer.wait_closed(5)[0] == 4001


def test_presence_of_own_organisation(connect):
    doctor = connect("county1.doctor")
    doctor.result("presence.list")
    colleague = connect("county1.radiographer")
    person = colleague.welcome["person"]
    doctor.wait_for("presence", person=person, online=True)
    assert person in doctor.result("presence.list")["online"]
    stranger = connect("county2.doctor")
    assert person not in stranger.result("presence.list")["online"]
    colleague.close()


def test_too_many_rooms(connect, login):
    session = login("county1.doctor")
    peer = connect("county1.doctor")
    rooms = [session.post("/api/v1/rooms", json={"title": str(n)}).json()["id"] for n in range(9)]
    for room in rooms[:8]:
        peer.result("room.join", room=room)
    assert peer.refusal("room.join", room=rooms[8]) == "limit"
    peer.result("room.join", room=rooms[0])  # once more is no new one


def test_hub_restart_closes_with_a_reason_and_peers_return(start_product):
    product = start_product()
    peer = SignalClient(product, session=product.login("county1.doctor"))
    product.kill("hub", 15)
    assert peer.wait_closed(10)[0] in (1001, 1006)
    wait_until(product.is_ready, 20, "readiness after the hub's restart")
    again = SignalClient(product, session=product.login("county1.doctor"))
    assert again.welcome["person"] == peer.welcome["person"]


def test_database_restart_is_survived(start_product):
    """The socket stays; what may have been missed is announced; work goes on."""
    product = start_product()
    session = product.login("county1.doctor")
    peer = SignalClient(product, session=session)
    product.kill("database")
    peer.wait_for("changed", seconds=20, kind="all")
    wait_until(product.is_ready, 20, "readiness after the database's restart")
    room = session.post("/api/v1/rooms", json={"title": "after"}).json()["id"]
    assert peer.result("room.join", room=room)["title"] == "after"
