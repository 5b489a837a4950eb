"""Chromium against the relay alone: its publish, subscribe and play paths decode frames, and an ICE restart does not stop them.
The test plays the hub."""
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import threading

import pytest

from lib.played_hub import PlayedHub, RpcError

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ.get("CONSILIUM_TEST_BUILD_DIR", HERE.parent.parent / "build"))
ROOM = "6f1c0f9e-0d5a-4a53-9e2b-4c8f4f1b7a01"
WAIT_S = 60
CALLS = {
    "publish": ("session.publish", {"room": ROOM, "participant": "doctor", "session": "up"}),
    "subscribe": ("session.subscribe", {"room": ROOM, "participant": "nurse", "session": "down"}),
    "answer": ("session.answer", {"session": "down"}),
    "play": ("session.play", {"room": ROOM, "participant": "viewer", "session": "player"}),
}


def handler_for(hub, results):
    class Handler(http.server.BaseHTTPRequestHandler):
        def reply(self, status, body, kind="application/json"):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.reply(200, (HERE / "relay_page.html").read_bytes(), "text/html; charset=utf-8")

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            _, kind, name = self.path.split("/")
            if kind == "result":
                results.put((name, body))
                self.reply(200, b"{}")
                return
            method, fixed = CALLS[name]
            try:
                self.reply(200, json.dumps(hub.call(method, **fixed, **body)).encode())
            except RpcError as error:
                self.reply(500, json.dumps(str(error)).encode())

        def log_message(self, *_):
            pass

    return Handler


@pytest.fixture
def hub(tmp_path):
    """A played hub with the worker connected to it."""
    with PlayedHub(str(tmp_path / "hub.sock")) as played:
        environment = dict(os.environ, CONSILIUM_HUB_SOCKET=played.socket_path, CONSILIUM_MEDIA_PORT="0")
        with open(tmp_path / "media.log", "w", encoding="utf-8") as log:
            worker = subprocess.Popen([BUILD / "bin" / "consilium-media", "--data", tmp_path], env=environment, stderr=log)
        assert played.ready.wait(WAIT_S), (tmp_path / "media.log").read_text()
        yield played
        worker.terminate()
        assert worker.wait(10) == 0, (tmp_path / "media.log").read_text()


def next_result(results, expected):
    name, value = results.get(timeout=WAIT_S)
    assert name == expected, value
    return value


def test_chromium_publishes_subscribes_plays_and_restarts(hub, tmp_path):
    results = queue.Queue()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub, results))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = subprocess.Popen(
        [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
         "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required",
         f"--user-data-dir={tmp_path / 'profile'}", f"http://127.0.0.1:{server.server_port}/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for step in ("subscriber", "player", "restart"):
            value = next_result(results, step)
            assert value["framesDecoded"] >= 30 and value["audioPackets"] >= 30
            assert sorted(value["codecs"]) == ["audio/opus", "video/VP8"]
        for session in ("up", "down", "player"):
            hub.wait_for("session.state", session=session, state="connected")
        hub.wait_for("track.state", kind="video", state="live")
        stats = hub.call("media.stats")
        assert stats["sessions"] == 3 and stats["tracks"] == 2 and stats["dropped_out"] == 0
    finally:
        browser.terminate()
        browser.wait(10)
        server.shutdown()
