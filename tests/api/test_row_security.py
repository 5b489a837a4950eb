"""Row-level security, attacked from the side of the database: as the hub's own role with each demo account's settings,
and as the scanners' role, every row of every table that an account must not see. And catalogue queries that find tables,
functions and roles that were forgotten."""
import pytest
import psycopg2

from lib.cases import ACCOUNTS, OPINION, World

# What holds no patient data: directory, sign-in, configuration. Everything else must have FORCE ROW LEVEL SECURITY.
OPEN_TABLES = {"organisation", "department", "consortium", "consortium_member", "agreement", "person", "person_role", "session",
               "token", "login_failure", "ae", "migration"}
# The tables in which a whole case leaves rows, and how a row names the case.
CASE_ROWS = {
    "patient": "id = %(patient)s",
    "study": "id = %(study)s",
    "series": "study = %(study)s",
    "instance": "study = %(study)s",
    "access_grant": "study = %(study)s",
    "consult": "id = %(consult)s",
    "consult_study": "consult = %(consult)s",
    "opinion": "consult = %(consult)s",
    "referral": "id = %(referral)s",
    "referral_study": "referral = %(referral)s",
    "case_event": "subject IN (%(consult)s, %(referral)s)",
    "room": "consult = %(consult)s",
    "message": "room = %(room)s",
    "notification": "subject IN (%(consult)s, %(referral)s)",
    "measurement": "study = %(study)s",
}
# Who sees what of a signed consult of COUNTY1 to LEAD's radiology and a sent referral to its coordinators, both with one study.
FORM = {"patient", "consult", "consult_study", "opinion", "case_event"}
REFERRAL = {"patient", "referral", "referral_study", "case_event", "study", "series", "instance", "access_grant", "notification",
            "measurement"}
SEEN = {
    "county1.doctor": set(CASE_ROWS),
    "county1.coordinator": set(CASE_ROWS) - {"notification"},  # those are the asking doctor's
    "county1.radiographer": set(CASE_ROWS) - {"notification"},
    # the claimer: also the images and the room; not the referral, which is the coordinators'
    "lead.specialist": FORM | {"study", "series", "instance", "access_grant", "room", "message", "notification",
                               "measurement"},
    # the department: the form; the side's grants (ids) and notifications, no images
    "lead.radiologist": FORM | {"access_grant", "notification"},
    "lead.coordinator": FORM | REFERRAL,
}


@pytest.fixture(scope="module")
def world(product):
    return World(product)


@pytest.fixture(scope="module")
def case(world):
    study = world.study("COUNTY1")
    referral = world.referral(study, department=None)
    consult = world.act("lead.specialist", "consults", world.consult(study), "claim")
    world.draw("county1.doctor", study)
    said = world.client("county1.doctor").post(f"/api/v1/rooms/{consult['room']}/messages", json={"text": "Guten Tag"})
    assert said.status_code == 201, said.text
    world.act("lead.specialist", "consults", consult, "sign", opinion=OPINION)
    return {"study": study["id"], "patient": study["patient"], "study_uid": study["study_uid"], "consult": consult["id"],
            "referral": referral["id"], "room": consult["room"]}


class Attacker:
    """A connection as a program's role that says whom it acts for, as every unit of work of the hub does."""

    def __init__(self, world, role, login=None, organisation=None):
        self.connection = world.product.connect(role)
        self.settings = (world.persons[login] if login else "",
                         world.org(organisation or home(login)) if organisation or login else "")

    def rows(self, statement, parameters=None):
        with self.connection, self.connection.cursor() as cursor:
            cursor.execute("SELECT set_config('consilium.person', %s, true), set_config('consilium.organisation', %s, true)",
                           self.settings)
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def refused(self, statement, parameters=None):
        """True when it fails, or changes and shows nothing."""
        try:
            return not self.rows(statement, parameters)
        except psycopg2.Error:
            return True


def home(login):
    return "LEAD" if login == "auditor" else login.split(".")[0].upper()


