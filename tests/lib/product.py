"""The product as the tests see it: ./hub/up in a data directory of its own, on free ports, and what one does with it.

    product.login("county1.doctor").get("/api/v1/session")     a requests session with the cookie and the X-Consilium header
    product.bearer("county1.doctor", "dicomweb").get(...)      the same with a bearer token
    product.cli("ae", "list")                                  build/bin/consilium
    product.sql("SELECT count(*) FROM consilium.study")        as the database's superuser; role=… for another
    product.kill("dicom")                                      SIGKILL to one of database, hub, dicom, media
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import psycopg2
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "consilium-demo"
START_SECONDS = 180
STOP_SECONDS = 15
PROGRAMS = {"database": "postgres", "hub": "consilium-hub", "dicom": "consilium-dicom", "media": "consilium-media"}
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "UndefinedBehaviorSanitizer")


def wait_until(condition, seconds=10, what="the condition"):
    """Polls until condition() is true and returns its value; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)  # polling


def free_ports(count):
    """Ports that are free for TCP and UDP on loopback just now."""
    held, ports = [], []
    while len(ports) < count:
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        held += [tcp, udp]
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(("127.0.0.1", tcp.getsockname()[1]))
        except OSError:
            continue
        ports.append(tcp.getsockname()[1])
    for sock in held:
        sock.close()
    return ports


class Client(requests.Session):
    """A requests session for paths of one product."""

    def __init__(self, product):
        super().__init__()
        self.product = product
        self.verify = str(product.certificate)
        self.trust_env = False
        self.headers["X-Consilium"] = "1"

    def request(self, method, url, **options):
        options.setdefault("timeout", 30)
        return super().request(method, self.product.url + url if url.startswith("/") else url, **options)


class Product:
    def __init__(self, options=(), environment=None, build_dir=None, prefix=(), directory=None):
        """prefix: a command that runs hub/up, such as one that enters a network namespace. directory: where the data directory
        is made."""
        self.build_dir = pathlib.Path(build_dir or os.environ.get("CONSILIUM_TEST_BUILD_DIR") or ROOT / "build")
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="consilium-test-", dir=directory))
        self.https_port, self.dimse_port, self.dimse_tls_port, self.rtc_port = free_ports(4)
        self.url = f"https://127.0.0.1:{self.https_port}"
        self.certificate = self.data / "tls/cert.pem"
        self.prefix, self.options, self.environment = list(prefix), list(options), dict(environment or {})
        self.process = None
        self.output = []
        self.tokens = {}

    # --- life ---------------------------------------------------------------------------------------------------
    def start(self, wait=True):
        command = [*self.prefix, str(ROOT / "hub/up"), "--no-build", "--build-dir", str(self.build_dir), "--data", str(self.data),
                   "--https-port", str(self.https_port), "--dimse-port", str(self.dimse_port),
                   "--dimse-tls-port", str(self.dimse_tls_port), "--rtc-port", str(self.rtc_port), *self.options]
        self.output.clear()
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self.environment}, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self._read_output, args=(self.process.stdout,), daemon=True).start()
        if wait:
            self.wait_ready()
        return self

    def _read_output(self, stream):
        for line in stream:
            self.output.append(line.rstrip("\n"))

    def said_ready(self):
        return any(line.startswith("consilium: ready ") for line in self.output)

    def wait_ready(self, seconds=START_SECONDS):
        try:
            wait_until(lambda: self.said_ready() or self.process.poll() is not None, seconds, "hub/up's ready line")
        except AssertionError:
            self.stop()
            raise AssertionError(f"hub/up did not get ready:\n{self.report()}") from None
        if not self.said_ready():
            raise AssertionError(f"hub/up ended with status {self.process.returncode}:\n{self.report()}")

    def stop(self):
        """SIGTERM; returns the seconds it took. Everything must be gone in time."""
        if not self.process or self.process.poll() is not None:
            return 0
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"hub/up did not stop within {STOP_SECONDS} s:\n{self.report()}") from None
        return time.monotonic() - began

    def close(self):
        """Stops, looks for sanitizer reports in the logs, and removes the data directory."""
        try:
            self.stop()
            reports = [line for line in self.logs().splitlines() if any(mark in line for mark in SANITIZER_MARKS)]
            assert not reports, "a sanitizer complained:\n" + self.logs()
        finally:
            if not os.environ.get("CONSILIUM_TEST_KEEP"):
                shutil.rmtree(self.data, ignore_errors=True)

    def logs(self):
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')}" for path in sorted(self.data.glob("log/*.log")))

    def report(self):
        return "\n".join(self.output) + "\n" + self.logs()[-8000:]

    # --- processes -------------------------------------------------------------------------------------------------
    def pids(self, name):
        """Pids of one of the supervised programs (not of its own children)."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                command, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
                if int(rest.split()[1]) == self.process.pid and command == PROGRAMS[name][:15]:
                    found.append(int(stat.parent.name))
            except (OSError, ValueError):
                continue
        return found

    def kill(self, name, number=signal.SIGKILL):
        """Sends the signal and waits until that process is gone. Returns its pid."""
        pid = wait_until(lambda: self.pids(name), 15, f"a running {name}")[0]
        os.kill(pid, number)
        wait_until(lambda: pid not in self.pids(name), 10, f"the end of {name}")
        return pid

    def is_ready(self):
        try:
            return requests.get(self.url + "/readyz", verify=str(self.certificate), timeout=5).status_code == 200
        except requests.RequestException:
            return False

    # --- the front doors ---------------------------------------------------------------------------------------------
    def client(self):
        return Client(self)

    def login(self, name, password=PASSWORD, **more):
        client = Client(self)
        answer = client.post("/api/v1/session", json={"login": name, "password": password, **more})
        assert answer.status_code == 200, f"{name}: {answer.status_code} {answer.text}"
        return client

    def token(self, login, scope=None, org=None, days=None):
        """A bearer token, one per (login, scope, org) unless days is given."""
        key = (login, scope, org)
        if key in self.tokens and days is None:
            return self.tokens[key]
        arguments = ["token", "create", "--user", login]
        for name, value in (("--scope", scope), ("--org", org), ("--days", days)):
            arguments += [name, str(value)] if value is not None else []
        token = self.cli(*arguments).stdout.strip()
        if days is None:
            self.tokens[key] = token
        return token

    def bearer(self, login, scope=None, org=None):
        client = Client(self)
        client.headers["Authorization"] = "Bearer " + self.token(login, scope, org)
        return client

    def cli(self, *arguments, check=True, **options):
        done = subprocess.run([str(self.build_dir / "bin/consilium"), *arguments, "--data", str(self.data)], text=True,
                              capture_output=True, **{"stdin": subprocess.DEVNULL, **options} if "input" not in options else options)
        if check and done.returncode != 0:
            raise AssertionError(f"consilium {' '.join(arguments)}: {done.stderr}")
        return done

    def connect(self, role="postgres"):
        return psycopg2.connect(host=str(self.data / "run/pg"), dbname="consilium", user=role)

    def sql(self, query, parameters=None, role="postgres"):
        """Rows of one statement, committed; [] when it returns none."""
        connection = self.connect(role)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(query, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()
