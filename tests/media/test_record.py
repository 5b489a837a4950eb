"""Recording through the product: a teacher publishes by WHIP, the lesson is recorded, the file plays; also when the media
worker is killed in the middle."""
import pathlib
import subprocess
import time

import pytest

from lib.product import wait_until
from lib.streams import decode

PUBLISHER = pathlib.Path(__file__).resolve().parents[1] / "lib/whip_publisher.py"


class Lesson:
    """A live teaching session of lead.teacher with the speaker's consent."""

    def __init__(self, product):
        self.product = product
        self.client = product.login("lead.teacher")
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

    def publish(self):
        process = subprocess.Popen(["/usr/bin/python3", str(PUBLISHER), f"{self.product.url}/whip/{self.session['room']}",
                                    self.product.token("lead.teacher", "api")], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "connected\n"
        return process

    def recording(self):
        recordings = self.client.get(f"/api/v1/teaching/{self.session['id']}").json()["recordings"]
        return recordings[0] if recordings else None

    def ready(self):
        recording = self.recording()
        return recording if recording and recording["state"] == "ready" else None

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


@pytest.fixture
def lesson(product):
    one = Lesson(product)
    publisher = one.publish()
    yield one
    publisher.kill()
    publisher.wait()
    one.client.post(f"/api/v1/teaching/{one.session['id']}/actions/end", json={}, headers={"If-Match": f'"{one.session["version"]}"'})


def recorded_bytes(product):
    return sum(path.stat().st_size for path in (product.data / "recordings").glob("*/*.journal"))


def record_for(product, seconds):
    """Waits until a recording has been running for a while; its length comes from the packets, not from this wait."""
    wait_until(lambda: recorded_bytes(product) > 30_000, 20, "the first recorded packets")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > seconds, seconds + 5, "time to pass")
    return time.monotonic() - began


def test_a_lesson_is_recorded_and_plays(product, lesson, tmp_path):
    lesson.act("record")
    took = record_for(product, 6)
    lesson.act("stop")
    files, paths = lesson.download(tmp_path)
    assert [one["mime"] for one in files] == ["video/webm"]
    video, audio = decode(paths[0], "video"), decode(paths[0], "audio")
    assert video.buffers > 15 * 4 and took - 2 < video.seconds < took + 6
    assert abs(video.seconds - audio.seconds) < 1
    assert b"\x1c\x53\xbb\x6b" in paths[0].read_bytes()  # cues: seeking works

    part = lesson.client.get(files[0]["url"], headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.content == paths[0].read_bytes()[100:200]
    folder = product.data / "recordings" / lesson.recording()["id"]
    assert not list(folder.glob("*.journal")) and not list(folder.glob("*.part"))


def test_members_play_it_and_nobody_from_outside(product, lesson):
    lesson.act("record")
    record_for(product, 1)
    lesson.act("stop")
    recording = wait_until(lesson.ready, 60, "the recording")
    url = recording["files"][0]["url"]
    assert product.login("county2.doctor").get(url, headers={"Range": "bytes=0-0"}).status_code == 206
    assert product.client().get(url).status_code == 401
    assert lesson.client.get(f"/api/v1/recordings/{recording['id']}/files/..%2frecording.json").status_code in (400, 404)
    assert lesson.client.get(f"/api/v1/recordings/{recording['id']}/files/recording.json").status_code == 404


def test_killed_in_the_middle_it_keeps_all_but_the_last_second(product, lesson, tmp_path):
    lesson.act("record")
    took = record_for(product, 6)
    product.kill("media")
    files, paths = lesson.download(tmp_path)
    assert files, "nothing was kept"
    video, audio = decode(paths[0], "video"), decode(paths[0], "audio")
    assert video.seconds > took - 1 and audio.seconds > took - 1
    wait_until(product.is_ready, 20, "the product")

