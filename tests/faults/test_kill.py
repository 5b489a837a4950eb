"""kill -9 of the hub, the dicom program, the media program and PostgreSQL at random moments, while dcmsend goes on sending:
whatever was acknowledged is there afterwards, whole, and nothing is half-indexed."""
import os
import random
import subprocess

import pytest
from lib.product import wait_until
from lib.sending import acknowledged, check_index, make_studies, start_sending

INSTANCES = 1000
KILLS_OF_EACH = 3
ROUNDS_LIMIT = 120
SEED = int(os.environ.get("CONSILIUM_TEST_SEED", "1"))


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """SOP Instance UID → file, of 1000 small instances in 100 studies."""
    return make_studies(tmp_path_factory.mktemp("studies"), INSTANCES // 10)


@pytest.mark.timeout(900)
def test_acknowledged_instances_survive_kills(start_product, studies, tmp_path):
    product = start_product()
    chance = random.Random(SEED)
    kills = [name for name in ("database", "hub", "dicom", "media") if product.pids(name)] * KILLS_OF_EACH
    chance.shuffle(kills)
    planned = list(kills)
    acked, report = set(), tmp_path / "report.txt"
    for _ in range(ROUNDS_LIMIT):
        missing = [path for uid, path in studies.items() if uid not in acked]
        if not missing and not kills:
            break
        # While kills are left, what was acknowledged is sent again too: a repetition must not disturb it.
        process = start_sending(product, missing or list(studies.values())[:200], report)
        try:
            process.wait(chance.uniform(0.2, 3.0) if kills else 300)
        except subprocess.TimeoutExpired:
            if not kills:
                process.kill()
                raise
            product.kill(kills.pop())
            process.wait(120)
        acked |= acknowledged(report)
        wait_until(product.is_ready, 60, "readiness after a kill")
    assert not kills, f"only {len(planned) - len(kills)} kills happened while something was being sent"
    assert len(acked) == INSTANCES, f"{len(acked)} acknowledged after {ROUNDS_LIMIT} associations"
    check_index(product, studies, acked)
    assert product.stop() < 10


def test_readiness_names_what_is_missing(start_product):
    """While the database is down, /readyz says so and /healthz still answers."""
    product = start_product()
    nobody = product.client()

    def complaint():
        answer = nobody.get("/readyz")
        return answer.status_code == 503 and answer.text

    product.kill("database")
    # PostgreSQL needs its crash recovery before it is back, so the time of being down can be seen
    assert "database" in wait_until(complaint, 15, "/readyz to name what is missing")
    assert nobody.get("/healthz").status_code == 200
    wait_until(product.is_ready, 15, "readiness after the database came back")
    answer = product.login("county1.doctor").get("/api/v1/session")
    assert answer.status_code == 200
