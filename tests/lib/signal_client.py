"""A browser's side of signaling for the tests: one connection, used from ordinary (not async) code.

    peer = SignalClient(product, session=product.login("county1.doctor"))
    room = peer.result("room.join", room=ID)          the result, or SignalError with .name
    peer.wait_for("room.joined", person=…)            the params of a notification, past ones included
"""
import asyncio
import json
import ssl
import threading
import time

import websockets


class SignalError(Exception):
    def __init__(self, error):
        super().__init__(error.get("message"))
        self.name = error.get("data", {}).get("name")


class SignalClient:
    def __init__(self, product, session=None, token=None, origin="own", hello=True, resume=None, path="/signal"):
        headers = {}
        if session is not None:
            headers["Cookie"] = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
        if token is not None:
            headers["Authorization"] = "Bearer " + token
        self.requests = []       # (id, method, params) of the hub
        self.notifications = []  # (method, params)
        self.answers = {}
        self.closed = None       # (code, reason)
        self.last_id = 0
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        tls = ssl.create_default_context(cafile=str(product.certificate))
        url = product.url.replace("https:", "wss:") + path
        own = product.url if origin == "own" else origin
        self.socket = self._run(lambda: websockets.connect(url, ssl=tls, subprotocols=["consilium.v1"], origin=own,
                                                           extra_headers=headers, max_size=2**21, ping_interval=None,
                                                           compression=None))
        asyncio.run_coroutine_threadsafe(self._read(), self.loop)
        if hello:
            self.welcome = self.result("hello", version=1, **({"resume": resume} if resume else {}))

    def _run(self, make_awaitable, seconds=15):
        async def waited():  # made on the loop's thread
            return await make_awaitable()
        return asyncio.run_coroutine_threadsafe(waited(), self.loop).result(seconds)

    async def _read(self):
        try:
            async for text in self.socket:
                self._take(json.loads(text))
        except websockets.ConnectionClosed:
            pass
        with self.changed:
            self.closed = (self.socket.close_code, self.socket.close_reason)
            self.changed.notify_all()

    def _take(self, message):
        with self.changed:
            if "method" not in message:
                self.answers[message["id"]] = message
            elif "id" in message:
                self.requests.append((message["id"], message["method"], message["params"]))
            else:
                self.notifications.append((message["method"], message["params"]))
            self.changed.notify_all()

    def _wait(self, find, seconds, what):
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                found = find()
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{what} did not come within {seconds} s; have {self.notifications}, closed {self.closed}")
                self.changed.wait(left)

    def send_text(self, text):
        self._run(lambda: self.socket.send(text))

    def begin(self, method, **params):
        """Sends a request; returns its id for finish()."""
        self.last_id += 1
        self.send_text(json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params}))
        return self.last_id

    def finish(self, number, seconds=15):
        answer = self._wait(lambda: self.answers.get(number) or ({} if self.closed else None), seconds, f"the answer to {number}")
        if "error" in answer:
            raise SignalError(answer["error"])
        assert "result" in answer, f"closed: {self.closed}"
        return answer["result"]

    def result(self, method, **params):
        return self.finish(self.begin(method, **params))

    def refusal(self, method, **params):
        try:
            answer = self.result(method, **params)
        except SignalError as error:
            return error.name
        raise AssertionError(f"{method} was not refused: {answer}")

    def wait_for(self, method, seconds=10, **wanted):
        """The params of the first notification of method that has these members; it is taken out."""
        def find():
            for index, (name, params) in enumerate(self.notifications):
                if name == method and all(params.get(key) == value for key, value in wanted.items()):
                    return self.notifications.pop(index)[1]
        return self._wait(find, seconds, f"{method} {wanted}")

    def wait_request(self, method, seconds=10):
        """(id, params) of a request of the hub."""
        def find():
            for index, (number, name, params) in enumerate(self.requests):
                if name == method:
                    self.requests.pop(index)
                    return number, params
        return self._wait(find, seconds, f"the request {method}")

    def answer(self, number, **result):
        self.send_text(json.dumps({"jsonrpc": "2.0", "id": number, "result": result}))

    def wait_closed(self, seconds=10):
        return self._wait(lambda: self.closed, seconds, "the close")

    def drop(self):
        """The network goes away: no close frame."""
        def cut():
            self.socket.transport.abort()
        self.loop.call_soon_threadsafe(cut)
        self.wait_closed()

    def close(self):
        try:
            self._run(self.socket.close, 5)
        except Exception:  # gone already
            pass
        self.loop.call_soon_threadsafe(self.loop.stop)
