"""The systems under test. Each target offers:
    start(client)          start the server if it is ours to start, and the publisher
    subscribe(client, id)  add one subscriber; returns the times (join begun, offer passed)
    pids                   processes whose CPU counts, with their descendants
    stop()                 end all subscribers and what was started
"""
import functools
import glob
import http.client
import json
import os
import random
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid

import sdp
from load import HERE, PUBLISHER_ID

sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
from played_hub import PlayedHub  # noqa: E402

JANUS_HTTP_PORT = 18088
JANUS_AUDIO_PORT = 7102
JANUS_VIDEO_PORT = 7104


def stop_process(process):
    """Ends a process that we started as leader of its own process group, and that group."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@functools.lru_cache
def _context(insecure):
    """Made once: loading the system's certificates takes tens of milliseconds, which would count as delay."""
    if not insecure:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def http_request(method, url, body=None, headers=None, insecure=False, timeout=20):
    """One request on a connection of its own, as separate browsers would. Returns status, headers, body."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=timeout, context=_context(insecure))
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        path = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def wait_until_ready(url, process, timeout=60):
    """Polls until the URL answers with anything but a server error."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if process and process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode} before it was ready")
        try:
            if http_request("GET", url, insecure=True, timeout=5)[0] < 500:
                return
        except OSError:
            pass
        except http.client.HTTPException:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{url} was not ready within {timeout} s")


