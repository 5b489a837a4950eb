"""Recording through the product: a teacher publishes by WHIP, the lesson is recorded, the file plays; also when the media
worker or the hub is killed in the middle."""
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from lib.product import PASSWORD, wait_until
from lib.signal_client import SignalClient
from lib.streams import decode, levels, rises

PUBLISHER = pathlib.Path(__file__).resolve().parents[1] / "lib/whip_publisher.py"
SYNC_S = 0.08  # a picture lasts 40 ms, a piece of sound 20 ms


class Lesson:
    """A live teaching session of lead.teacher with the speaker's consent."""

    def __init__(self, product):
        self.product = product
        self.client = product.login("lead.teacher")
        self.publisher = None
        self.recorded = set()  # names of journals whose tracks have been waited for
        answer = self.client.post("/api/v1/teaching", json={"title": "recorded"})
        assert answer.status_code == 201, answer.text
        self.session = answer.json()
        for action in ("publish", "start", "consent"):
            self.act(action)

    def act(self, action):
        answer = self.client.post(f"/api/v1/teaching/{self.session['id']}/actions/{action}", json={},
                                  headers={"If-Match": f'"{self.session["version"]}"'})
        assert answer.status_code == 200, f"{action}: {answer.text}"
        self.session = answer.json()

    def reload(self):
        self.session = self.client.get(f"/api/v1/teaching/{self.session['id']}").json()
        return self.session

    def publish(self):
        self.unpublish()
        self.publisher = subprocess.Popen(
            ["/usr/bin/python3", str(PUBLISHER), f"{self.product.url}/whip/{self.session['room']}",
             self.product.token("lead.teacher", "api")], stdout=subprocess.PIPE, text=True)
        word, skew = self.publisher.stdout.readline().split()
        assert word == "connected"
        return float(skew)

    def unpublish(self):
        if self.publisher:
            self.publisher.kill()
            self.publisher.wait()

    def recording(self):
        recordings = self.reload()["recordings"]
        assert len(recordings) <= 1
        return recordings[0] if recordings else None

    def state(self):
        return self.recording()["state"]

    def ready(self):
        recording = self.recording()
        assert recording["state"] != "failed"
        return recording if recording["state"] == "ready" else None

    def folder(self):
        return self.product.data / "recordings" / self.recording()["id"]

    def journals(self):
        return {path.name: path.stat().st_size for path in self.folder().glob("*.journal")}

    def record_for(self, seconds):
        """Waits until new tracks have been recorded for a while; how long exactly the packets tell, not this wait."""

        def begun():
            return [name for name, size in self.journals().items() if name not in self.recorded and size > 20_000]

        wait_until(begun, 20, "the first recorded packets")
        began = time.monotonic()
        wait_until(lambda: time.monotonic() - began > seconds, seconds + 5, "time to pass")
        self.recorded |= set(self.journals())
        return time.monotonic() - began

    def download(self, folder):
        files = wait_until(self.ready, 60, "the recording")["files"]
        paths = []
        for one in files:
            answer = self.client.get(one["url"])
            assert answer.status_code == 200 and answer.headers["Content-Type"] == one["mime"]
            assert len(answer.content) == one["bytes"]
            path = folder / one["file"]
            path.write_bytes(answer.content)
            paths.append(path)
        return files, paths

    def lamp(self):
        """What somebody who comes into the room is told."""
        peer = SignalClient(self.product, session=self.product.login("county2.doctor"))
        try:
            return peer.result("room.join", room=self.session["room"])["recording"]
        finally:
            peer.close()


@pytest.fixture
def lesson(product):
    one = Lesson(product)
    one.skew = one.publish()
    yield one
    one.unpublish()
    one.reload()
    one.act("end")


def lasts(path, seconds):
    """Both streams decode to their end and last at least so long."""
    video, audio = decode(path, "video"), decode(path, "audio")
    assert video.seconds > seconds and audio.seconds > seconds, (video.seconds, audio.seconds, seconds)
    return video, audio


def in_sync(path, skew):
    """The picture is inverted when a tone begins, as the publisher does it."""
    brightness = levels(path, "video")
    inverted = rises(brightness, 100, 155) + rises(brightness, 155, 100)
    tones = rises(levels(path, "audio"), 1000, 8000)
    assert inverted and len(tones) >= 2, (inverted, tones)
    heard = [one - skew for one in inverted if tones[0] - SYNC_S < one - skew < tones[-1] + SYNC_S]
    assert heard and all(min(abs(one - tone) for tone in tones) < SYNC_S for one in heard), (inverted, tones, skew)