@pytest.mark.parametrize("login", ACCOUNTS)
def test_each_account_sees_exactly_its_rows(world, case, login):
    attacker = Attacker(world, "consilium_hub", login)
    seen = {table for table, which in CASE_ROWS.items()
            if attacker.rows(f"SELECT count(*) FROM consilium.{table} WHERE {which}", case)[0][0] > 0}
    assert seen == SEEN.get(login, set())


@pytest.mark.parametrize("login", ACCOUNTS)
def test_each_account_by_http(world, case, login):
    seen = SEEN.get(login, set())
    for path, table in [(f"/api/v1/consults/{case['consult']}", "consult"), (f"/api/v1/consults/{case['consult']}/events", "consult"),
                        (f"/api/v1/consults/{case['consult']}/actions", "consult"),
                        (f"/api/v1/referrals/{case['referral']}", "referral"),
                        (f"/api/v1/referrals/{case['referral']}/actions", "referral"),
                        (f"/api/v1/referrals/{case['referral']}/events", "referral"), (f"/api/v1/rooms/{case['room']}", "room"),
                        (f"/api/v1/rooms/{case['room']}/messages", "message"), (f"/api/v1/patients/{case['patient']}", "patient"),
                        (f"/api/v1/studies/{case['study']}", "study"),
                        (f"/api/v1/studies/{case['study']}/measurements", "measurement"),
                        (f"/dicom-web/studies/{case['study_uid']}/metadata", "study"),
                        (f"/dicom-web/orgs/COUNTY1/studies/{case['study_uid']}/metadata", "study")]:
        assert world.sees(login, path) == (table in seen), path
    matches = world.client(login).get(f"/dicom-web/studies?StudyInstanceUID={case['study_uid']}")
    assert bool(matches.json() if matches.status_code == 200 else []) == ("study" in seen)
    own = {s["id"] for s in world.client(login).get("/api/v1/studies?limit=200").json()["items"]}
    assert (case["study"] in own) == ("study" in seen)
    listed = {item["id"] for view in ("todo", "unclaimed", "sent", "closed") for item in
              world.client(login).get(f"/api/v1/worklist?view={view}&limit=200").json()["items"]}
    assert (case["consult"] in listed) <= ("consult" in seen) and (case["referral"] in listed) <= ("referral" in seen)
    found = world.client(login).get("/api/v1/patients?query=wang&limit=200").json()["items"]
    assert (case["patient"] in [p["id"] for p in found]) == login.startswith("county1.")


def test_a_study_answer_never_carries_what_the_reader_may_not_open(world, case):
    for login in ("lead.radiologist", "lead.coordinator", "lead.specialist"):
        studies = world.client(login).get(f"/api/v1/consults/{case['consult']}").json()["studies"]
        assert bool(studies) == ("study" in SEEN[login]), login


@pytest.mark.parametrize("login", [None, "lead.admin", "auditor", "lead.teacher", "county2.doctor", "lead.specialist"])
def test_nobody_writes_past_the_functions(world, case, login):
    attacker = Attacker(world, "consilium_hub", login)
    for table in CASE_ROWS:
        if table == "patient":
            continue
        assert attacker.refused(f"DELETE FROM consilium.{table}"), table
        column = {"consult_study": "study", "referral_study": "study", "case_event": "version"}.get(table, "id")
        assert attacker.refused(f"UPDATE consilium.{table} SET {column} = {column}"), table
    assert attacker.refused("UPDATE consilium.patient SET phone = '1' WHERE id = %(patient)s", case)
    assert attacker.refused("INSERT INTO consilium.access_grant (patient, study, from_organisation, to_organisation, reach, basis, "
                            "basis_id) SELECT %(patient)s, %(study)s, organisation, consilium.my_org(), 'organisation', 'share', "
                            "%(consult)s FROM consilium.study WHERE id = %(study)s", case)
    assert attacker.refused("DELETE FROM consilium.audit") and attacker.refused("UPDATE consilium.audit SET actor = ''")
    assert attacker.refused("SELECT * FROM consilium.audit_seal")


