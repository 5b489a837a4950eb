"""Plays the hub to one worker on a Unix socket (signaling/README.md section 2), so that a worker can be tested alone."""
import asyncio
import itertools
import json
import threading
import time

import websockets

PROTOCOL = "consilium.v1"
MESSAGE_LIMIT = 1024 * 1024


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.name = error.get("data", {}).get("name")


class PlayedHub:
    """Runs in a thread of its own. `call` may be used from any other."""

    def __init__(self, socket_path):
        self.socket_path = socket_path
        self.facts = None          # of worker.hello
        self.ready = threading.Event()
        self.notifications = []    # (method, params), in order
        self._arrived = threading.Condition()
        self._ids = itertools.count(1)
        self._waiting = {}
        self._socket = None
        self._loop = asyncio.new_event_loop()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._listening.wait(5)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def call(self, method, _timeout=10, **params):
        """The worker's result, or RpcError."""
        future = asyncio.run_coroutine_threadsafe(self._call(method, params), self._loop)
        return future.result(_timeout)

    def lose(self):
        """Breaks the connection, as the hub's death would; returns when the worker is back."""
        self.ready.clear()
        asyncio.run_coroutine_threadsafe(self._socket.close(), self._loop)
        assert self.ready.wait(20), "the worker did not come back"

    def wait_for(self, method, timeout=10, **fields):
        """The first notification, past or coming, that has these fields."""
        end = time.monotonic() + timeout
        with self._arrived:
            while True:
                for name, params in self.notifications:
                    if name == method and all(params.get(key) == value for key, value in fields.items()):
                        return params
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"no {method} {fields} within {timeout} s; came: {self.notifications[-10:]}")
                self._arrived.wait(left)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        self._stop = asyncio.Event()
        async with websockets.unix_serve(self._talk, self.socket_path, subprotocols=[PROTOCOL],
                                         max_size=MESSAGE_LIMIT, ping_interval=None, compression=None):
            self._listening.set()
            await self._stop.wait()

    async def _call(self, method, params):
        number = next(self._ids)
        future = self._waiting[number] = self._loop.create_future()
        await self._socket.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        return await future

    async def _talk(self, socket):
        self._socket = socket
        try:
            async for text in socket:
                await self._take(socket, json.loads(text))
        except websockets.ConnectionClosed:
            pass

    async def _take(self, socket, message):
        if "method" not in message:
            future = self._waiting.pop(message["id"], None)
            if future and "error" in message:
                future.set_exception(RpcError(message["error"]))
            elif future:
                future.set_result(message["result"])
            return
        if message["method"] == "worker.hello":
            self.facts = message["params"]
        if "id" in message:
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}))
            return
        with self._arrived:
            self.notifications.append((message["method"], message.get("params", {})))
            self._arrived.notify_all()
        if message["method"] == "worker.ready":
            self.ready.set()
