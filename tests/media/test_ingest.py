"""A machine that speaks RTSP, in a room: what it sends is recorded there, and it is found again after it was off."""
import concurrent.futures
import subprocess
import time
import uuid

import pytest

from lib.played_hub import PlayedHub, RpcError
from lib.product import ROOT, free_ports, wait_until
from lib.streams import Machine, decode


def some_id():
    return str(uuid.uuid4())


@pytest.fixture
def machine():
    one = Machine()
    one.start()
    yield one
    one.stop()


@pytest.fixture
def hub(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "recordings").mkdir()
    (tmp_path / "consilium.conf").write_text(f"[hub]\nhost=127.0.0.1\n[media]\nport={free_ports(1)[0]}\n")
    with PlayedHub(str(tmp_path / "run/hub.sock")) as played, open(tmp_path / "log", "w") as log:
        worker = subprocess.Popen([str(ROOT / "build/bin/consilium-media"), "--data", str(tmp_path)], stderr=log)
        assert played.ready.wait(20), (tmp_path / "log").read_text()
        played.recordings = tmp_path / "recordings"
        played.log = lambda: (tmp_path / "log").read_text()
        yield played
        print(played.log())
        worker.terminate()
        assert worker.wait(20) == 0, played.log()


def record(hub, room):
    recording = some_id()
    hub.call("record.start", room=room, recording=recording, directory=str(hub.recordings / recording))
    return recording


def recorded(hub, recording):
    return sum(path.stat().st_size for path in (hub.recordings / recording).glob("*.journal"))


def record_for(hub, recording, seconds):
    """Lets a recording run for a while after its first packets, so that keyframes are in it."""
    wait_until(lambda: recorded(hub, recording) > 5_000, 20, "the first recorded packets")
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, seconds + 5, "time to pass")


def test_a_machines_picture_and_sound_are_in_the_room(hub, machine):
    room, device = some_id(), some_id()
    tracks = hub.call("ingest.start", _timeout=20, room=room, participant=some_id(), ingest=device, url=machine.url, name="US")["tracks"]
    assert sorted((one["kind"], one["source"]) for one in tracks) == [("audio", "device"), ("video", "device")]
    recording = record(hub, room)
    record_for(hub, recording, 5)
    files = hub.call("record.stop", _timeout=60, recording=recording)["files"]
    assert [one["mime"] for one in files] == ["video/mp4"]  # H.264 as the machine made it
    path = hub.recordings / recording / files[0]["file"]
    video, audio = decode(path, "video"), decode(path, "audio")
    assert video.buffers > 15 and audio.buffers > 50
    assert abs(video.seconds - audio.seconds) < 2  # the picture begins with the first keyframe, one a second
    hub.call("ingest.stop", ingest=device)
    with pytest.raises(RpcError) as error:
        hub.call("ingest.stop", ingest=device)
    assert error.value.name == "not-found"


def test_it_comes_back_after_it_was_off(hub, machine):
    room = some_id()
    hub.call("ingest.start", _timeout=20, room=room, participant=some_id(), ingest=some_id(), url=machine.url, name="US")
    recording = record(hub, room)
    record_for(hub, recording, 1)
    machine.stop()
    wait_until(lambda: "device lost" in hub.log(), 20, "that the loss is noticed")
    before = recorded(hub, recording)
    machine.start()
    wait_until(lambda: recorded(hub, recording) > before + 20_000, 30, "packets of the same tracks again")
    assert len(list((hub.recordings / recording).glob("*.journal"))) == 2


def test_wrong_addresses_are_errors(hub):
    for url, name in (("http://127.0.0.1/", "invalid"), ("file:///etc/passwd", "invalid"),
                      (f"rtsp://127.0.0.1:{free_ports(1)[0]}/none", "unavailable")):
        with pytest.raises(RpcError) as error:
            hub.call("ingest.start", _timeout=20, room=some_id(), participant=some_id(), ingest=some_id(), url=url, name="x")
        assert error.value.name == name, url


def test_a_recording_stays_in_its_place(hub):
    for directory in ("/tmp", "../x", str(hub.recordings), str(hub.recordings / "x"), str(hub.recordings / "../recordings" / some_id())):
        with pytest.raises(RpcError) as error:
            hub.call("record.start", room=some_id(), recording=some_id(), directory=directory)
        assert error.value.name == "invalid"


def test_a_recording_is_finished_once_whoever_asks(hub, machine):
    """What a hub that has died in between asks for: nothing runs beside each other, and nothing begins anew."""
    room = some_id()
    hub.call("ingest.start", _timeout=20, room=room, participant=some_id(), ingest=some_id(), url=machine.url, name="US")
    recording = record(hub, room)
    directory = str(hub.recordings / recording)
    record_for(hub, recording, 2)
    journals = len(list((hub.recordings / recording).glob("*.journal")))
    hub.call("record.start", room=room, recording=recording, directory=directory)
    assert len(list((hub.recordings / recording).glob("*.journal"))) == journals == 2
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(hub.call, method, _timeout=60, recording=recording, **more) for method, more in (
            ("record.repair", {"directory": directory}), ("record.stop", {}), ("record.repair", {"directory": directory}))]
        answers = [one.result()["files"] for one in asked]
    assert answers[0] and answers[0] == answers[1] == answers[2]
    assert hub.call("record.stop", _timeout=60, recording=recording)["files"] == answers[0]
    with pytest.raises(RpcError) as error:
        hub.call("record.start", room=room, recording=recording, directory=directory)
    assert error.value.name == "conflict"
    with pytest.raises(RpcError) as error:
        hub.call("record.stop", recording=some_id())
    assert error.value.name == "not-found"


def test_a_hub_that_comes_back_finds_its_recordings_and_no_devices(hub, machine):
    room, device = some_id(), some_id()
    hub.call("ingest.start", _timeout=20, room=room, participant=some_id(), ingest=device, url=machine.url, name="US")
    recording = record(hub, room)
    record_for(hub, recording, 2)
    hub.lose()
    assert hub.call("media.stats")["tracks"] == 0
    hub.call("ingest.start", _timeout=20, room=room, participant=some_id(), ingest=device, url=machine.url, name="US")
    wait_until(lambda: len(list((hub.recordings / recording).glob("*.journal"))) == 4, 10, "the machine's new tracks in the same recording")
    record_for(hub, recording, 2)
    files = hub.call("record.stop", _timeout=60, recording=recording)["files"]
    assert len(files) == 2 and all(decode(hub.recordings / recording / one["file"], "video").seconds > 1 for one in files)
