"""What the HTTPS server promises whatever the route: framing of bodies, limits, slow and greedy clients, headers."""
import json
import socket
import ssl
import time
import uuid

import pytest

from lib.product import PASSWORD, wait_until

SIGN_IN = json.dumps({"login": "county1.doctor", "password": "wrong-password"}).encode()


class Wire:
    """One TLS connection on which a test writes what it likes."""

    def __init__(self, product, source="127.0.0.1"):
        context = ssl.create_default_context(cafile=str(product.certificate))
        context.set_alpn_protocols(["h2", "http/1.1"])
        raw = socket.create_connection(("127.0.0.1", product.https_port), timeout=40, source_address=(source, 0))
        self.socket = context.wrap_socket(raw, server_hostname="127.0.0.1")
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece if isinstance(piece, bytes) else piece.encode())

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        self.buffer += data
        return bool(data)

    def answer(self):
        """(status, headers, body); None when the connection was closed without one."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split()[1])
        length = 0 if status in (100, 204, 304) else int(headers.get("content-length", 0))
        while len(self.buffer) < length and self._more():
            pass
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return status, headers, body

    def is_closed(self):
        return not self._more()


@pytest.fixture
def wire(product):
    open_wires = []

    def make(**options):
        open_wires.append(Wire(product, **options))
        return open_wires[-1]

    yield make
    for one in open_wires:
        one.socket.close()


def request(method, path, *headers, body=b""):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode() + body


JSON = "Content-Type: application/json"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_http1_only(wire):
    """HTTP/2 is never negotiated: its uploads stall in this version of the library."""
    assert wire().socket.selected_alpn_protocol() == "http/1.1"


def test_old_tls_is_refused(product):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", product.https_port), timeout=10) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw)


def test_keep_alive_and_head(wire):
    w = wire()
    for _ in range(3):
        w.send(request("GET", "/healthz"))
        status, headers, body = w.answer()
        assert status == 200 and json.loads(body) == {"status": "alive"}
    w.send(request("HEAD", "/healthz"), request("GET", "/healthz"))
    head = w.answer
    while b"\r\n\r\n" not in w.buffer:
        w._more()
    first, _, w.buffer = w.buffer.partition(b"\r\n\r\n")
    assert b"200 OK" in first and b"Content-Length: 18" in first
    assert head()[0] == 200, "the body of HEAD was sent, or the next request lost"


def test_security_headers(product):
    answer = product.login("county1.doctor").get("/api/v1/session")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_page_policy_has_no_inline_scripts(product):
    answer = product.login("county1.doctor").get("/")
    if answer.status_code == 404:
        pytest.skip("the web client was not built")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";") if part.strip())
    assert "unsafe-inline" not in policy["script-src"] and "unsafe-eval" not in policy["script-src"].replace("wasm-unsafe-eval", "")


@pytest.mark.parametrize("headers, status", [
    (["Transfer-Encoding: chunked", "Content-Length: 5"], 400),
    (["Transfer-Encoding: gzip"], 400),
    (["Content-Length: 5x"], 400),
    (["Content-Length: 5", "Content-Length: 6"], 400),
    (["Content-Length: -1"], 400),
])
def test_ambiguous_framing(wire, headers, status):
    """A body whose end two readers would find at different places is refused, and the connection ends."""
    w = wire()
    w.send(request("POST", "/api/v1/session", JSON, *headers, body=b"hello"))
    answer = w.answer()
    assert answer[0] == status and answer[1]["connection"] == "close"


def test_post_without_a_body(wire):
    """Neither length nor chunks: answered at once (the library would wait for a body), then closed."""
    w = wire()
    w.send(request("POST", "/api/v1/session", JSON))
    status, headers, _ = w.answer()
    assert status == 400 and headers["connection"] == "close"


def test_zero_length_post_is_answered_once(wire):
    w = wire()
    w.send(request("POST", "/api/v1/session", JSON, "Content-Length: 0"), request("GET", "/healthz"))
    assert w.answer()[0] == 400
    assert w.answer()[0] == 200


@pytest.mark.parametrize("step", [1, 7, 100000])
def test_chunked_body_is_decoded(wire, step):
    """However the chunks are cut; and afterwards the connection is closed."""
    w = wire(source="127.0.0.31")
    framed = chunk(SIGN_IN[:10]) + chunk(SIGN_IN[10:]) + b"0\r\nX: y\r\n\r\n"
    w.send(request("POST", "/api/v1/session", JSON, "Transfer-Encoding: chunked"))
    for at in range(0, len(framed), step):
        w.send(framed[at:at + step])
    status, headers, _ = w.answer()
    assert status == 401 and headers["connection"] == "close"


@pytest.mark.parametrize("framed", [b"zz\r\n", b"5\r\nhelloXX", b"-5\r\n", b"5\nhello\n"])
def test_broken_chunks(wire, framed):
    w = wire()
    w.send(request("POST", "/api/v1/session", JSON, "Transfer-Encoding: chunked"), framed)
    assert w.answer()[0] == 400


def test_half_a_chunked_body_is_no_request(wire, product):
    """The client goes away before the end: nothing happened."""
    before = product.sql("SELECT count(*) FROM consilium.login_failure")[0][0]
    with Wire(product) as w:
        w.send(request("POST", "/api/v1/session", JSON, "Transfer-Encoding: chunked"), chunk(SIGN_IN))
    w = wire()
    w.send(request("GET", "/healthz"))
    assert w.answer()[0] == 200
    assert product.sql("SELECT count(*) FROM consilium.login_failure")[0][0] == before


def test_large_body_is_refused_and_told(wire):
    w = wire()
    w.send(request("POST", "/api/v1/session", JSON, "Content-Length: 50000000"), b"x" * 200000)
    status, headers, body = w.answer()
    assert status == 413 and headers["connection"] == "close" and json.loads(body)["code"] == "too-large"


def test_continue(wire):
    w = wire(source="127.0.0.32")
    w.send(request("POST", "/api/v1/session", JSON, "Expect: 100-continue", f"Content-Length: {len(SIGN_IN)}"))
    assert w.answer()[0] == 100
    w.send(SIGN_IN)
    assert w.answer()[0] == 401


@pytest.mark.parametrize("headers", [["X-Filler: " + "a" * 17000], [f"X-Filler-{i}: " + "a" * 500 for i in range(36)],
                                     ["Cookie: " + "a" * 17000]])
def test_headers_too_large(wire, headers):
    """Also those that nobody reads count."""
    w = wire()
    w.send(request("GET", "/healthz", *headers))
    assert w.answer()[0] == 431


def test_headers_of_15_kib_pass(wire):
    w = wire()
    w.send(request("GET", "/healthz", "X-Filler: " + "a" * 15000))
    assert w.answer()[0] == 200
    w.send(request("GET", "/healthz", "X-Filler: " + "a" * 15000))
    assert w.answer()[0] == 200


def test_far_too_large_headers_end_the_connection(wire, product):
    w = wire()
    try:
        w.send(request("GET", "/healthz", "X-Filler: " + "a" * 300000))
    except (ConnectionError, ssl.SSLError):
        pass
    answer = w.answer()
    assert answer is None or answer[0] == 431
    assert product.login("county1.doctor").get("/healthz").status_code == 200


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/api/v1/nothing", 404), ("POST", "/api/v1/nothing", 404), ("PUT", "/healthz", 405), ("GET", "/healthz/", 404),
    ("GET", "/.git/config", 404),
])
def test_unknown_addresses(wire, method, path, status):
    w = wire()
    w.send(request(method, path, "Content-Length: 0"))
    got, headers, body = w.answer()
    assert got == status
    assert headers["content-type"] == "application/problem+json" and json.loads(body)["status"] == status
    assert status != 405 or "GET" in headers["allow"]


@pytest.mark.parametrize("path", ["/assets/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"])
def test_nothing_outside_of_the_client_is_served(wire, path):
    """The client's page, which shows that there is no such page, or 404; never the file."""
    w = wire()
    w.send(request("GET", path))
    status, headers, body = w.answer()
    assert status == 404 or (status == 200 and headers["content-type"].startswith("text/html"))
    assert b"root:" not in body


