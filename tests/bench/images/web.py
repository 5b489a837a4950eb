"""One kept connection to a DICOMweb server."""
import http.client
import socket
import ssl
import urllib.parse


class Http:
    def __init__(self, b):
        u = urllib.parse.urlsplit(b.web)
        self.tls, self.host, self.port, self.base = u.scheme == 'https', u.hostname, u.port or (443 if u.scheme == 'https' else 80), u.path.rstrip('/')
        self.b, self.c = b, None

    def conn(self):
        if not self.c:
            if self.tls:
                ctx = ssl.create_default_context()
                if self.b.insecure:
                    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
                self.c = http.client.HTTPSConnection(self.host, self.port, timeout=300, context=ctx)
            else:
                self.c = http.client.HTTPConnection(self.host, self.port, timeout=300)
            self.c.connect()
            self.c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.c

    def req(self, method, path, body=None, headers=None):
        h = dict(self.b.headers)
        h.update(headers or {})
        for again in (0, 1):
            try:
                c = self.conn()
                c.request(method, self.base + path, body, h)
                r = c.getresponse()
                return r.status, r.read(), r.headers
            except (http.client.HTTPException, ConnectionError, BrokenPipeError):
                self.c = None
                if again:
                    raise