def test_a_lesson_is_recorded_and_plays(product, lesson, tmp_path):
    lesson.act("record")
    took = lesson.record_for(4)
    lesson.act("stop")
    files, paths = lesson.download(tmp_path)
    assert [one["mime"] for one in files] == ["video/webm"]
    video, audio = lasts(paths[0], took - 1)
    assert video.buffers > 25 * (took - 1) * 0.8 and video.seconds < took + 6
    assert abs(video.seconds - audio.seconds) < 1
    in_sync(paths[0], lesson.skew)
    assert b"\x1c\x53\xbb\x6b" in paths[0].read_bytes()  # cues: seeking works

    part = lesson.client.get(files[0]["url"], headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == paths[0].read_bytes()[100:200]
    assert not list(lesson.folder().glob("*.journal")) and not list(lesson.folder().glob("*.part"))


def stranger(product):
    """A doctor of a hospital in another consortium."""
    product.cli("org", "add", "--code", "FAR", "--name", "Hospital Jauh", "--kind", "county", "--consortium", "Jauh")
    product.cli("user", "add", "--login", "far.doctor", "--org", "FAR", "--name", "Dr Jauh", "--role", "doctor", input=PASSWORD + "\n")
    return product.login("far.doctor")


def test_members_play_it_and_nobody_from_outside(product, lesson):
    lesson.act("record")
    lesson.record_for(1)
    lesson.act("stop")
    recording = wait_until(lesson.ready, 60, "the recording")
    url = recording["files"][0]["url"]
    assert product.login("county2.doctor").get(url, headers={"Range": "bytes=0-0"}).status_code == 206
    assert product.client().get(url).status_code == 401
    far = stranger(product)
    for path in (url, f"/api/v1/recordings/{recording['id']}", f"/api/v1/teaching/{lesson.session['id']}"):
        assert far.get(path).status_code == 404
    assert lesson.client.get(f"/api/v1/recordings/{recording['id']}/files/..%2frecording.json").status_code in (400, 404)
    assert lesson.client.get(f"/api/v1/recordings/{recording['id']}/files/recording.json").status_code == 404


def test_media_killed_in_the_middle_it_keeps_all_but_the_last_second_and_goes_on(product, lesson, tmp_path):
    lesson.act("record")
    took = lesson.record_for(4)
    product.kill("media")
    wait_until(product.is_ready, 20, "the product")
    lesson.publish()
    again = lesson.record_for(2)
    assert lesson.state() == "recording" and lesson.lamp() == lesson.recording()["id"]
    lesson.act("stop")
    files, paths = lesson.download(tmp_path)
    assert len(files) == 2
    (_, first), (_, second) = sorted(zip((one["started_at"] for one in files), paths))
    lasts(first, took - 1)
    lasts(second, again - 1)
    in_sync(first, lesson.skew)
    assert lesson.lamp() is None


def test_media_killed_while_it_finishes_the_next_one_repairs(product, lesson, tmp_path):
    lesson.act("record")
    took = lesson.record_for(2)
    os.kill(product.pids("media")[0], signal.SIGSTOP)  # it will not see the end
    stopping = threading.Thread(target=lesson.client.post, args=(f"/api/v1/teaching/{lesson.session['id']}/actions/stop",),
                                kwargs={"json": {}, "headers": {"If-Match": f'"{lesson.session["version"]}"'}})
    stopping.start()
    wait_until(lambda: product.sql("SELECT 1 FROM consilium.recording WHERE state = 'finalising'"), 10, "the stop")
    product.kill("media")
    stopping.join(30)
    _, paths = lesson.download(tmp_path)
    lasts(paths[0], took - 1)


def test_hub_killed_in_the_middle_the_recording_goes_on(product, lesson, tmp_path):
    lesson.act("record")
    took = lesson.record_for(2)
    media = product.pids("media")
    product.kill("hub")
    wait_until(product.is_ready, 20, "the product")
    lesson.publish()
    again = lesson.record_for(2)
    assert product.pids("media") == media, "the worker was to survive"
    assert lesson.state() == "recording" and lesson.lamp() == lesson.recording()["id"]
    lesson.act("stop")
    files, paths = lesson.download(tmp_path)
    assert len(files) == 2
    for path in paths:
        lasts(path, min(took, again) - 1)
