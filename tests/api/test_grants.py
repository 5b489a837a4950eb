"""Access to studies comes from grants and ends when the last live one ends; forms end with their case plus the grace time.
The grace is two seconds here (auth.grant-grace); everything is watched with deadlines."""
import datetime

import pytest

from lib.cases import BOOKING, OPINION, World
from lib.product import Product, wait_until

GRACE = datetime.timedelta(seconds=2)


@pytest.fixture(scope="module")
def world():
    instance = Product(environment={"CONSILIUM_AUTH_GRANT_GRACE": "2"})
    try:
        yield World(instance.start())
    finally:
        instance.close()


def sees_study(world, login, study):
    """As the hub's role sees it: study, series and instance rows stand or fall together."""
    connection = world.product.connect("consilium_hub")
    organisation = {"lead": "LEAD", "county1": "COUNTY1", "county2": "COUNTY2"}[login.split(".")[0]]
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT set_config('consilium.person', %s, true), set_config('consilium.organisation', %s, true)",
                           (world.persons[login], world.org(organisation)))
            cursor.execute("SELECT (SELECT count(*) FROM consilium.study WHERE id = %(s)s), "
                           "(SELECT count(*) FROM consilium.series WHERE study = %(s)s), "
                           "(SELECT count(*) FROM consilium.instance WHERE study = %(s)s)", {"s": study["id"]})
            counts = cursor.fetchone()
    finally:
        connection.close()
    assert len(set(counts)) == 1, counts
    return counts[0] == 1


def open_consult(world, study):
    return world.act("lead.specialist", "consults", world.consult(study), "claim")


def close_consult(world, consult):
    signed = world.act("lead.specialist", "consults", consult, "sign", opinion=OPINION)
    world.act("county1.doctor", "consults", world.act("county1.doctor", "consults", signed, "acknowledge"), "close",
              adopted="partly")


def close_referral(world, referral):
    for login, action, body in [("lead.coordinator", "claim", {}), ("lead.coordinator", "accept", {}),
                                ("lead.coordinator", "book", {"booking": BOOKING}),
                                ("lead.specialist", "arrive", {"visit": "1"}), ("lead.specialist", "report", {"report": "Done."}),
                                ("county1.doctor", "close", {})]:
        referral = world.act(login, "referrals", referral, action, **body)


def gone(world, login, study):
    wait_until(lambda: not sees_study(world, login, study), 20, f"the end of {login}'s access")


def live_grants(world, study):
    return world.product.sql("SELECT count(*) FROM consilium.access_grant WHERE study = %s AND "
                             "consilium.is_open(valid_from, valid_until)", (study["id"],))[0][0]


def test_the_specialist_loses_images_and_form_after_the_grace(world):
    study = world.study("COUNTY1")
    consult = world.consult(study)
    assert not sees_study(world, "lead.specialist", study)
    consult = world.act("lead.specialist", "consults", consult, "claim")
    assert sees_study(world, "lead.specialist", study)
    assert not sees_study(world, "lead.radiologist", study) and not sees_study(world, "lead.coordinator", study)
    close_consult(world, consult)
    path = f"/api/v1/consults/{consult['id']}"
    # the grace: grant and form end together, so long after closing
    assert world.product.sql("SELECT g.valid_until - c.closed_at, c.to_until - c.closed_at FROM consilium.consult c "
                             "JOIN consilium.access_grant g ON g.basis_id = c.id WHERE c.id = %s", (consult["id"],)
                             ) == [(GRACE, GRACE)]
    gone(world, "lead.specialist", study)
    assert not world.sees("lead.specialist", path) and not world.sees("lead.coordinator", path)
    assert not world.sees("lead.specialist", f"/api/v1/rooms/{consult['room']}")
    assert world.sees("county1.doctor", path)  # the sender keeps the case


def test_two_grants_the_consult_ends_first(world):
    study = world.study("COUNTY1")
    consult, referral = open_consult(world, study), world.referral(study)
    assert live_grants(world, study) == 2
    close_consult(world, consult)
    wait_until(lambda: live_grants(world, study) == 1, 20, "the end of the consult's grant")
    assert sees_study(world, "lead.specialist", study)
    close_referral(world, referral)
    gone(world, "lead.specialist", study)


def test_two_grants_the_referral_ends_first(world):
    study = world.study("COUNTY1")
    referral, consult = world.referral(study), open_consult(world, study)
    close_referral(world, referral)
    gone(world, "lead.coordinator", study)
    assert live_grants(world, study) == 1 and sees_study(world, "lead.specialist", study)
    close_consult(world, consult)
    gone(world, "lead.specialist", study)


def test_release_ends_access_at_once(world):
    study = world.study("COUNTY1")
    consult = open_consult(world, study)
    released = world.act("lead.coordinator", "consults", consult, "release")
    assert released["state"] == "submitted" and released["claimed_by"] is None
    assert not sees_study(world, "lead.specialist", study)
    world.act("lead.radiologist", "consults", released, "claim")
    assert sees_study(world, "lead.radiologist", study) and not sees_study(world, "lead.specialist", study)


@pytest.mark.parametrize("way", ["cancel", "reject"])
def test_a_referral_that_fails_ends_too(world, way):
    study = world.study("COUNTY1")
    referral = world.act("lead.coordinator", "referrals", world.referral(study), "claim")
    if way == "cancel":
        world.act("county1.doctor", "referrals", referral, "cancel", reason="improved")
    else:
        world.act("lead.coordinator", "referrals", referral, "reject", reason="indication", note="Treat at home.")
    assert world.product.sql("SELECT g.valid_until - r.closed_at FROM consilium.referral r JOIN consilium.access_grant g "
                             "ON g.basis_id = r.id WHERE r.id = %s", (referral["id"],)) == [(GRACE,)]  # at most a day
    gone(world, "lead.coordinator", study)
    assert not world.sees("lead.coordinator", f"/api/v1/referrals/{referral['id']}")
