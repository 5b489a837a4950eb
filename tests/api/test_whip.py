"""WHIP (RFC 9725) and WHEP: status codes, headers and permissions. That media flows is tested in tests/media and tests/e2e."""
import uuid

import pytest
from lib import sdp
from lib.product import wait_until

SDP, FRAGMENT = {"Content-Type": "application/sdp"}, "application/trickle-ice-sdpfrag"


@pytest.fixture
def api(product):
    return product.bearer("county1.doctor", "api")


@pytest.fixture
def room(api):
    answer = api.post("/api/v1/rooms", json={"title": "WHIP"})
    assert answer.status_code == 201
    return answer.json()


def offer_for(word):
    return sdp.offer(direction="sendonly" if word == "whip" else "recvonly")


both = pytest.mark.parametrize("word", ["whip", "whep"])


@both
def test_one_session_from_post_to_delete(product, api, room, word):
    offer, credentials = offer_for(word)
    opened = api.post(room[f"{word}_url"], data=offer, headers={"Content-Type": "application/sdp; charset=utf-8"})
    assert opened.status_code == 201, opened.text
    assert opened.headers["Content-Type"].startswith("application/sdp")
    assert opened.text.startswith("v=0") and "a=ice-lite" in opened.text and "a=fingerprint:sha-256" in opened.text
    assert f" {product.rtc_port} typ host" in opened.text
    assert opened.text.count("m=") == 2
    resource, etag = opened.headers["Location"], opened.headers["ETag"]
    assert etag.startswith('"') and f"/{word}/{room['id']}/" in resource

    patch = {"Content-Type": FRAGMENT}
    trickle = sdp.fragment(credentials)
    assert api.patch(resource, data=trickle, headers=patch).status_code == 428
    assert api.patch(resource, data=trickle, headers={**patch, "If-Match": '"another"'}).status_code == 412
    assert api.patch(resource, data=trickle, headers={"If-Match": etag, "Content-Type": "text/plain"}).status_code == 415
    assert api.patch(resource, data=trickle, headers={**patch, "If-Match": etag}).status_code == 204

    restart = api.patch(resource, data=sdp.fragment(sdp.new_credentials()), headers={**patch, "If-Match": "*"})
    assert restart.status_code == 200, restart.text
    assert restart.headers["Content-Type"].startswith(FRAGMENT)
    assert "a=ice-ufrag:" in restart.text and restart.headers["ETag"] != etag
    assert api.patch(resource, data=trickle, headers={**patch, "If-Match": etag}).status_code == 412

    assert api.get(resource).status_code == 405
    assert api.delete(resource).status_code == 200
    assert api.delete(resource).status_code == 404
    assert api.patch(resource, data=trickle, headers={**patch, "If-Match": etag}).status_code == 404


@both
def test_refusals(product, api, room, word):
    offer, _ = offer_for(word)
    url = f"/{word}/{room['id']}"
    nobody = product.client().post(url, data=offer, headers=SDP)
    assert nobody.status_code == 401 and "Bearer" in nobody.headers["WWW-Authenticate"]
    assert product.bearer("county1.doctor", "dicomweb").post(url, data=offer, headers=SDP).status_code == 403
    assert api.post(url, data=offer, headers={"Content-Type": "text/plain"}).status_code == 415
    assert api.post(url, data=offer).status_code == 415
    for bad in ("", "hello", "v=0\r\n", "v=0\r\nm=nonsense\r\n", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n"):
        assert api.post(url, data=bad, headers=SDP).status_code == 400, bad
    assert api.post(url, data=offer + "a=x:" + "y" * 65536, headers=SDP).status_code == 413
    assert api.post(url, data=offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 64, headers=SDP).status_code in (400, 413)
    assert api.get(url).status_code == 405
    assert api.put(url, data=offer, headers=SDP).status_code == 405


@both
def test_no_common_codec_is_406(api, room, word):
    strange = {"audio": [("100", "speex/8000", None)], "video": [("101", "theora/90000", None)]}
    offer, _ = sdp.offer(direction="sendonly" if word == "whip" else "recvonly", codecs=strange)
    assert api.post(f"/{word}/{room['id']}", data=offer, headers=SDP).status_code == 406


@both
def test_a_room_that_one_may_not_join_does_not_exist(product, room, word):
    """The same 404 and one audit row, for a room of others and for none."""
    stranger = product.bearer("county2.doctor", "api")
    offer, _ = offer_for(word)
    for number in (room["id"], str(uuid.uuid4())):
        answer = stranger.post(f"/{word}/{number}", data=offer, headers=SDP)
        assert answer.status_code == 404
        rows = product.sql("SELECT count(*) FROM consilium.audit WHERE action = 'room.join' AND object = %s AND organisation = "
                           "(SELECT id FROM consilium.organisation WHERE code = 'COUNTY2')", (number,))
        assert rows[0][0] == 1


def test_the_resource_is_its_owner_s(product, api, room):
    offer, _ = offer_for("whip")
    resource = api.post(f"/whip/{room['id']}", data=offer, headers=SDP).headers["Location"]
    for login in ("county1.coordinator", "county2.doctor"):
        assert product.bearer(login, "api").delete(resource).status_code == 404
    assert api.delete(resource.replace("/whip/", "/whep/")).status_code == 404
    assert api.delete(resource).status_code == 200


def test_options_of_a_publisher(product):
    answer = product.client().options(f"/whip/{uuid.uuid4()}")
    assert answer.status_code == 204 and "POST" in answer.headers["Allow"]
    assert answer.headers["Accept-Post"] == "application/sdp"


def test_a_revoked_token_ends_the_stream(product, room):
    """Within 5 seconds, seen by the others as leaving."""
    token = product.token("county1.coordinator", "api", days=1)
    client = product.client()
    client.headers["Authorization"] = "Bearer " + token
    offer, _ = offer_for("whip")
    assert client.post(f"/whip/{room['id']}", data=offer, headers=SDP).status_code == 201

    def participants():
        metrics = product.client().get("/metrics").text
        return float(next(line.split()[-1] for line in metrics.splitlines() if line.startswith("consilium_participants ")))

    before = participants()
    product.sql("UPDATE consilium.token SET revoked_at = now() WHERE secret_hash = encode(sha256(%s::bytea), 'hex')", (token,))
    wait_until(lambda: participants() == before - 1, 5, "the end of the stream")
