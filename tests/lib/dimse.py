"""A DICOM association spoken byte by byte (PS3.7, PS3.8), for what well-behaved tools will not send: data sets that no parser
would accept, associations that break off anywhere.

    with Association(port, "COUNTY1_CT", [(SOP_CLASS, [TRANSFER_SYNTAX])]) as a:
        status = a.store(1, SOP_CLASS, SOP_UID, dataset_bytes)
"""
import socket
import struct

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
VERIFICATION, SECONDARY_CAPTURE = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.7"
CHUNK = 16000


class Rejected(Exception):
    """A-ASSOCIATE-RJ; .args = (result, source, reason)"""


class Broken(Exception):
    """The peer aborted or closed the connection."""


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(calling, called, contexts):
    presentation = b""
    for number, (abstract, syntaxes) in enumerate(contexts):
        body = struct.pack(">BBBB", 2 * number + 1, 0, 0, 0) + item(0x30, abstract.encode())
        presentation += item(0x20, body + b"".join(item(0x40, syntax.encode()) for syntax in syntaxes))
    user = item(0x50, item(0x51, struct.pack(">I", 131072)) + item(0x52, b"2.25.1"))
    body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
    return pdu(1, body + item(0x10, b"1.2.840.10008.3.1.1.1") + presentation + user)


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def element(group, number, value):
    return struct.pack("<HHI", group, number, len(value) + len(value) % 2) + value + b"\0" * (len(value) % 2)


def command_set(*elements):
    body = b"".join(element(0, number, value if isinstance(value, bytes) else struct.pack("<H", value))
                    for number, value in elements)
    return element(0, 0, struct.pack("<I", len(body))) + body


class Association:
    def __init__(self, port, calling, contexts, called="CONSILIUM", host="127.0.0.1", source=None, timeout=60):
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message = 0
        self.socket.sendall(associate_request(calling, called, contexts))
        kind, body = self.read_pdu()
        if kind == 3:
            self.socket.close()
            raise Rejected(*body[1:4])
        assert kind == 2, f"PDU {kind} instead of an answer"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close() if kind is None else self.socket.close()

    def read_exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionError:
                more = b""
            if not more:
                raise Broken("connection closed")
            data += more
        return data

    def read_pdu(self):
        kind, _, length = struct.unpack(">BBI", self.read_exactly(6))
        body = self.read_exactly(length)
        if kind == 7:
            raise Broken("aborted")
        return kind, body

    def send(self, context, data, command):
        for at in range(0, max(len(data), 1), CHUNK):
            piece = data[at:at + CHUNK]
            flags = (1 if command else 0) | (2 if at + CHUNK >= len(data) else 0)
            try:
                self.socket.sendall(pdu(4, struct.pack(">IBB", len(piece) + 2, context, flags) + piece))
            except ConnectionError as error:
                raise Broken(str(error)) from error

    def read_status(self):
        kind, body = self.read_pdu()
        assert kind == 4, f"PDU {kind} instead of a response"
        data, at = body[6:], 0
        while at + 8 <= len(data):
            group, number, length = struct.unpack("<HHI", data[at:at + 8])
            if (group, number) == (0, 0x0900):
                return struct.unpack("<H", data[at + 8:at + 10])[0]
            at += 8 + length
        raise AssertionError("a response without a status")

    def echo(self, context=1):
        self.message += 1
        self.send(context, command_set((0x0002, VERIFICATION.encode()), (0x0100, 0x0030), (0x0110, self.message),
                                       (0x0800, 0x0101)), True)
        return self.read_status()

    def begin_store(self, context, sop_class, sop_uid):
        self.message += 1
        self.send(context, command_set((0x0002, sop_class.encode()), (0x0100, 0x0001), (0x0110, self.message), (0x0700, 0),
                                       (0x0800, 0x0001), (0x1000, sop_uid.encode())), True)

    def store(self, context, sop_class, sop_uid, dataset):
        self.begin_store(context, sop_class, sop_uid)
        self.send(context, dataset, False)
        return self.read_status()

    def close(self):
        try:
            self.socket.sendall(pdu(5, bytes(4)))
            self.read_pdu()
        except (OSError, Broken):
            pass
        self.socket.close()


def split_part10(data):
    """(SOP class, SOP instance, transfer syntax, data set bytes) as far as the file meta information tells."""
    if data[128:132] != b"DICM":
        return "", "", "", data
    at, found = 132, {}
    while data[at:at + 2] == b"\x02\0" and at + 12 <= len(data):
        number, vr = struct.unpack("<H", data[at + 2:at + 4])[0], data[at + 4:at + 6]
        head = 12 if vr in (b"OB", b"UN", b"SQ") else 8
        length = struct.unpack("<I" if head == 12 else "<H", data[at + head - (4 if head == 12 else 2):at + head])[0]
        found[number] = data[at + head:at + head + length].rstrip(b"\0 ").decode("ascii", "replace")
        at += head + length
    return found.get(0x0002, ""), found.get(0x0003, ""), found.get(0x0010, ""), data[at:]
