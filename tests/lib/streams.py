"""What is in a media file, by really decoding it with GStreamer; and a machine that streams."""
import array
import pathlib
import subprocess

import gi

from lib.product import free_ports

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

DEMUX = {".webm": "matroskademux", ".mp4": "qtdemux"}
DECODE = {(".webm", "video"): "vp8dec", (".mp4", "video"): "h264parse ! openh264dec",
          (".webm", "audio"): "opusdec", (".mp4", "audio"): "opusdec"}
RAW = {"video": "videoconvert ! videoscale ! video/x-raw,format=GRAY8,width=8,height=8",
       "audio": "audioconvert ! audio/x-raw,format=S16LE,channels=1"}


class Stream:
    """Decoded buffers of one stream and when the last one ends."""

    def __init__(self, buffers, seconds):
        self.buffers, self.seconds = buffers, seconds


def decode(path, kind):
    """The stream of this kind (video, audio); fails when it cannot be decoded to its end."""
    suffix = path.suffix
    pipeline = (f"filesrc location={path} ! {DEMUX[suffix]} name=d d.{kind}_0 ! queue ! {DECODE[suffix, kind]} ! "
                "identity silent=false ! fakesink sync=false")
    done = subprocess.run(["gst-launch-1.0", "-v", *pipeline.split()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Got EOS" in done.stdout, done.stdout[-2000:]
    ends, count = 0.0, 0
    for line in done.stdout.splitlines():
        if "chain" in line and "pts: " in line:
            count += 1
            ends = max(ends, seconds_of(line.split("pts: ")[1].split(",")[0]) + seconds_of(line.split("duration: ")[1].split(",")[0]))
    return Stream(count, ends)


def seconds_of(text):
    if text == "none":
        return 0.0
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class Machine:
    """rtsp_machine.py: an ultrasound machine that shows its picture and sound by RTSP."""

    def __init__(self):
        self.port = free_ports(1)[0]
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        self.process = None

    def start(self):
        program = pathlib.Path(__file__).with_name("rtsp_machine.py")
        self.process = subprocess.Popen(["/usr/bin/python3", str(program), str(self.port)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "listening\n"

    def stop(self):
        self.process.kill()
        self.process.wait()


def levels(path, kind):
    """[(seconds, level)] of the decoded buffers: mean brightness (0 to 255) of a picture, peak (0 to 32768) of sound."""
    Gst.init(None)
    pipeline = Gst.parse_launch(f"filesrc location={path} ! {DEMUX[path.suffix]} name=d d.{kind}_0 ! queue ! "
                                f"{DECODE[path.suffix, kind]} ! {RAW[kind]} ! appsink name=end sync=false")
    sink, found = pipeline.get_by_name("end"), []
    pipeline.set_state(Gst.State.PLAYING)
    try:
        while sample := sink.emit("try-pull-sample", 10 * Gst.SECOND):
            buffer = sample.get_buffer()
            data = buffer.extract_dup(0, buffer.get_size())
            level = sum(data) / len(data) if kind == "video" else max(abs(one) for one in array.array("h", data))
            found.append((buffer.pts / Gst.SECOND, level))
        assert sink.get_property("eos"), f"{path} cannot be decoded to its end"
        return found
    finally:
        pipeline.set_state(Gst.State.NULL)


def rises(values, low, high):
    """When each value passes from below low to above high, or the other way round with low > high."""
    times, armed, sign = [], False, 1 if high > low else -1
    for at, value in values:
        if value * sign < low * sign:
            armed = True
        elif armed and value * sign > high * sign:
            times.append(at)
            armed = False
    return times
