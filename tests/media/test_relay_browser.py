"""Browsers against the relay alone: their publish, subscribe and play paths decode frames, and an ICE restart does not stop them.
The test plays the hub. Firefox has no loopback candidates, so its test runs itself again in a network namespace."""
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading

import pytest

from lib.played_hub import PlayedHub, RpcError

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ.get("CONSILIUM_TEST_BUILD_DIR", HERE.parent.parent / "build"))
NETNS = HERE.parent / "bench" / "relay" / "netns.sh"
NETNS_ADDRESS = "10.9.9.1"  # that netns.sh makes
INSIDE = "CONSILIUM_TEST_INSIDE_NETNS"
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
        environment = dict(os.environ, CONSILIUM_HUB_SOCKET=played.socket_path, CONSILIUM_MEDIA_PORT="0",
                           CONSILIUM_HUB_HOST=NETNS_ADDRESS if INSIDE in os.environ else "127.0.0.1")
        with open(tmp_path / "media.log", "w", encoding="utf-8") as log:
            worker = subprocess.Popen([BUILD / "bin" / "consilium-media", "--data", tmp_path], env=environment, stderr=log)
        assert played.ready.wait(WAIT_S), (tmp_path / "media.log").read_text()
        yield played
        worker.terminate()
        assert worker.wait(20) == 0, (tmp_path / "media.log").read_text()


def next_result(results, expected):
    name, value = results.get(timeout=WAIT_S)
    assert name == expected, value
    return value


def chromium(profile, url):
    return [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection",
            "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", url]


def firefox(profile, url):
    profile.mkdir()
    preferences = {
        "media.navigator.streams.fake": "true",
        "media.navigator.permission.disabled": "true",
        "media.autoplay.default": "0",
        "browser.aboutwelcome.enabled": "false",
        "datareporting.policy.dataSubmissionEnabled": "false",
    }
    lines = [f'user_pref("{name}", {value});' for name, value in preferences.items()]
    (profile / "user.js").write_text("\n".join(lines))
    return [shutil.which("firefox-esr"), "--headless", "--no-remote", "--profile", str(profile), url]


def play_through(hub, tmp_path, browser_command):
    results = queue.Queue()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub, results))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = browser_command(tmp_path / "profile", f"http://127.0.0.1:{server.server_port}/")
    browser = subprocess.Popen(command, env=dict(os.environ, HOME=str(tmp_path)), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
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
        browser.wait(20)
        server.shutdown()


def test_chromium(hub, tmp_path):
    play_through(hub, tmp_path, chromium)


def test_firefox(request, tmp_path):
    if INSIDE in os.environ:
        play_through(request.getfixturevalue("hub"), tmp_path, firefox)
        return
    inside = subprocess.run(
        [NETNS, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{__file__}::test_firefox"],
        env={**os.environ, INSIDE: "1"}, cwd=HERE.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=4 * WAIT_S)
    assert inside.returncode == 0, inside.stdout
