"""DICOM over TLS: who shows which certificate gets in, with DCMTK's tools and with Python's own TLS; and C-MOVE to a receiver that
listens with TLS."""
import signal
import socket
import ssl
import subprocess

import pydicom
import pytest

from conftest import Scanner
from lib.dimse import EXPLICIT, IMPLICIT, VERIFICATION, Association, Rejected, identifier, number, split_part10
from lib.product import free_ports, wait_until

MOVE, GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"


class Device:
    """One AE with its certificate, as `consilium ae certificate` gives it out."""

    def __init__(self, product, folder, org, title, *more):
        self.product, self.title = product, title
        folder.mkdir(exist_ok=True)
        product.cli("ae", "add", "--org", org, "--aet", title, *(more or ("--cert-cn", title)))
        product.cli("ae", "certificate", "--aet", title, "--out", str(folder))
        self.key, self.certificate, self.trust = (folder / f"{title}{end}" for end in ("-key.pem", ".pem", "-trust.pem"))

    def options(self):
        return ["+tls", str(self.key), str(self.certificate), "+cf", str(self.trust)]

    def context(self, version=None):
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.trust))
        context.load_cert_chain(self.certificate, self.key)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def associate(self, title=None, version=None, contexts=((VERIFICATION, [IMPLICIT]),)):
        context = self.context(version)
        return Association(self.product.dimse_tls_port, title or self.title, contexts,
                           wrap=lambda s: context.wrap_socket(s, server_hostname="127.0.0.1"))


@pytest.fixture(scope="module")
def device(product, tmp_path_factory):
    return Device(product, tmp_path_factory.mktemp("device"), "COUNTY1", "TLS_CT")


def refusals(product, reason):
    return product.sql("SELECT count(*) FROM consilium.audit WHERE action = 'association.refuse' AND detail->>'reason' = %s", [reason])[0][0]


def foreign(folder, name, cn, *options, kind="ec:P-256"):
    key, certificate = folder / f"{name}-key.pem", folder / f"{name}.pem"
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind.startswith("ec") else ["-newkey", kind]
    subprocess.run(["openssl", "req", "-x509", *algorithm, "-nodes", "-sha256", "-subj", f"/O=Elsewhere/CN={cn}", "-keyout", str(key),
                    "-out", str(certificate), *(options or ("-days", "30"))], check=True, capture_output=True)
    return key, certificate


def test_every_tool_that_can_works_over_tls(product, device, images):
    """Of DCMTK 3.6.7's tools dcmsend, movescu and getscu know no TLS; C-MOVE and C-GET are asked for by hand."""
    me = Scanner(product.dimse_tls_port, device.title)
    folder = images("ct", slices=3, seed=71)
    first = pydicom.dcmread(sorted(folder.glob("*.dcm"))[0], stop_before_pixels=True)
    assert "Received Echo Response (Success)" in me.run("echoscu", "-v", *device.options()).stderr
    me.run("storescu", *device.options(), "+sd", "+r", files=[str(folder)])
    found = me.run("findscu", "-S", "-v", *device.options(), "-k", "QueryRetrieveLevel=STUDY", "-k", "NumberOfStudyRelatedInstances",
                   "-k", f"StudyInstanceUID={first.StudyInstanceUID}")
    assert "[3 ]" in found.stdout + found.stderr
    with device.associate(contexts=[(GET, [IMPLICIT]), (first.SOPClassUID, [EXPLICIT], "SCP")]) as a:
        objects, responses = a.retrieve(1, GET, identifier("STUDY", StudyInstanceUID=first.StudyInstanceUID))
    assert number(responses[-1][0][0x0900]) == 0 and len(objects) == 3
    assert {data for _, _, data in objects} == {split_part10(path.read_bytes())[3] for path in folder.glob("*.dcm")}


def test_tls_1_2_and_1_3_with_either_kind_of_certificate(product, device, tmp_path):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with device.associate(version=version) as a:
            assert a.echo() == 0 and a.socket.version() == {771: "TLSv1.2", 772: "TLSv1.3"}[version]
    # one that the scanner made itself, with elliptic curves, signed on request
    key, request = tmp_path / "own-key.pem", tmp_path / "own.csr"
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=whatever",
                    "-keyout", str(key), "-out", str(request)], check=True, capture_output=True)
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", "TLS_US", "--cert-cn", "Ultrasound 2")
    product.cli("ae", "certificate", "--aet", "TLS_US", "--request", str(request), "--out", str(tmp_path))
    context = ssl.create_default_context(cafile=str(tmp_path / "TLS_US-trust.pem"))
    context.load_cert_chain(tmp_path / "TLS_US.pem", key)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = context.maximum_version = version
        with Association(product.dimse_tls_port, "TLS_US", [(VERIFICATION, [IMPLICIT])],
                         wrap=lambda s: context.wrap_socket(s, server_hostname="127.0.0.1")) as a:
            assert a.echo() == 0
    # the server has both kinds too
    for algorithm in ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(algorithm)
        with socket.create_connection(("127.0.0.1", product.dimse_tls_port)) as s:
            assert context.wrap_socket(s, server_hostname="127.0.0.1").cipher()[0] == algorithm
    old = device.context()
    old.set_ciphers("ALL:@SECLEVEL=0")
    for minimum, ciphers in ((ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_2, "AES256-SHA256:ECDHE-RSA-AES256-SHA384")):
        old.minimum_version, old.maximum_version = minimum, minimum
        old.set_ciphers(ciphers)
        with socket.create_connection(("127.0.0.1", product.dimse_tls_port)) as s, pytest.raises(ssl.SSLError):
            old.wrap_socket(s, server_hostname="127.0.0.1")