def test_functions_refuse_those_who_are_no_side_of_the_case(world, case):
    act = ("SELECT consilium.{0}_act(%(id)s, (SELECT version FROM consilium.{0} WHERE id = %(id)s), 'claim', '{1}', 'assigned', '', "
           "'{{claim}}', '{{}}', NULL, NULL, '{{}}', NULL, 0)")
    version = world.product.sql("SELECT version FROM consilium.consult WHERE id = %(consult)s", case)[0][0]
    for login in ("county2.doctor", "town1.doctor"):
        attacker = Attacker(world, "consilium_hub", login)
        for state in ("signed", "submitted"):
            with pytest.raises(psycopg2.Error):
                attacker.rows(act.format("consult", state).replace(
                    "(SELECT version FROM consilium.consult WHERE id = %(id)s)", str(version)), {"id": case["consult"]})
        with pytest.raises(psycopg2.Error):
            attacker.rows("SELECT consilium.opinion_save(%s, %s, '{}')", (case["consult"], version))


@pytest.mark.parametrize("organisation,seen", [("COUNTY1", True), ("COUNTY2", False), ("LEAD", True), ("TOWN1", False)])
def test_the_scanners_role_sees_what_was_granted_to_the_organisation(world, case, organisation, seen):
    attacker = Attacker(world, "consilium_dicom", organisation=organisation)
    for table in ("patient", "study", "series", "instance"):
        count = attacker.rows(f"SELECT count(*) FROM consilium.{table} WHERE {CASE_ROWS[table]}", case)[0][0]
        assert (count > 0) == seen, table
    for table in ("consult", "referral", "opinion", "message", "session", "person", "token", "audit"):
        assert attacker.refused(f"SELECT * FROM consilium.{table}"), table
    assert attacker.refused("SELECT consilium.consult_act(NULL, 0, '', '', '', '', '{}', '{}', NULL, NULL, '{}', NULL, 0)")


def test_a_scanner_cannot_write_into_another_organisation(world, case):
    attacker = Attacker(world, "consilium_dicom", organisation="COUNTY2")
    insert = "INSERT INTO consilium.study (organisation, study_uid, patient) VALUES (%s, '1.2.3.4', %s)"
    assert attacker.refused(insert, (world.org("COUNTY1"), case["patient"]))
    assert attacker.refused(insert, (world.org("COUNTY2"), case["patient"]))  # own study of somebody else's patient
    assert attacker.refused("UPDATE consilium.study SET description = 'x' WHERE id = %(study)s", case)
    assert attacker.refused("UPDATE consilium.patient SET phone = 'x' WHERE id = %(patient)s", case)


def test_no_table_was_forgotten(world):
    rows = world.product.sql("SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
                             "WHERE relnamespace = 'consilium'::regnamespace AND relkind IN ('r', 'p')")
    assert {table for table, forced in rows if not forced} <= OPEN_TABLES
    assert set(CASE_ROWS) <= {table for table, forced in rows if forced}
    # a view without security_invoker would read as its owner
    views = world.product.sql("SELECT relname FROM pg_class WHERE relnamespace = 'consilium'::regnamespace AND relkind IN ('v', 'm') "
                              "AND NOT coalesce(reloptions @> '{security_invoker=true}', false)")
    assert views == []


def test_no_role_escapes(world):
    sql = world.product.sql
    roles = sql("SELECT rolname FROM pg_roles WHERE rolname LIKE 'consilium%' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb)")
    assert roles == []
    assert sql("SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'consilium%'") == []
    owned = sql("SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
                "WHERE r.rolname IN ('consilium_hub', 'consilium_dicom')")
    assert owned == []
    # functions that run as the owner: a fixed search_path that ends in pg_temp, and nobody's by default
    careless = sql("SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'consilium'::regnamespace AND p.prosecdef "
                   "AND (NOT coalesce(array_to_string(p.proconfig, ',') LIKE '%search_path=consilium, pg_temp%', false) "
                   "     OR has_function_privilege('public', p.oid, 'EXECUTE'))")
    assert careless == []
    may_create = sql("SELECT r.rolname FROM pg_roles r WHERE r.rolname IN ('consilium_hub', 'consilium_dicom') "
                     "AND (has_schema_privilege(r.oid, 'consilium', 'CREATE') OR has_schema_privilege(r.oid, 'public', 'CREATE'))")
    assert may_create == []
