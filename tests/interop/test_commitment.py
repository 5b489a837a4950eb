"""Storage commitment: asked for, answered, reported over the same association or a new one, and never lost."""
import io
import socket
import threading

import pydicom
import pytest
from pydicom.dataset import Dataset

from conftest import Scanner
from lib.dimse import COMMITMENT, IMPLICIT, VERIFICATION, Acceptor, Association
from lib.product import free_ports, wait_until

CT = "1.2.840.10008.5.1.4.1.1.2"
NO_SUCH_INSTANCE, CONFLICT, DUPLICATE, FAILURE = 0x0112, 0x0119, 0x0131, 0x0110


def encode(dataset):
    out = pydicom.filebase.DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, True
    pydicom.filewriter.write_dataset(out, dataset)
    return out.getvalue()


def request(transaction, references):
    d = Dataset()
    d.TransactionUID, d.ReferencedSOPSequence = transaction, []
    for sop_class, sop_uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_uid
        d.ReferencedSOPSequence.append(item)
    return encode(d)


def read(report):
    """(event type, transaction, UIDs that are safe, {UID: reason} of the others)"""
    event, data = report
    d = pydicom.dcmread(io.BytesIO(data), force=True)
    d = pydicom.filereader.read_dataset(io.BytesIO(data), True, True)
    return (event, d.TransactionUID, {i.ReferencedSOPInstanceUID for i in d.get("ReferencedSOPSequence", [])},
            {i.ReferencedSOPInstanceUID: i.FailureReason for i in d.get("FailedSOPSequence", [])})


def some_uid():
    return pydicom.uid.generate_uid(prefix=None)


@pytest.fixture(scope="module")
def sent(product, images):
    folder = images("ct", slices=4, seed=81)
    assert Scanner(product.dimse_port, "COUNTY1_CT").send(folder) == 4
    return sorted(str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in folder.glob("*.dcm"))


def ask(product, title="COUNTY1_CT"):
    return Association(product.dimse_port, title, [(COMMITMENT, [IMPLICIT]), (VERIFICATION, [IMPLICIT])])


def test_what_is_stored_is_committed_over_the_same_association(product, sent):
    transaction = some_uid()
    with ask(product) as a:
        assert a.commit(1, request(transaction, [(CT, uid) for uid in sent])) == 0
        assert read(a.take_report()) == (1, transaction, set(sent), {})
        assert a.echo(3) == 0
    wait_until(lambda: product.sql("SELECT outcome FROM consilium.commitment WHERE transaction_uid = %s AND done_at IS NOT NULL",
                                   [transaction]) == [("",)], 5, "the end of the commitment")


def test_what_is_not_safe_is_listed_with_the_reason(product, sent):
    """Unknown, of another class, and a file that has gone bad."""
    transaction, stranger = some_uid(), some_uid()
    [[name]] = product.sql("SELECT encode(hash, 'hex') FROM consilium.instance WHERE sop_uid = %s", [sent[2]])
    path = product.data / "blobs" / name[:2] / name
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    try:
        with ask(product) as a:
            wanted = [(CT, sent[0]), (CT, stranger), ("1.2.840.10008.5.1.4.1.1.4", sent[1]), (CT, sent[2])]
            assert a.commit(1, request(transaction, wanted)) == 0
            assert read(a.take_report()) == (2, transaction, {sent[0]}, {stranger: NO_SUCH_INSTANCE, sent[1]: CONFLICT, sent[2]: FAILURE})
    finally:
        path.write_bytes(good)


def test_another_hospital_learns_nothing(product, sent):
    with ask(product, "COUNTY2_CT") as a:
        assert a.commit(1, request(some_uid(), [(CT, sent[0])])) == 0
        assert read(a.take_report())[3] == {sent[0]: NO_SUCH_INSTANCE}


def test_bad_requests_are_refused(product, sent):
    reference = [(CT, sent[0])]
    with ask(product) as a:
        assert a.commit(1, request(some_uid(), reference), instance="1.2.3") == 0x0112
        assert a.commit(1, request(some_uid(), reference), action=7) == 0x0123
        assert a.commit(1, request(some_uid(), [])) == 0x0115
        assert a.commit(1, request("no uid", reference)) == 0x0115
        assert a.commit(1, request(some_uid(), [(CT, "../../etc/passwd")])) == 0x0115
        assert a.echo(3) == 0


def test_the_report_comes_over_a_new_association_even_after_a_restart(product, sent):
    """Asked and gone; nobody listens at first; the program is killed; then the scanner gets both reports, the second because its
    transaction UID was in use."""
    [port] = free_ports(1)
    product.cli("ae", "add", "--org", "COUNTY1", "--aet", "COMMIT_CT", "--host", "127.0.0.1", "--port", str(port))
    transaction = some_uid()
    for _ in range(2):
        a = ask(product, "COMMIT_CT")
        assert a.commit(1, request(transaction, [(CT, uid) for uid in sent])) == 0
        a.socket.close()
    tried = "SELECT count(*) FROM consilium.commitment WHERE transaction_uid = %s AND attempts > 0"
    wait_until(lambda: product.sql(tried, [transaction]) == [(2,)], 30, "two attempts in vain")
    product.kill("dicom")
    wait_until(product.is_ready, 30, "a new dicom program")
    reports, server = [], socket.create_server(("127.0.0.1", port))

    def listen():
        for _ in range(2):
            a = Acceptor(server.accept()[0])
            reports.append(read(a.take_report()))
            list(a.objects())  # until it is released

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    product.sql("UPDATE consilium.commitment SET next_at = now() WHERE transaction_uid = %s", [transaction])  # not in a minute
    listener.join(30)
    server.close()
    assert sorted(reports, key=lambda r: r[0]) == [(1, transaction, set(sent), {}), (2, transaction, set(), {u: DUPLICATE for u in sent})]
    done = "SELECT count(*) FROM consilium.commitment WHERE transaction_uid = %s AND done_at IS NOT NULL AND outcome = ''"
    wait_until(lambda: product.sql(done, [transaction]) == [(2,)], 5, "both written down as taken")
