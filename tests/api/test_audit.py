"""The audit trail: sealed in the background, readable for auditors only, and a change is found by `consilium audit verify`."""
import pytest

from lib.cases import World
from lib.product import wait_until


@pytest.fixture(scope="module")
def world(product):
    return World(product)


def sealed_up_to(world):
    return world.product.sql("SELECT max(seq) FROM consilium.audit_seal")[0][0] or 0


def read_something(world):
    """Leaves an audit row; returns its number once it is sealed."""
    world.client("county1.doctor").get("/api/v1/worklist")
    seq = world.product.sql("SELECT max(seq) FROM consilium.audit")[0][0]
    wait_until(lambda: sealed_up_to(world) >= seq, 10, "the sealing of the row")
    return seq


def test_rows_are_sealed_and_verify(world):
    read_something(world)
    done = world.product.cli("audit", "verify")
    assert "rows sealed and unchanged" in done.stdout


@pytest.mark.parametrize("change,back", [
    ("UPDATE consilium.audit SET action = 'nothing.happened' WHERE seq = %(seq)s", "UPDATE consilium.audit SET action = %(action)s WHERE seq = %(seq)s"),
    ("UPDATE consilium.audit SET at = at + interval '1 second' WHERE seq = %(seq)s", "UPDATE consilium.audit SET at = at - interval '1 second' WHERE seq = %(seq)s"),
    ("UPDATE consilium.audit_seal SET position = -position WHERE seq = %(seq)s", "UPDATE consilium.audit_seal SET position = -position WHERE seq = %(seq)s"),
])
def test_a_change_by_the_superuser_is_found(world, change, back):
    seq = read_something(world)
    read_something(world)  # so that it is not the last link
    action = world.product.sql("SELECT action FROM consilium.audit WHERE seq = %s", (seq,))[0][0]
    world.product.sql(change, {"seq": seq})
    try:
        done = world.product.cli("audit", "verify", check=False)
        assert done.returncode != 0 and "position" in done.stderr
    finally:
        world.product.sql(back, {"seq": seq, "action": action})
    assert world.product.cli("audit", "verify").returncode == 0


def test_nothing_is_sealed_before_older_transactions_have_ended(world):
    """A row of a transaction that began earlier must not be able to appear before a sealed one later."""
    read_something(world)
    slow = world.product.connect()
    try:
        with slow.cursor() as cursor:
            cursor.execute("SELECT consilium.audit_append('test', 'test.slow', '', NULL)")  # its transaction stays open
            world.client("county1.doctor").get("/api/v1/worklist")
            later = world.product.sql("SELECT max(seq) FROM consilium.audit")[0][0]
            world.product.sql("SELECT consilium.audit_seal_next(1000)")
            assert sealed_up_to(world) < later
        slow.commit()
        wait_until(lambda: sealed_up_to(world) >= later, 10, "sealing after the slow transaction")
        order = world.product.sql("SELECT a.action FROM consilium.audit_seal s JOIN consilium.audit a ON a.seq = s.seq "
                                  "WHERE a.seq = %s OR a.action = 'test.slow' ORDER BY s.position DESC LIMIT 2", (later,))
        assert [row[0] for row in order] == ["worklist.read", "test.slow"]
    finally:
        slow.close()


def test_auditors_read_their_organisation_and_nobody_else_reads(world):
    world.client("county1.doctor").get("/api/v1/worklist")
    rows = world.client("auditor").get("/api/v1/audit?limit=200").json()["items"]
    assert rows and rows == sorted(rows, key=lambda r: -r["seq"])
    mine = world.product.sql("SELECT count(*) FROM consilium.audit WHERE seq = ANY(%s) AND organisation <> %s",
                             ([r["seq"] for r in rows], world.org("LEAD")))[0][0]
    assert mine == 0
    for login in ("lead.admin", "lead.specialist", "county1.doctor"):
        answer = world.client(login).get("/api/v1/audit")
        assert answer.status_code == 403
    refused = world.client("auditor").get("/api/v1/audit?action=audit&limit=10").json()["items"]
    assert any(r["detail"] == {"refused": "denied"} for r in refused)


def test_pages_of_the_trail_do_not_overlap(world):
    for _ in range(5):
        world.client("auditor").get("/api/v1/organisations")
        world.client("lead.coordinator").get("/api/v1/worklist")
    client, url, seen = world.client("auditor"), "/api/v1/audit?action=worklist.read&limit=2", []
    while url and len(seen) < 6:
        page = client.get(url).json()
        seen += [r["seq"] for r in page["items"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) >= 5 and seen == sorted(seen, reverse=True)
