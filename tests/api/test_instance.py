"""hub/up, the supervisor and the command line keep what README promises."""
import os
import signal
import stat
import subprocess
import time

import pytest
import requests
from lib.product import Product, wait_until

LOGINS = {"lead.specialist": "LEAD", "lead.radiologist": "LEAD", "lead.coordinator": "LEAD", "lead.teacher": "LEAD",
          "lead.admin": "LEAD", "county1.doctor": "COUNTY1", "county1.radiographer": "COUNTY1",
          "county1.coordinator": "COUNTY1", "county2.doctor": "COUNTY2", "town1.doctor": "TOWN1",
          "panel1.coordinator": "PANEL1", "auditor": "LEAD"}


def test_health_and_readiness(product):
    assert product.client().get("/healthz").status_code == 200
    assert product.client().get("/readyz").status_code == 200


@pytest.mark.parametrize("login", LOGINS)
def test_demo_accounts_sign_in_for_their_organisation(product, login):
    answer = product.client().post("/api/v1/session", json={"login": login, "password": "consilium-demo"})
    assert answer.status_code == 200
    codes = dict(product.sql("SELECT id::text, code FROM consilium.organisation"))
    organisation = answer.json()["organisation"]
    assert codes[organisation["id"] if isinstance(organisation, dict) else organisation] == LOGINS[login]


def test_programs_run_as_users_of_their_own(product):
    """Nothing but the supervisor runs as root, and no two programs share a user."""
    owners = {}
    for name in ("database", "hub", "dicom", "media"):
        for pid in product.pids(name):
            owners[name] = os.stat(f"/proc/{pid}").st_uid
    assert {"database", "hub"} <= set(owners)
    assert 0 not in owners.values()
    assert len(set(owners.values())) == len(owners)


def test_data_directory_is_closed_to_others(product):
    for name in ("", "db", "blobs", "incoming", "cache", "recordings", "log", "tls", "run"):
        mode = (product.data / name).stat().st_mode
        assert mode & stat.S_IRWXO == 0, name
    assert (product.data / "tls/key.pem").stat().st_mode & 0o777 == 0o640


def test_database_lets_each_user_be_its_role_only(product):
    """No role is superuser or passes by row-level security, and peer authentication refuses the roles of others."""
    rows = product.sql("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'consilium%'")
    assert sorted(row[0] for row in rows) == ["consilium_dicom", "consilium_hub", "consilium_owner"]
    assert not any(row[1] or row[2] for row in rows)
    owned = product.sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'consilium'")
    assert owned == [("consilium_owner",)]
    for user, role, allowed in (("consilium-hub", "consilium_hub", True), ("consilium-dicom", "consilium_dicom", True),
                                ("consilium-hub", "consilium_owner", False), ("consilium-dicom", "consilium_hub", False),
                                ("consilium-media", "consilium_hub", False), ("consilium-hub", "postgres", False)):
        done = subprocess.run(["setpriv", "--reuid", user, "--regid", user, "--init-groups", "psql", "-XAtc", "SELECT 1",
                               "-h", str(product.data / "run/pg"), "-U", role, "consilium"], capture_output=True, text=True)
        assert (done.returncode == 0) == allowed, f"{user} as {role}: {done.stderr}"


def test_certificate_names_loopback(product):
    """requests checks the certificate against localhost and 127.0.0.1."""
    for host in ("localhost", "127.0.0.1"):
        answer = requests.get(f"https://{host}:{product.https_port}/healthz", verify=str(product.certificate), timeout=10)
        assert answer.status_code == 200


def test_killed_programs_come_back(start_product):
    product = start_product()
    for name in ("hub", "database", "dicom", "media"):
        if not product.pids(name):
            continue
        product.kill(name)
        wait_until(product.is_ready, 15, f"readiness after the end of {name}")
    assert product.stop() < 10
    assert product.process.returncode == 0


def test_second_start_is_quick_and_own_password_survives(start_product):
    product = start_product(options=["--demo-password", "own secret 1"])
    product.login("county1.doctor", "own secret 1")
    assert product.client().post("/api/v1/session", json={"login": "county1.doctor", "password": "consilium-demo"}
                                 ).status_code == 401
    product.stop()
    product.options = []
    began = time.monotonic()
    product.start()
    assert time.monotonic() - began < 15
    product.login("county1.doctor", "own secret 1")


def test_nothing_survives_the_supervisor(start_product):
    """kill -9 of hub/up takes the database, the hub and the workers with it."""
    product = start_product()
    pids = [pid for name in ("database", "hub", "dicom", "media") for pid in product.pids(name)]
    product.process.send_signal(signal.SIGKILL)
    product.process.wait()
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), 10, "the end of all programs")
    product.start()


def test_a_data_directory_runs_once(start_product):
    product = start_product()
    other = Product()
    try:
        other.data.rmdir()
        other.data = product.data
        other.start(wait=False)
        assert other.process.wait(60) != 0
        wait_until(lambda: "in use" in "\n".join(other.output), 5, "a clear message")
    finally:
        other.data = other.data.with_name("nothing")
    assert product.is_ready()


@pytest.mark.parametrize("options, message", [
    (["--host", "0.0.0.0"], "needs --announce"),
    (["--host", "192.0.2.7"], "--demo-password"),
    (["--host", "192.0.2.7", "--demo-password", "consilium-demo"], "--demo-password"),
    (["--https-port", "70000"], "no port"),
    (["--colour"], "unknown option"),
])
def test_bad_options_are_refused(start_product, options, message):
    product = start_product(wait=False, options=options)
    assert product.process.wait(60) != 0
    wait_until(lambda: message in "\n".join(product.output), 5, message)


def test_default_demo_password_stays_refused_without_demo(start_product):
    """Loaded once with the known password, the accounts are there: --no-demo does not open them to the network."""
    product = start_product()
    product.stop()
    product.options = ["--no-demo", "--host", "192.0.2.7"]
    product.start(wait=False)
    assert product.process.wait(60) != 0
    wait_until(lambda: "--demo-password" in "\n".join(product.output), 5, "the refusal")


def test_own_address(start_product):
    """With --host ADDR the certificate names it, the demo AEs may call from it, and an address of somebody else may not.
    In a network namespace of its own, where the address is this machine's."""
    def run(product, *command):
        return subprocess.run(["nsenter", "-t", str(product.process.pid), "-n", *command], capture_output=True, text=True,
                              timeout=60)

    lan = "ip link set lo up && ip addr add 192.0.2.7/32 dev lo && ip addr add 192.0.2.8/32 dev lo && exec \"$@\""
    product = start_product(prefix=["unshare", "--net", "bash", "-c", lan, "bash"],
                            options=["--host", "192.0.2.7", "--demo-password", "not the known one"])
    assert f"consilium: ready https://192.0.2.7:{product.https_port}/" in product.output
    got = run(product, "curl", "-sS", "--cacert", str(product.certificate), f"https://192.0.2.7:{product.https_port}/healthz")
    assert got.returncode == 0, got.stderr
    port = str(product.dimse_port)
    for address in ("192.0.2.7", "127.0.0.1"):  # programs on the same machine call the second
        echo = run(product, "echoscu", "-aet", "COUNTY1_CT", "-aec", "CONSILIUM", address, port)
        assert echo.returncode == 0, echo.stderr
    run(product, "ip", "route", "replace", "local", "192.0.2.7", "dev", "lo", "src", "192.0.2.8")
    stranger = run(product, "echoscu", "-aet", "COUNTY1_CT", "-aec", "CONSILIUM", "192.0.2.7", port)
    assert stranger.returncode != 0
