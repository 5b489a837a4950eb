"""Referrals over the API: the way from sent to closed, and the ways out of it."""
import pytest

from lib.cases import BOOKING, World


@pytest.fixture(scope="module")
def world(product):
    return World(product)


def test_the_whole_way(world):
    study = world.study("COUNTY1")
    referral = world.referral(study)
    path = f"/api/v1/referrals/{referral['id']}"
    assert referral["state"] == "sent" and referral["number"].startswith("R")
    # coordinators and the department see form and images while it is alive
    for login in ("lead.coordinator", "lead.specialist", "lead.radiologist"):
        assert [s["id"] for s in world.client(login).get(path).json()["studies"]] == [study["id"]], login
    for login in ("lead.teacher", "lead.admin", "auditor", "county2.doctor", "town1.doctor", "panel1.coordinator"):
        assert not world.sees(login, path), login

    def step(login, action, **body):
        nonlocal referral
        referral = world.act(login, "referrals", referral, action, **body)
        return referral

    assert step("lead.coordinator", "claim")["state"] == "claimed"
    assert step("lead.coordinator", "accept", department=world.department("LEAD", "surgery"))["state"] == "accepted"
    assert not world.sees("lead.radiologist", path)  # it went to another department
    missing = world.try_act("lead.coordinator", "referrals", referral, "book")
    assert missing.status_code == 422 and missing.json()["errors"] == [{"field": "booking", "problem": "required"}]
    assert world.try_act("lead.coordinator", "referrals", referral, "book", booking={"at": "tomorrow"}).status_code == 400
    booked = step("lead.coordinator", "book", booking=BOOKING)
    assert booked["booking"]["at"] == "2030-01-02T01:30:00.000Z" and booked["due_at"] == "2030-01-02T03:30:00.000Z"
    assert step("lead.coordinator", "arrive", visit="V-1")["visit"] == "V-1"
    assert world.try_act("lead.coordinator", "referrals", referral, "report", report="Done.").status_code == 403


def test_report_is_read_before_it_closes(world):
    study = world.study("COUNTY1")
    referral = world.referral(study)
    for login, action, body in [("lead.specialist", "claim", {}), ("lead.specialist", "accept", {}),
                                ("lead.coordinator", "book", {"booking": BOOKING}),
                                ("lead.specialist", "arrive", {"visit": "V-2"}),
                                ("lead.specialist", "report", {"report": "Operated. Recovering."})]:
        referral = world.act(login, "referrals", referral, action, **body)
    assert referral["report"]["author"]["id"] == world.persons["lead.specialist"] and len(referral["report"]["content_hash"]) == 64
    closed = world.act("county1.doctor", "referrals", referral, "close")
    assert closed["state"] == "closed"
    events = world.client("county1.doctor").get(f"/api/v1/referrals/{referral['id']}/events").json()["items"]
    assert [e["action"] for e in events] == ["create", "send", "claim", "accept", "book", "arrive", "report", "close"]


def test_without_a_department_it_is_the_coordinators(world):
    study = world.study("COUNTY1")
    referral = world.referral(study, department=None)
    path = f"/api/v1/referrals/{referral['id']}"
    assert world.sees("lead.coordinator", path) and not world.sees("lead.specialist", path)
    directed = world.act("lead.coordinator", "referrals", world.act("lead.coordinator", "referrals", referral, "claim"), "accept",
                         department=world.department("LEAD", "cardiology"))
    assert directed["to"]["department"]["code"] == "cardiology" and world.sees("lead.specialist", path)


def test_a_rejected_one_comes_back_and_goes_elsewhere_as_the_same_case(world):
    referral = world.act("lead.coordinator", "referrals", world.referral(world.study("COUNTY1")), "claim")
    answer = world.try_act("lead.coordinator", "referrals", referral, "reject", reason="capacity")
    assert answer.status_code == 422 and answer.json()["errors"] == [{"field": "note", "problem": "required"}]
    rejected = world.act("lead.coordinator", "referrals", referral, "reject", reason="capacity", note="Try next week.")
    draft = world.act("county1.doctor", "referrals", rejected, "revise")
    assert draft["state"] == "draft" and not world.sees("lead.coordinator", f"/api/v1/referrals/{draft['id']}")
    sent = world.act("county1.doctor", "referrals", draft, "send")
    assert sent["number"] == referral["number"] and world.sees("lead.coordinator", f"/api/v1/referrals/{draft['id']}")


def test_no_show_is_booked_again_or_closed_with_a_reason(world):
    referral = world.referral(world.study("COUNTY1"))
    for action, body in [("claim", {}), ("accept", {}), ("book", {"booking": BOOKING}), ("no_show", {"reason": "unreached"}),
                         ("book", {"booking": BOOKING}), ("no_show", {"reason": "elsewhere"})]:
        referral = world.act("lead.coordinator", "referrals", referral, action, **body)
    assert world.act("lead.coordinator", "referrals", referral, "close", reason="elsewhere")["state"] == "closed"


def test_down_to_the_county(world):
    """The same machine in the other direction: the lead hospital sends, the county's coordinator receives."""
    study = world.study("LEAD")
    answer = world.client("lead.specialist").post("/api/v1/referrals", json={
        **world.referral_input(study), "direction": "down", "to_organisation": world.org("COUNTY1"),
        "to_department": world.department("COUNTY1", "internal"), "submit": True})
    assert answer.status_code == 201, answer.text
    assert world.act("county1.coordinator", "referrals", answer.json(), "claim")["state"] == "claimed"