def handshake_and_ask(product, title, certificate, key, trust):
    context = ssl.create_default_context(cafile=str(trust))
    if certificate:
        context.load_cert_chain(certificate, key)
    return Association(product.dimse_tls_port, title, [(VERIFICATION, [IMPLICIT])],
                       wrap=lambda s: context.wrap_socket(s, server_hostname="127.0.0.1"))


def test_wrong_certificates_are_refused_logged_and_audited(product, device, tmp_path):
    key, certificate = foreign(tmp_path, "stranger", device.title)
    other_key, other = foreign(tmp_path, "other", device.title, kind="rsa:2048")
    before = refusals(product, "certificate"), refusals(product, "calling")
    for wrong in ((certificate, key), (other, other_key), (None, None)):
        with pytest.raises((OSError, Rejected, Exception)) as refusal:
            handshake_and_ask(product, device.title, *wrong, device.trust)
        assert not isinstance(refusal.value, AssertionError)
    wait_until(lambda: refusals(product, "certificate") == before[0] + 3, 10, "three audit rows")
    # a good certificate, but of another AE; and of an AE that has none; and a caller with TLS only who comes without
    for title in ("COUNTY1_CT", "NOBODY"):
        with pytest.raises(Rejected):
            device.associate(title=title)
    with pytest.raises(Rejected):
        Association(product.dimse_port, device.title, [(VERIFICATION, [IMPLICIT])])
    wait_until(lambda: refusals(product, "calling") == before[1] + 3, 10, "three audit rows")
    assert f'certificate "{device.title}" of "Elsewhere"' in product.logs()
    with device.associate() as a:
        assert a.echo() == 0


def test_a_certificate_of_another_hospital_does_not_pass(product, device, tmp_path):
    """The name is right, the authority too; the organisation in it is not."""
    other = Device(product, tmp_path / "other", "COUNTY2", "TLS_OTHER", "--cert-cn", device.title)
    with pytest.raises(Rejected):
        handshake_and_ask(product, device.title, other.certificate, other.key, device.trust)


def test_a_registered_certificate_needs_no_authority(product, device, tmp_path):
    key, certificate = foreign(tmp_path, "modality", "Modality 7")
    product.cli("ae", "add", "--org", "COUNTY2", "--aet", "TLS_OWN", "--cert-cn", "Modality 7")
    with pytest.raises(Exception):
        handshake_and_ask(product, "TLS_OWN", certificate, key, device.trust)
    product.cli("ae", "certificate", "--aet", "TLS_OWN", "--register", str(certificate))

    def gets_in():
        try:
            with handshake_and_ask(product, "TLS_OWN", certificate, key, device.trust) as a:
                return a.echo() == 0
        except (OSError, Rejected):
            return False
    wait_until(gets_in, 5, "an answer to the registered certificate")
    with pytest.raises(Rejected):
        handshake_and_ask(product, device.title, certificate, key, device.trust)


def test_move_to_a_receiver_with_tls(product, device, images, tmp_path):
    folder = images("ct", slices=3, seed=72)
    study = pydicom.dcmread(next(folder.glob("*.dcm")), stop_before_pixels=True).StudyInstanceUID
    assert Scanner(product.dimse_port, "COUNTY1_CT").send(folder) == 3
    [port] = free_ports(1)
    archive = Device(product, tmp_path / "archive", "COUNTY1", "TLS_ARCHIVE", "--host", "127.0.0.1", "--port", str(port), "--cert-cn", "TLS_ARCHIVE")
    (tmp_path / "got").mkdir()

    def listen(*options):
        process = subprocess.Popen(["storescp", "--fork", *options, "-od", str(tmp_path / "got"), str(port)], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 10, "storescp")
        return process

    def move():
        with Association(product.dimse_port, "COUNTY1_CT", [(MOVE, [IMPLICIT])]) as a:
            return number(a.retrieve(1, MOVE, identifier("STUDY", StudyInstanceUID=study), "TLS_ARCHIVE")[1][-1][0][0x0900])

    key, certificate = foreign(tmp_path, "false", "TLS_ARCHIVE", kind="rsa:2048")
    for options, status in (((*archive.options(), ), 0), ((), 0xA702), (("+tls", str(key), str(certificate), "+cf", str(archive.trust)), 0xA702)):
        process = listen(*options)
        try:
            assert move() == status, options
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
    assert len(list((tmp_path / "got").iterdir())) == 3


def test_what_is_no_tls_does_no_harm(product, device):
    for junk in (b"", b"\x01\0\0\0\0\xcd" + bytes(205), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + bytes(500)):
        with socket.create_connection(("127.0.0.1", product.dimse_tls_port)) as s:
            s.sendall(junk)
    with device.associate() as a:
        assert a.echo() == 0
