"""Every state × action × account, over HTTP, against golden text files (actions_<kind>.txt beside this file; written anew with
CONSILIUM_GOLDEN=write): what GET …/actions offers ("may"), and how each other action is refused."""
import os
import pathlib

import pytest

from lib.cases import ACCOUNTS, BOOKING, OPINION, World

HERE = pathlib.Path(__file__).parent
DOCTOR, EXPERT, DESK = "county1.doctor", "lead.specialist", "lead.coordinator"
# How to get from one state to the next: state reached, from, who, action, body.
CONSULT_WAYS = [
    ("submitted", "draft", DOCTOR, "submit", {}),
    ("assigned", "submitted", EXPERT, "claim", {}),
    ("info", "assigned", EXPERT, "ask", {"note": "?"}),
    ("signed", "assigned", EXPERT, "sign", {"opinion": OPINION}),
    ("acknowledged", "signed", DOCTOR, "acknowledge", {}),
    ("closed", "acknowledged", DOCTOR, "close", {"adopted": "yes"}),
    ("declined", "submitted", EXPERT, "decline", {"reason": "capacity"}),
    ("cancelled", "submitted", DOCTOR, "cancel", {"reason": "mistake"}),
]
REFERRAL_WAYS = [
    ("sent", "draft", DOCTOR, "send", {}),
    ("claimed", "sent", DESK, "claim", {}),
    ("info", "claimed", DESK, "ask", {"note": "?"}),
    ("accepted", "claimed", DESK, "accept", {}),
    ("booked", "accepted", DESK, "book", {"booking": BOOKING}),
    ("no_show", "booked", DESK, "no_show", {"reason": "patient"}),
    ("arrived", "booked", EXPERT, "arrive", {"visit": "1"}),
    ("reported", "arrived", EXPERT, "report", {"report": "Done."}),
    ("closed", "reported", DOCTOR, "close", {}),
    ("rejected", "claimed", DESK, "reject", {"reason": "capacity", "note": "Full."}),
    ("cancelled", "sent", DOCTOR, "cancel", {"reason": "mistake"}),
]
CONSULT_ACTIONS = ["submit", "claim", "decline", "cancel", "ask", "answer", "release", "sign", "amend", "acknowledge", "close", "revise"]
REFERRAL_ACTIONS = ["send", "claim", "release", "ask", "answer", "accept", "reject", "book", "arrive", "no_show", "report", "close",
                    "cancel", "revise"]


@pytest.fixture(scope="module")
def world(product):
    return World(product)


def reach(world, plural, ways, state):
    """A case in that state."""
    if state == "draft":
        make = world.consult if plural == "consults" else world.referral
        return make(world.study("COUNTY1"), submit=False)
    _, before, who, action, body = next(way for way in ways if way[0] == state)
    return world.act(who, plural, reach(world, plural, ways, before), action, **body)


def describe(world, plural, ways, actions):
    lines = []
    for state in ["draft"] + [way[0] for way in ways]:
        case = reach(world, plural, ways, state)
        for login in ACCOUNTS:
            offered = world.client(login).get(f"/api/v1/{plural}/{case['id']}/actions")
            may = [a["action"] for a in offered.json()["items"]] if offered.status_code == 200 else []
            tried = [a for a in actions if a not in may] if offered.status_code == 200 else [actions[0], actions[-1]]
            refused = {}
            for action in tried:
                status = world.try_act(login, plural, case, action).status_code
                refused.setdefault(status, []).append(action)
            words = ["may " + " ".join(may)] if may else []
            words += [f"{status} all" if not may and len(refused) == 1 else f"{status} " + " ".join(names)
                      for status, names in sorted(refused.items())]
            lines.append(f"{state} | {login}: " + "; ".join(words))
        after = world.client(DOCTOR).get(f"/api/v1/{plural}/{case['id']}").json()
        assert (after["state"], after["version"]) == (state, case["version"]), "a refused action changed something"
    return "\n".join(lines) + "\n"


@pytest.mark.timeout(900)  # a thousand requests
@pytest.mark.parametrize("kind,ways,actions", [("consult", CONSULT_WAYS, CONSULT_ACTIONS), ("referral", REFERRAL_WAYS, REFERRAL_ACTIONS)])
def test_golden(world, kind, ways, actions):
    golden = HERE / f"actions_{kind}.txt"
    now = describe(world, kind + "s", ways, actions)
    if os.environ.get("CONSILIUM_GOLDEN") == "write":
        golden.write_text(now)
    assert now == golden.read_text()