class Janus:
    """Common part of both Janus targets: the process and its JSON over HTTP."""
    plugin = ""

    def __init__(self, address):
        self.address = address
        self.url = f"http://127.0.0.1:{JANUS_HTTP_PORT}/janus"
        self.folder = None
        self.process = None

    @property
    def pids(self):
        return [self.process.pid]

    def _write_config(self):
        self.folder = tempfile.TemporaryDirectory(prefix="relay-bench-")
        installed = glob.glob("/usr/lib/*/janus") + glob.glob("/usr/lib/janus")
        if not installed or not shutil.which("janus"):
            raise RuntimeError("Janus is not installed (Debian package janus)")
        values = {
            "CONFIG_FOLDER": self.folder.name,
            "JANUS_FOLDER": installed[0],
            "MEDIA_ADDRESS": self.address,
            "HTTP_PORT": str(JANUS_HTTP_PORT),
            "AUDIO_PORT": str(JANUS_AUDIO_PORT),
            "VIDEO_PORT": str(JANUS_VIDEO_PORT),
        }
        for template in glob.glob(os.path.join(HERE, "janus", "*.in")):
            with open(template, encoding="utf-8") as file:
                text = file.read()
            for name, value in values.items():
                text = text.replace(f"@{name}@", value)
            name = os.path.basename(template)[:-len(".in")]
            with open(os.path.join(self.folder.name, name), "w", encoding="utf-8") as file:
                file.write(text)

    def _start_process(self):
        self._write_config()
        config = os.path.join(self.folder.name, "janus.jcfg")
        with open(os.path.join(self.folder.name, "janus.log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(["janus", "-C", config, "-F", self.folder.name],
                                            stdout=log, stderr=log, start_new_session=True)
        wait_until_ready(self.url + "/info", self.process)

    def _post(self, path, message):
        message["transaction"] = f"{random.getrandbits(48):x}"
        body = json.dumps(message)
        reply = json.loads(http_request("POST", self.url + path, body, {"Content-Type": "application/json"})[2])
        if reply["janus"] == "error":
            raise RuntimeError(f"Janus: {reply['error']}")
        return reply

    def _attach(self):
        session = self._post("", {"janus": "create"})["data"]["id"]
        handle = self._post(f"/{session}", {"janus": "attach", "plugin": self.plugin})["data"]["id"]
        return session, handle

    def _wait_event(self, session, needs_sdp):
        for _ in range(20):
            event = json.loads(http_request("GET", f"{self.url}/{session}?rid={time.time_ns()}", timeout=35)[2])
            if event["janus"] != "event":
                continue
            if "error" in event["plugindata"]["data"]:
                raise RuntimeError(f"Janus: {event['plugindata']['data']['error']}")
            if "jsep" in event or not needs_sdp:
                return event
        raise RuntimeError("Janus sent no event")

    def _send(self, session, handle, body, jsep=None):
        message = {"janus": "message", "body": body}
        if jsep:
            message["jsep"] = {**jsep, "trickle": False}
        self._post(f"/{session}/{handle}", message)

    def _message(self, session, handle, body, jsep=None, needs_sdp=False):
        self._send(session, handle, body, jsep)
        return self._wait_event(session, needs_sdp)

    def _watch_request(self):
        raise NotImplementedError

    def subscribe(self, client, endpoint_id):
        begun = time.monotonic()
        session, handle = self._attach()
        event = self._message(session, handle, self._watch_request(), needs_sdp=True)
        offered = time.monotonic()
        remote = sdp.parse(event["jsep"]["sdp"], client.address)
        local = client.new(endpoint_id)
        answer = sdp.answer(event["jsep"]["sdp"], local)
        self._send(session, handle, {"request": "start"}, {"type": "answer", "sdp": answer})
        client.start(endpoint_id, remote, we_offered=False)
        self._wait_event(session, needs_sdp=False)
        return begun, offered

    def stop(self):
        if self.process:
            stop_process(self.process)
        if self.folder:
            self.folder.cleanup()


class JanusVideoRoom(Janus):
    plugin = "janus.plugin.videoroom"
    room = 1234

    def start(self, client):
        self._start_process()
        session, handle = self._attach()
        join = {"request": "join", "ptype": "publisher", "room": self.room, "display": "bench"}
        self.feed = self._message(session, handle, join)["plugindata"]["data"]["id"]
        offer = sdp.offer(client.new(PUBLISHER_ID), "sendonly")
        event = self._message(session, handle, {"request": "publish", "audiocodec": "opus", "videocodec": "vp8"},
                              {"type": "offer", "sdp": offer}, needs_sdp=True)
        remote = sdp.parse(event["jsep"]["sdp"], client.address)
        client.start(PUBLISHER_ID, remote, we_offered=True)
        client.wait_up(PUBLISHER_ID)
        client.publish(remote)

    def _watch_request(self):
        return {"request": "join", "ptype": "subscriber", "room": self.room, "streams": [{"feed": self.feed}]}


class JanusStreaming(Janus):
    plugin = "janus.plugin.streaming"

    def start(self, client):
        self._start_process()
        client.publish_plain("127.0.0.1", JANUS_AUDIO_PORT, JANUS_VIDEO_PORT)

    def _watch_request(self):
        return {"request": "watch", "id": 1}


class Whep:
    """A server with WHIP (RFC 9725) to publish and WHEP to play."""

    def __init__(self, options):
        self.options = options
        self.process = None
        self.resources = []  # URLs to DELETE, with their token

    @property
    def pids(self):
        started = [self.process.pid] if self.process else []
        return started + self.options.server_pid

    def _exchange(self, url, token, offer):
        headers = {"Content-Type": "application/sdp", "Accept": "application/sdp"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        status, reply, body = http_request("POST", url, offer, headers, self.options.insecure)
        if status != 201:
            raise RuntimeError(f"POST {url}: status {status}, not 201: {body[:300].decode(errors='replace')}")
        if reply.get("Location"):
            self.resources.append((urllib.parse.urljoin(url, reply["Location"]), token))
        return body.decode()

    def start(self, client):
        options = self.options
        if options.start:
            # A shell would be one more process whose end proves nothing: run the command itself.
            self.process = subprocess.Popen(shlex.split(options.start), stdin=subprocess.DEVNULL,
                                            stdout=options.server_log, stderr=options.server_log,
                                            start_new_session=True)
        if options.ready_url:
            wait_until_ready(options.ready_url, self.process)
        offer = sdp.offer(client.new(PUBLISHER_ID), "sendonly")
        answer = self._exchange(options.whip, options.whip_token or options.token, offer)
        remote = sdp.parse(answer, client.address)
        client.start(PUBLISHER_ID, remote, we_offered=True)
        client.wait_up(PUBLISHER_ID)
        client.publish(remote)

    def subscribe(self, client, endpoint_id):
        local = client.new(endpoint_id)
        offer = sdp.offer(local, "recvonly")
        begun = time.monotonic()
        answer = self._exchange(self.options.whep, self.options.whep_token or self.options.token, offer)
        client.start(endpoint_id, sdp.parse(answer, client.address), we_offered=True)
        return begun, begun

    def stop(self):
        # Subscribers first, the publisher last.
        for url, token in reversed(self.resources):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            try:
                status = http_request("DELETE", url, None, headers, self.options.insecure)[0]
            except OSError as error:
                status = error
            if status not in (200, 204):
                print(f"DELETE {url}: {status}")
                break
        self.resources.clear()
        if self.process:
            stop_process(self.process)
            self.process = None


class Worker:
    """consilium-media alone, with this program as its hub: what counts is the relay, without HTTP and TLS."""

    def __init__(self, options):
        self.options = options
        self.process = None
        self.hub = None
        self.room = str(uuid.uuid4())
        self.folder = tempfile.TemporaryDirectory(prefix="relay-bench-")

    @property
    def pids(self):
        return [self.process.pid]

    def start(self, client):
        self.hub = PlayedHub(os.path.join(self.folder.name, "hub.sock"))
        self.hub.__enter__()
        environment = dict(os.environ, CONSILIUM_HUB_HOST=self.options.bind,
                           CONSILIUM_HUB_SOCKET=self.hub.socket_path, CONSILIUM_MEDIA_PORT=str(self.options.rtc_port))
        self.process = subprocess.Popen([self.options.program, "--data", self.folder.name], env=environment,
                                        stdin=subprocess.DEVNULL, stderr=self.options.server_log or subprocess.DEVNULL,
                                        start_new_session=True)
        if not self.hub.ready.wait(10):
            raise RuntimeError("the worker did not come to its hub")
        answer = self._exchange("session.publish", sdp.offer(client.new(PUBLISHER_ID), "sendonly"))
        remote = sdp.parse(answer, client.address)
        client.start(PUBLISHER_ID, remote, we_offered=True)
        client.wait_up(PUBLISHER_ID)
        client.publish(remote)

    def _exchange(self, method, offer):
        return self.hub.call(method, room=self.room, participant=str(uuid.uuid4()), session=str(uuid.uuid4()),
                             sdp=offer)["sdp"]

    def subscribe(self, client, endpoint_id):
        offer = sdp.offer(client.new(endpoint_id), "recvonly")
        begun = time.monotonic()
        client.start(endpoint_id, sdp.parse(self._exchange("session.play", offer), client.address), we_offered=True)
        return begun, begun

    def stop(self):
        if self.process:
            stop_process(self.process)
        if self.hub:
            self.hub.__exit__()
        self.folder.cleanup()
