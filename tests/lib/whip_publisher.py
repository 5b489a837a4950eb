#!/usr/bin/python3
"""Publishes by WHIP (RFC 9725) with GStreamer's webrtcbin, until it is ended: at each full second of its time a tone begins,
and at every other one the picture's colours are inverted, later by the picture's skew.

    whip_publisher.py WHIP_URL TOKEN          prints "connected SKEW" when media flows
"""
import sys

import gi
import requests
import urllib3

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=rtc bundle-policy=max-bundle
videotestsrc name=picture is-live=true pattern=ball flip=true ! video/x-raw,width=320,height=240,framerate=25/1 !
    vp8enc deadline=1 cpu-used=8 keyframe-max-dist=60 ! rtpvp8pay mtu=1200 picture-id-mode=2 !
    application/x-rtp,media=video,encoding-name=VP8,payload=96 ! rtc.
audiotestsrc is-live=true wave=ticks sine-periods-per-tick=100 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay !
    application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! rtc.
"""


class Publisher:
    def __init__(self, url, token):
        self.url, self.token, self.loop = url, token, GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.skew = None  # seconds; the picture counts from its first frame, which takes some time to start
        self.pipeline.get_by_name("picture").get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self.pictured)
        self.rtc = self.pipeline.get_by_name("rtc")
        # Of itself libnice leaves loopback out and sends nothing to a relay that listens there.
        self.ice = self.rtc.get_property("ice-agent")  # webrtcbin gives its only reference away: it must stay alive here
        self.ice.emit("add-local-ip-address", "127.0.0.1")
        self.rtc.connect("on-negotiation-needed", self.negotiate)
        self.rtc.connect("notify::ice-gathering-state", self.gathered)
        self.rtc.connect("notify::connection-state", self.changed)

    def pictured(self, _, info):
        self.skew = info.get_buffer().pts / Gst.SECOND
        return Gst.PadProbeReturn.REMOVE

    def negotiate(self, rtc):
        rtc.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered, None))

    def offered(self, promise, _):
        reply = promise.get_reply()  # owns the offer: must outlive its use
        self.rtc.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, rtc, _):
        if rtc.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.publish)

    def publish(self):
        # Sender reports are to say when a sample was captured, not when a busy encoder was done with it.
        self.rtc.get_by_name("rtpbin").emit("get-session", 0).set_property("rtcp-sync-send-time", False)
        offer = self.rtc.get_property("local-description").sdp.as_text()
        answer = requests.post(self.url, data=offer, verify=False, timeout=10,
                               headers={"Content-Type": "application/sdp", "Authorization": f"Bearer {self.token}"})
        if answer.status_code != 201:
            sys.exit(f"WHIP: {answer.status_code} {answer.text}")
        _, sdp = GstSdp.SDPMessage.new_from_text(answer.text)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.rtc.emit("set-remote-description", description, Gst.Promise.new())

    def changed(self, rtc, _):
        if rtc.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            print("connected", self.skew, flush=True)

    def run(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()


if __name__ == "__main__":
    urllib3.disable_warnings()
    Gst.init(None)
    Publisher(*sys.argv[1:3]).run()
