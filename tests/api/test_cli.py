"""consilium, the command line, against a running hub."""
import re
import subprocess


def test_token_is_one_line_and_works_at_once(product):
    done = product.cli("token", "create", "--user", "county1.doctor", "--scope", "api")
    assert re.fullmatch(r"[A-Za-z0-9_-]{40,}\n", done.stdout)
    answer = product.client().get("/api/v1/session", headers={"Authorization": "Bearer " + done.stdout.strip()})
    assert answer.status_code == 200


def test_token_as_the_service_user(product):
    done = subprocess.run(["setpriv", "--reuid", "consilium-hub", "--regid", "consilium-hub", "--init-groups",
                           str(product.build_dir / "bin/consilium"), "token", "create", "--user", "county1.doctor",
                           "--data", str(product.data)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    refused = subprocess.run(["setpriv", "--reuid", "consilium-hub", "--regid", "consilium-hub", "--init-groups",
                              str(product.build_dir / "bin/consilium"), "user", "disable", "--login", "county1.doctor",
                              "--data", str(product.data)], capture_output=True, text=True)
    assert refused.returncode == 1 and "needs root" in refused.stderr


def test_revoked_token_is_refused(product):
    from lib.product import wait_until
    token = product.token("town1.doctor", "api", days=1)
    headers = {"Authorization": "Bearer " + token}
    assert product.client().get("/api/v1/session", headers=headers).status_code == 200
    listed = product.cli("token", "list", "--user", "town1.doctor").stdout
    live = [line.split()[0] for line in listed.splitlines() if line.endswith("live")]
    for token_id in live:
        assert product.cli("token", "revoke", "--id", token_id).stdout == "1 revoked\n"
    wait_until(lambda: product.client().get("/api/v1/session", headers=headers).status_code == 401, 5, "the refusal")


def test_only_the_hash_of_a_token_is_stored(product):
    token = product.token("lead.admin", "api")
    dump = subprocess.run(["pg_dump", "-h", str(product.data / "run/pg"), "-U", "postgres", "consilium"],
                          capture_output=True, text=True, check=True).stdout
    assert token not in dump and "consilium-demo" not in dump


def test_user_life(product):
    """Add, sign in, change the password, disable."""
    product.cli("user", "add", "--login", "cli.test", "--name", "测试 Test", "--org", "COUNTY2", "--role", "doctor",
                "--department", "internal", input="first secret\n")
    product.login("cli.test", "first secret")
    product.cli("user", "passwd", "--login", "cli.test", input="second secret\n")
    assert product.client().post("/api/v1/session", json={"login": "cli.test", "password": "first secret"}).status_code == 401
    session = product.login("cli.test", "second secret")
    product.cli("user", "disable", "--login", "cli.test")
    from lib.product import wait_until
    wait_until(lambda: session.get("/api/v1/session").status_code == 401, 5, "the end of the session")
    assert product.client().post("/api/v1/session", json={"login": "cli.test", "password": "second secret"}
                                 ).status_code == 401


def test_totp(product):
    product.cli("user", "add", "--login", "cli.totp", "--name", "Totp", "--org", "COUNTY2", "--role", "doctor",
                input="third secret\n")
    secret = product.cli("user", "totp", "--login", "cli.totp").stdout.splitlines()[0]
    credentials = {"login": "cli.totp", "password": "third secret"}
    assert product.client().post("/api/v1/session", json=credentials).status_code == 401
    import base64
    import hashlib
    import hmac
    import struct
    import time
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    code = (struct.unpack(">I", mac[mac[-1] & 15:][:4])[0] & 0x7FFFFFFF) % 1000000
    assert product.client().post("/api/v1/session", json={**credentials, "otp": f"{code:06}"}).status_code == 200


def test_clear_errors(product):
    for arguments, message in (
            (["token", "create", "--user", "nobody"], "there is no user nobody"),
            (["token", "create", "--user", "county1.doctor", "--scope", "all"], "is no scope"),
            (["token", "create", "--user", "county1.doctor", "--org", "LEAD"], "does not act for LEAD"),
            (["ae", "add", "--org", "COUNTY1", "--aet", "X"], "--host is needed"),
            (["ae", "add", "--org", "COUNTY1", "--aet", "X", "--host", "scanner.example"], "is an IP address"),
            (["ae", "add", "--org", "NOWHERE", "--aet", "X", "--host", "192.0.2.1"], "no organisation NOWHERE"),
            (["ae", "add", "--org", "COUNTY2", "--aet", "COUNTY1_CT", "--host", "192.0.2.1"], "another organisation"),
            (["ae", "add", "--org", "COUNTY1", "--aet", "SEVENTEEN_LETTERS", "--host", "192.0.2.1"], "not allowed"),
            (["user", "totp"], "--login is needed")):
        done = product.cli(*arguments, check=False)
        assert done.returncode == 1 and message in done.stderr, (arguments, done.stderr)


def test_ae_and_organisation(product):
    product.cli("org", "add", "--code", "COUNTY3", "--name", "红河县人民医院", "--kind", "county", "--consortium",
                "江城市远程医疗联合体")
    product.cli("org", "agree", "--from", "COUNTY3", "--to", "LEAD", "--scope", "consult,referral")
    product.cli("org", "department", "--org", "COUNTY3", "--code", "internal", "--name", "内科")
    product.cli("ae", "add", "--org", "COUNTY3", "--aet", "COUNTY3_CT", "--host", "192.0.2.9", "--port", "104")
    assert re.search(r"COUNTY3_CT +COUNTY3 +192\.0\.2\.9 +104", product.cli("ae", "list").stdout)
    product.cli("ae", "remove", "--aet", "COUNTY3_CT")
    assert "COUNTY3_CT" not in product.cli("ae", "list").stdout
    assert "红河县人民医院" in product.cli("org", "list").stdout


def test_changes_leave_audit_rows(product):
    before = product.sql("SELECT coalesce(max(seq), 0) FROM consilium.audit")[0][0]
    product.cli("token", "create", "--user", "auditor")
    rows = product.sql("SELECT actor, action, object, purpose FROM consilium.audit WHERE seq > %s AND action = 'token.create'",
                       [before])
    assert rows == [("consilium:root", "token.create", "auditor", "administration")]


def test_audit_verify_finds_a_changed_row(start_product):
    from lib.product import wait_until
    product = start_product()
    product.login("county1.doctor")
    product.sql("SELECT consilium.audit_seal_next(1000)")
    wait_until(lambda: product.sql("SELECT count(*) FROM consilium.audit_seal")[0][0] > 0, 10, "sealed rows")
    assert "sealed and unchanged" in product.cli("audit", "verify").stdout
    product.sql("UPDATE consilium.audit SET object = object || 'x' WHERE seq = (SELECT min(seq) FROM consilium.audit_seal)")
    done = product.cli("audit", "verify", check=False)
    assert done.returncode == 1 and "was changed" in done.stderr
    product.sql("UPDATE consilium.audit SET object = left(object, -1) WHERE seq = (SELECT min(seq) FROM consilium.audit_seal)")
    product.cli("audit", "verify")


def test_check_names_every_error(product, tmp_path):
    (tmp_path / "consilium.conf").write_text("[hub]\nhttps-port=many\ncolour=blue\n[nothing]\nx=1\n")
    done = subprocess.run([str(product.build_dir / "bin/consilium"), "check", "--data", str(tmp_path)], capture_output=True,
                          text=True)
    assert done.returncode == 1
    for words in ("https-port=many", "[hub] colour", "[nothing] x"):
        assert words in done.stdout
    assert "all is well" in product.cli("check").stdout


def test_data_may_stand_before_the_command(product):
    program, data = str(product.build_dir / "bin/consilium"), str(product.data)
    for place in (["--data", data], ["--data=" + data]):
        done = subprocess.run([program, *place, "check"], capture_output=True, text=True)
        assert done.returncode == 0 and "all is well with " + data in done.stdout, done.stderr


def test_backup_and_restore(start_product, tmp_path):
    from lib.product import Product
    product = start_product()
    product.cli("user", "add", "--login", "kept", "--name", "Kept", "--org", "COUNTY2", "--role", "doctor",
                input="kept secret\n")
    blob = product.data / "blobs" / "aa"
    blob.mkdir()
    (blob / "file").write_bytes(b"image")
    product.cli("backup", "--to", str(tmp_path / "backup"))
    product.cli("backup", "--to", str(tmp_path / "backup"))  # a second one into the same folder
    product.stop()
    other = Product()
    try:
        other.cli("restore", "--from", str(tmp_path / "backup"))
        other.start()
        other.login("kept", "kept secret")
        assert (other.data / "blobs/aa/file").read_bytes() == b"image"
        other.cli("audit", "verify")
        refused = other.cli("restore", "--from", str(tmp_path / "backup"), check=False)
        assert refused.returncode == 1 and "has a database" in refused.stderr
    finally:
        other.close()
