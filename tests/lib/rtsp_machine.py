#!/usr/bin/python3
"""Plays an ultrasound machine: an RTSP server with an H.264 picture and sound, until it is ended.

    rtsp_machine.py PORT        rtsp://127.0.0.1:PORT/live; prints "listening"
"""
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

LAUNCH = """( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 !
    x264enc tune=zerolatency key-int-max=15 ! video/x-h264,profile=constrained-baseline ! rtph264pay name=pay0 pt=96
    audiotestsrc is-live=true wave=ticks ! alawenc ! rtppcmapay name=pay1 pt=8 )"""

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(LAUNCH)
factory.set_shared(True)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print("listening", flush=True)
GLib.MainLoop().run()