def test_unknown_method_does_not_harm(wire, product):
    w = wire()
    w.send(b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n")
    w.answer()
    assert product.login("county1.doctor").get("/healthz").status_code == 200


def test_no_identity(product):
    client = product.login("county1.doctor")
    client.cookies.clear()
    answer = client.get("/api/v1/session")
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = client.get("/api/v1/session", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    answer = client.get("/api/v1/session", cookies={"consilium_session": "nonsense"})
    assert answer.status_code == 401


def test_change_needs_the_csrf_header(product):
    client = product.login("county1.doctor")
    del client.headers["X-Consilium"]
    assert client.patch("/api/v1/session", json={"language": "en"}).status_code == 403
    assert client.patch("/api/v1/session", json={"language": "en"}, headers={"X-Consilium": "1"}).status_code == 200


def test_scope_of_a_token(product):
    assert product.bearer("county1.doctor", "dicomweb").get("/api/v1/session").status_code == 403
    assert product.bearer("county1.doctor", "api").get("/dicom-web/studies").status_code == 403
    assert product.bearer("county1.doctor", "dicomweb").get("/dicom-web/studies?limit=1").status_code == 200


def test_ended_session_loses_access(product):
    """At once where it ended, within 5 s wherever it is cached."""
    client, other = product.login("county1.doctor"), product.login("county1.doctor")
    other.cookies = client.cookies.copy()
    assert other.get("/api/v1/session").status_code == 200
    assert client.delete("/api/v1/session").status_code == 204
    wait_until(lambda: other.get("/api/v1/session").status_code == 401, 5, "the end of the session")


def test_cookie_attributes(product):
    client = product.login("county1.doctor")
    answer = client.post("/api/v1/session", json={"login": "county1.doctor", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    for part in ("consilium_session=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert cookie.split("=", 1)[1].split(";")[0] not in str(product.sql("SELECT secret_hash FROM consilium.session"))


def test_failed_sign_ins_are_throttled(wire):
    """Only failures count, by account; the answer says when to come again."""
    login = f"nobody.{uuid.uuid4().hex[:8]}"
    body = json.dumps({"login": login, "password": "guess-guess"}).encode()
    statuses = []
    for i in range(12):
        w = wire(source=f"127.0.1.{i + 1}")
        w.send(request("POST", "/api/v1/session", JSON, f"Content-Length: {len(body)}", body=body))
        status, headers, _ = w.answer()
        statuses.append(status)
    assert statuses[:10] == [401] * 10 and statuses[10:] == [429] * 2
    assert int(headers["retry-after"]) > 0


def test_idempotency_key(product):
    client = product.login("county1.doctor")
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = client.post("/api/v1/rooms", json={"title": "Once"}, headers=key)
    again = client.post("/api/v1/rooms", json={"title": "Once"}, headers=key)
    assert first.status_code == again.status_code == 201 and first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]
    assert client.post("/api/v1/rooms", json={"title": "Other"}, headers=key).status_code == 422
    other = product.login("county2.doctor").post("/api/v1/rooms", json={"title": "Once"}, headers=key)
    assert other.status_code == 201 and other.json()["id"] != first.json()["id"]


def test_idempotency_key_after_a_lost_line(product):
    """The client is gone before its answer: whoever repeats gets it, and nothing was made twice."""
    client = product.login("county1.doctor")
    cookie = "; ".join(f"{one.name}={one.value}" for one in client.cookies)
    for _ in range(8):
        key, title = str(uuid.uuid4()), f"Lost line {uuid.uuid4()}"
        body = json.dumps({"title": title})
        with Wire(product) as line:
            line.send(f"POST /api/v1/rooms HTTP/1.1\r\nHost: 127.0.0.1:{product.https_port}\r\nX-Consilium: 1\r\n"
                          f"Content-Type: application/json\r\nCookie: {cookie}\r\nIdempotency-Key: {key}\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n{body}")
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        answer = wait_until(lambda: (one := client.post("/api/v1/rooms", data=body, headers=headers)).status_code != 409 and one,
                            10, "an answer for the key")
        assert answer.status_code == 201
        assert product.sql("SELECT count(*) FROM consilium.room WHERE title = %s", [title]) == [(1,)]


def test_metrics(product):
    answer = product.login("county1.doctor").get("/metrics")
    assert answer.status_code == 200 and "consilium_http_requests_total" in answer.text


def test_preflight_of_a_stranger_allows_nothing(product):
    client = product.login("county1.doctor")
    answer = client.options("/api/v1/session", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"})
    assert answer.status_code == 204 and "Access-Control-Allow-Origin" not in answer.headers


def test_server_with_small_limits(start_product):
    """Its own instance: connections per address, a body that drips, a configured origin."""
    product = start_product(environment={"CONSILIUM_HUB_CONNECTIONS_PER_ADDRESS": "4", "CONSILIUM_HUB_BODY_RATE": "100000",
                                         "CONSILIUM_HUB_CORS_ORIGINS": "https://partner.example"})
    bearer = product.bearer("county1.doctor", "api")
    answer = bearer.get("/api/v1/session", headers={"Origin": "https://partner.example"})
    assert answer.status_code == 200 and answer.headers["Access-Control-Allow-Origin"] == "https://partner.example"
    cookie = product.login("county1.doctor")
    assert cookie.get("/api/v1/session", headers={"Origin": "https://partner.example"}).status_code == 401
    bearer.close()
    cookie.close()

    with Wire(product, source="127.0.0.40") as w:
        w.send(request("POST", "/api/v1/session", JSON, "Content-Length: 10000"))
        began = time.monotonic()
        w.socket.settimeout(0.5)
        while time.monotonic() - began < 30 and b"408" not in w.buffer:
            w.send(b"x")
            try:
                if not w._more():
                    break
            except TimeoutError:
                pass
        assert b"HTTP/1.1 408" in w.buffer, "a dripping body kept the connection"

    held = [Wire(product, source="127.0.0.41") for _ in range(4)]
    with pytest.raises((OSError, ssl.SSLError)):
        Wire(product, source="127.0.0.41")
    held.pop().socket.close()

    def connects():
        try:
            with Wire(product, source="127.0.0.41") as w:
                w.send(request("GET", "/healthz"))
                return w.answer()[0] == 200
        except (OSError, ssl.SSLError):
            return False

    wait_until(connects, 5, "a place that became free")
    for one in held:
        one.socket.close()
