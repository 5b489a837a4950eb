"""Small offers and answers, as a browser would write them, for tests that need no media to flow."""
import secrets

FINGERPRINT = ":".join(f"{n:02X}" for n in range(32))
CODECS = {
    "audio": [("111", "opus/48000/2", "minptime=10;useinbandfec=1")],
    "video": [("96", "VP8/90000", None), ("97", "rtx/90000", "apt=96")],
}
EXTENSIONS = ["1 urn:ietf:params:rtp-hdrext:sdes:mid", "3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"]


def new_credentials():
    return secrets.token_urlsafe(6).replace("-", "a").replace("_", "b"), secrets.token_hex(12)


def offer(kinds=("audio", "video"), direction="sendonly", credentials=None, codecs=CODECS):
    """(text, (ufrag, pwd))"""
    ufrag, pwd = credentials or new_credentials()
    lines = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0",
             "a=group:BUNDLE " + " ".join(str(n) for n in range(len(kinds))), "a=msid-semantic: WMS stream"]
    for mid, kind in enumerate(kinds):
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(c[0] for c in codecs[kind]), "c=IN IP4 0.0.0.0",
                  "a=rtcp:9 IN IP4 0.0.0.0", f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", "a=ice-options:trickle",
                  f"a=fingerprint:sha-256 {FINGERPRINT}", "a=setup:actpass", f"a=mid:{mid}"]
        lines += [f"a=extmap:{e}" for e in EXTENSIONS]
        lines += [f"a={direction}", "a=rtcp-mux", "a=rtcp-rsize"]
        if direction != "recvonly":
            lines.append(f"a=msid:stream {kind}-track")
        for payload, name, parameters in codecs[kind]:
            lines.append(f"a=rtpmap:{payload} {name}")
            if kind == "video" and not name.startswith("rtx"):
                lines += [f"a=rtcp-fb:{payload} {f}" for f in ("transport-cc", "ccm fir", "nack", "nack pli")]
            if parameters:
                lines.append(f"a=fmtp:{payload} {parameters}")
        if direction != "recvonly":
            first = 1000 + 10 * mid
            if kind == "video":
                lines.append(f"a=ssrc-group:FID {first} {first + 1}")
            for ssrc in range(first, first + (2 if kind == "video" else 1)):
                lines += [f"a=ssrc:{ssrc} cname:c", f"a=ssrc:{ssrc} msid:stream {kind}-track"]
    return "\r\n".join(lines) + "\r\n", (ufrag, pwd)


def answer(their_offer):
    """A browser's answer to an offer of the relay: takes everything, receives only."""
    ufrag, pwd = new_credentials()
    sections = their_offer.replace("\r\n", "\n").split("\nm=")
    out = [line for line in sections[0].split("\n") if line and not line.startswith(("a=ice-", "a=fingerprint", "a=setup"))]
    for section in sections[1:]:
        for line in ("m=" + section).split("\n"):
            if not line or line.startswith(("a=ice-", "a=fingerprint", "a=setup", "a=candidate", "a=end-of-candidates", "a=ssrc", "a=msid")):
                continue
            if line == "a=sendonly":
                line = "a=recvonly"
            out.append(line)
            if line.startswith("c="):
                out += [f"a=ice-ufrag:{ufrag}", f"a=ice-pwd:{pwd}", f"a=fingerprint:sha-256 {FINGERPRINT}", "a=setup:active"]
    return "\r\n".join(out) + "\r\n"


def fragment(credentials):
    """A trickle-ice-sdpfrag (RFC 8840) with one candidate."""
    ufrag, pwd = credentials
    return (f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
            "a=candidate:1 1 udp 2130706431 127.0.0.1 50000 typ host\r\na=end-of-candidates\r\n")
