"""Frames drawn and decoded by the sandboxed children, compared with DCMTK's own tools, asked for as the hub asks."""
import asyncio
import io
import json
import os
import pathlib
import subprocess
import time

import numpy
import pydicom
import pytest
import websockets
from PIL import Image

from lib.product import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Hub:
    """The hub's end of the worker's connection, for one consilium-dicom that has no database: rendering needs none."""

    def __init__(self, data):
        self.data, self.socket, self.number, self.waiting = data, None, 0, {}
        self.connected = asyncio.Event()

    async def serve(self, socket):
        self.socket = socket
        async for text in socket:
            message = json.loads(text)
            if message.get("method") == "worker.hello":
                await socket.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}))
                self.connected.set()
            elif "method" not in message:
                self.waiting.pop(message["id"]).set_result(message)

    async def call(self, method, **params):
        self.number += 1
        self.waiting[self.number] = answer = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}))
        return await asyncio.wait_for(answer, 60)

    async def file(self, method, **params):
        answer = await self.call(method, **params)
        assert "result" in answer, answer
        path = self.data / "cache" / answer["result"]["file"]
        assert path.stat().st_size == answer["result"]["bytes"]
        return path.read_bytes()


@pytest.fixture
def with_worker(tmp_path):
    """with_worker(body) runs `await body(hub, put)` against a fresh worker; put(bytes) → blob hash."""
    build = pathlib.Path(os.environ.get("CONSILIUM_TEST_BUILD_DIR") or ROOT / "build")
    import hashlib
    (tmp_path / "run").mkdir()
    config = tmp_path / "consilium.conf"
    config.write_text(f"[hub]\ndata-dir={tmp_path}\n[store]\nconninfo=host={tmp_path}/none\n[dicom]\nport=0\nrender-timeout=10\n")

    def put(data):
        name = hashlib.sha256(data).hexdigest()
        folder = tmp_path / "blobs" / name[:2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        return name

    async def run(body):
        hub = Hub(tmp_path)
        async with websockets.unix_serve(hub.serve, str(tmp_path / "run/hub.sock"), subprotocols=["consilium.v1"]):
            worker = subprocess.Popen([build / "bin/consilium-dicom", "--config", config], stderr=(tmp_path / "log").open("w"))
            try:
                await asyncio.wait_for(hub.connected.wait(), 30)
                await body(hub, put)
                assert worker.poll() is None
            finally:
                worker.terminate()
                worker.wait(30)
        assert "AddressSanitizer" not in (tmp_path / "log").read_text()

    return lambda body: asyncio.run(run(body))


def reference(path, *options):
    done = subprocess.run(["dcmj2pnm", "+on", *options, str(path)], capture_output=True, check=True)
    return numpy.array(Image.open(io.BytesIO(done.stdout)))


def picture(data):
    return numpy.array(Image.open(io.BytesIO(data)))


CONVERSIONS = {"explicit": ["dcmconv", "+te"], "implicit": ["dcmconv", "+ti"], "big-endian": ["dcmconv", "+tb"],
               "deflated": ["dcmconv", "+td"], "rle": ["dcmcrle"], "jpeg-lossless": ["dcmcjpeg"], "jpeg-ls": ["dcmcjpls"]}


def make_j2k(source, target, tmp_path):
    dataset = pydicom.dcmread(source)
    raw, code = tmp_path / "x.rawl", tmp_path / "x.j2k"
    raw.write_bytes(dataset.PixelData)
    sign = "s" if dataset.PixelRepresentation else "u"
    subprocess.run(["opj_compress", "-i", raw, "-o", code, "-F", f"{dataset.Columns},{dataset.Rows},1,16,{sign}"], check=True,
                   stdout=subprocess.DEVNULL)
    dataset.PixelData = pydicom.encaps.encapsulate([code.read_bytes()])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.90"
    dataset.save_as(target)


def test_every_lossless_syntax_gives_the_same_pixels(with_worker, images, tmp_path):
    ct = sorted(images("ct", slices=4, seed=21).glob("*.dcm"))[2]
    us = sorted(images("us-rgb", seed=21).glob("*.dcm"))[0]

    async def body(hub, put):
        for source, window in ((ct, ["+Wi", "1"]), (us, [])):
            plain = tmp_path / "plain.dcm"
            subprocess.run(["dcmconv", "+te", source, plain], check=True)
            want, samples = reference(plain, *window), pydicom.dcmread(plain).PixelData
            for name, command in CONVERSIONS.items():
                target = tmp_path / "x.dcm"
                subprocess.run([*command, source, target], check=True, stderr=subprocess.DEVNULL)
                blob = put(target.read_bytes())
                drawn = picture(await hub.file("render.frame", blob=blob, frame=0, format="png"))
                assert (drawn == want.reshape(drawn.shape)).all(), name
                raw = await hub.file("transcode.frame", blob=blob, frame=0, transfer_syntax="1.2.840.10008.1.2.1")
                assert raw == samples[:len(raw)] and len(raw) in (len(samples), len(samples) - 1), name
        make_j2k(ct, tmp_path / "j2k.dcm", tmp_path)
        raw = await hub.file("transcode.frame", blob=put((tmp_path / "j2k.dcm").read_bytes()), frame=0)
        assert raw == pydicom.dcmread(ct).PixelData

    with_worker(body)


def decompressed(code, kind, dataset, tmp_path):
    """The samples of a code stream: JPEG-LS by DCMTK, HTJ2K by OpenJPEG."""
    if kind == "jls":
        dataset.PixelData = pydicom.encaps.encapsulate([code + b"\0" * (len(code) % 2)])
        dataset["PixelData"].is_undefined_length = True
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.80"
        dataset.save_as(tmp_path / "y.dcm")
        subprocess.run(["dcmdjpls", "+px", tmp_path / "y.dcm", tmp_path / "z.dcm"], check=True)
        return pydicom.dcmread(tmp_path / "z.dcm").PixelData
    (tmp_path / "y.j2c").write_bytes(code)
    subprocess.run(["opj_decompress", "-i", tmp_path / "y.j2c", "-o", tmp_path / "y.rawl"], check=True, stdout=subprocess.DEVNULL)
    planes = numpy.frombuffer((tmp_path / "y.rawl").read_bytes(), dtype=f"u{dataset.BitsAllocated // 8}")
    return planes.reshape(dataset.SamplesPerPixel, -1).T.tobytes()


@pytest.mark.parametrize("kind, syntax", [("jls", "1.2.840.10008.1.2.4.80"), ("jph", "1.2.840.10008.1.2.4.201")])
def test_frames_for_thin_links_lose_no_bit(with_worker, images, tmp_path, kind, syntax):
    ct = sorted(images("ct", slices=4, seed=21).glob("*.dcm"))[2]
    us = sorted(images("us-rgb", seed=21).glob("*.dcm"))[0]

    def variants():
        for source in (ct, us):
            for command in (["dcmconv", "+te"], ["dcmconv", "+tb"], ["dcmcrle"], ["dcmcjpeg"]):
                subprocess.run([*command, source, tmp_path / "x.dcm"], check=True, stderr=subprocess.DEVNULL)
                yield source, (tmp_path / "x.dcm").read_bytes()
        signed = pydicom.dcmread(ct)
        signed.PixelRepresentation = 1  # with samples below nothing and of the whole range
        samples = numpy.frombuffer(signed.PixelData, "<i2").copy()
        samples[:5] = (-32768, 32767, -1, 0, 1)
        signed.PixelData = (samples - 1024).astype("<i2").tobytes()
        signed.save_as(tmp_path / "signed.dcm")
        yield tmp_path / "signed.dcm", (tmp_path / "signed.dcm").read_bytes()

    async def body(hub, put):
        for source, data in variants():
            blob = put(data)
            subprocess.run(["dcmconv", "+te", source, tmp_path / "plain.dcm"], check=True)
            plain = pydicom.dcmread(tmp_path / "plain.dcm")
            size = plain.Rows * plain.Columns * plain.SamplesPerPixel * plain.BitsAllocated // 8
            code = await hub.file("transcode.frame", blob=blob, frame=0, transfer_syntax=syntax)
            assert len(code) < size * 0.95
            assert decompressed(code, kind, plain, tmp_path)[:size] == pydicom.dcmread(tmp_path / "plain.dcm").PixelData[:size]
        refused = await hub.call("transcode.frame", blob=blob, frame=0, transfer_syntax="1.2.840.10008.1.2.4.50")
        assert refused["error"]["data"]["name"] == "not-acceptable"

    with_worker(body)


def test_window_size_and_frame_are_those_asked_for(with_worker, images):
    ct = sorted(images("ct", slices=4, seed=21).glob("*.dcm"))[2]
    us = sorted(images("us", frames=12, seed=12).glob("*.dcm"))[0]

    async def body(hub, put):
        blob = put(ct.read_bytes())
        drawn = picture(await hub.file("render.frame", blob=blob, frame=0, format="png", window={"center": -600, "width": 1500}))
        assert (drawn == reference(ct, "+Ww", "-600", "1500")).all()
        small = picture(await hub.file("render.frame", blob=blob, frame=0, format="jpeg", rows=64, columns=100))
        assert small.shape == (64, 64)
        frames = put(us.read_bytes())
        seventh = picture(await hub.file("render.frame", blob=frames, frame=6, format="png"))
        assert (seventh == reference(us, "+F", "7")).all()
        assert (await hub.call("render.frame", blob=frames, frame=12, format="png"))["error"]["data"]["name"] == "not-found"
        assert (await hub.call("render.frame", blob="0" * 64, frame=0, format="png"))["error"]["data"]["name"] == "not-found"

    with_worker(body)


def test_hostile_pixels_cost_only_their_own_frame(with_worker, images):
    """All that the pre-scan lets through and some that it does not: each is answered in time, and good ones are still drawn."""
    folder = images("hostile", bomb_mb=160)
    good = sorted(images("ct", slices=4, seed=21).glob("*.dcm"))[0]

    async def body(hub, put):
        slowest = 0
        for path in sorted(folder.glob("*.dcm")):
            if not path.stat().st_size:
                continue
            began = time.monotonic()
            answer = await hub.call("render.frame", blob=put(path.read_bytes()), frame=0, format="jpeg")
            slowest = max(slowest, time.monotonic() - began)
            assert "result" in answer or answer["error"]["data"]["name"] in ("unprocessable", "invalid", "too-large", "unsupported",
                                                                           "not-found"), (path.name, answer)
        assert slowest < 30
        assert picture(await hub.file("render.frame", blob=put(good.read_bytes()), frame=0, format="png")).shape == (512, 512)

    with_worker(body)
