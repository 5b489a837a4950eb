"""A DICOM association spoken byte by byte (PS3.7, PS3.8), for what well-behaved tools will not send: data sets that no parser
would accept, associations that break off anywhere.

    with Association(port, "COUNTY1_CT", [(SOP_CLASS, [TRANSFER_SYNTAX])]) as a:
        status = a.store(1, SOP_CLASS, SOP_UID, dataset_bytes)
"""
import socket
import struct

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
VERIFICATION, SECONDARY_CAPTURE = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.1.7"
COMMITMENT = "1.2.840.10008.1.20.1"
CHUNK = 16000


class Rejected(Exception):
    """A-ASSOCIATE-RJ; .args = (result, source, reason)"""


class Released(Exception):
    """A-RELEASE-RQ"""


class Broken(Exception):
    """The peer aborted or closed the connection."""


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_request(calling, called, contexts, max_pdu=131072):
    """contexts: (abstract syntax, transfer syntaxes[, "SCP"]) each; with "SCP" we take that role, as for a C-GET."""
    presentation = roles = b""
    for abstract in dict.fromkeys(context[0] for context in contexts if len(context) > 2):
        roles += item(0x54, struct.pack(">H", len(abstract)) + abstract.encode() + b"\0\1")
    for number, (abstract, syntaxes, *_) in enumerate(contexts):
        body = struct.pack(">BBBB", 2 * number + 1, 0, 0, 0) + item(0x30, abstract.encode())
        presentation += item(0x20, body + b"".join(item(0x40, syntax.encode()) for syntax in syntaxes))
    user = item(0x50, item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"2.25.1") + roles)
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


def split_elements(data):
    """{element: value} of a command set."""
    found, at = {}, 0
    while at + 8 <= len(data):
        _, element_number, length = struct.unpack("<HHI", data[at:at + 8])
        found[element_number] = data[at + 8:at + 8 + length]
        at += 8 + length
    return found


def number(value):
    return struct.unpack("<H", value)[0]


def identifier(level, **keys):
    """A query's or retrieval's keys in implicit VR little endian."""
    tags = {"PatientID": (0x0010, 0x0020), "StudyInstanceUID": (0x0020, 0x000D), "SeriesInstanceUID": (0x0020, 0x000E),
            "SOPInstanceUID": (0x0008, 0x0018)}
    values = sorted([((0x0008, 0x0052), level)] + [(tags[name], value) for name, value in keys.items()])
    return b"".join(element(*tag, value.encode()) for tag, value in values)


class Connection:
    """What both sides of an association do."""

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
        if kind == 5:
            raise Released()
        return kind, body

    def send(self, context, data, command):
        for at in range(0, max(len(data), 1), CHUNK):
            piece = data[at:at + CHUNK]
            flags = (1 if command else 0) | (2 if at + CHUNK >= len(data) else 0)
            try:
                self.socket.sendall(pdu(4, struct.pack(">IBB", len(piece) + 2, context, flags) + piece))
            except ConnectionError as error:
                raise Broken(str(error)) from error

    def read_message(self):
        """(context, command, data set): a command's elements as {element: bytes}; bytes, or None without a data set."""
        parts = {True: b"", False: b""}
        wanted = True
        while True:
            kind, body = self.read_pdu()
            assert kind == 4, f"PDU {kind} instead of a message"
            while body:
                length, context, flags = struct.unpack(">IBB", body[:6])
                parts[bool(flags & 1)] += body[6:4 + length]
                body = body[4 + length:]
                if flags & 2 and flags & 1:
                    command = split_elements(parts[True])
                    wanted = command[0x0800] != b"\1\1"
                if flags & 2 and (not flags & 1 or not wanted):
                    return context, command, parts[False] if wanted else None

    def take_report(self, status=0):
        """A storage commitment's N-EVENT-REPORT, answered: (event type, data set)."""
        context, command, data = self.read_message()
        assert number(command[0x0100]) == 0x0100, command
        self.send(context, command_set((0x0002, command[0x0002]), (0x0100, 0x8100), (0x0120, command[0x0110]), (0x0800, 0x0101),
                                       (0x0900, status), (0x1000, command[0x1000]), (0x1002, command[0x1002])), True)
        return number(command[0x1002]), data


class Association(Connection):
    def __init__(self, port, calling, contexts, called="CONSILIUM", host="127.0.0.1", source=None, timeout=60, max_pdu=131072,
                 wrap=lambda socket: socket):
        self.socket = socket.create_connection((host, port), timeout, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = wrap(self.socket)
        self.message = 0
        self.socket.sendall(associate_request(calling, called, contexts, max_pdu))
        kind, body = self.read_pdu()
        if kind == 3:
            self.socket.close()
            raise Rejected(*body[1:4])
        assert kind == 2, f"PDU {kind} instead of an answer"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close() if kind is None else self.socket.close()

    def read_status(self):
        return number(self.read_message()[1][0x0900])

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

    def retrieve(self, context, sop_class, keys, destination=None, on_object=lambda count: 0):
        """C-GET or, with a destination, C-MOVE. keys: the identifier, encoded. Returns what came: the objects as
        [(SOP instance, context, data set)] and the responses as [(command, identifier)]. on_object(n) is called after the nth
        object and returns its status; or "cancel": then a C-CANCEL goes first."""
        self.message += 1
        move = [(0x0600, destination.encode())] if destination else []
        self.send(context, command_set((0x0002, sop_class.encode()), (0x0100, 0x0021 if move else 0x0010), (0x0110, self.message),
                                       *move, (0x0700, 0), (0x0800, 0x0001)), True)
        self.send(context, keys, False)
        objects, responses = [], []
        while True:
            at, command, data = self.read_message()
            if number(command[0x0100]) != 1:
                responses.append((command, data))
                if number(command[0x0900]) != 0xFF00:
                    return objects, responses
                continue
            objects.append((command[0x1000].rstrip(b"\0").decode(), at, data))
            status = on_object(len(objects))
            if status == "cancel":
                status = 0
                self.send(context, command_set((0x0100, 0x0FFF), (0x0120, self.message), (0x0800, 0x0101)), True)
            self.send(at, command_set((0x0002, command[0x0002]), (0x0100, 0x8001), (0x0120, command[0x0110]), (0x0800, 0x0101),
                                      (0x0900, status), (0x1000, command[0x1000])), True)

    def commit(self, context, information, instance=COMMITMENT + ".1", action=1):
        """N-ACTION of storage commitment; returns the status."""
        self.message += 1
        self.send(context, command_set((0x0003, COMMITMENT.encode()), (0x0100, 0x0130), (0x0110, self.message), (0x0800, 0x0001),
                                       (0x1001, instance.encode()), (0x1008, action)), True)
        self.send(context, information, False)
        return self.read_status()

    def close(self):
        try:
            self.socket.sendall(pdu(5, bytes(4)))
            self.read_pdu()
        except (OSError, Broken):
            pass
        self.socket.close()


class Acceptor(Connection):
    """The other side: accepts the first transfer syntax of every context over a socket that somebody connected."""

    def __init__(self, peer):
        self.socket = peer
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kind, body = self.read_pdu()
        assert kind == 1
        answers, roles, at = b"", b"", 68
        while at < len(body):
            item_kind, _, length = struct.unpack(">BBH", body[at:at + 4])
            if item_kind == 0x20:
                context, skip = body[at + 8:at + 4 + length], struct.unpack(">H", body[at + 10:at + 12])[0]
                syntax = context[4 + skip:]
                answers += item(0x21, bytes([body[at + 4], 0, 0, 0]) + syntax[:4 + struct.unpack(">H", syntax[2:4])[0]])
            inner = at + 4
            while item_kind == 0x50 and inner < at + 4 + length:
                size = 4 + struct.unpack(">H", body[inner + 2:inner + 4])[0]
                roles += body[inner:inner + size] if body[inner] == 0x54 else b""  # whatever role the peer wants
                inner += size
            at += 4 + length
        user = item(0x50, item(0x51, struct.pack(">I", 65536)) + item(0x52, b"2.25.2") + roles)
        self.socket.sendall(pdu(2, body[:68] + item(0x10, b"1.2.840.10008.3.1.1.1") + answers + user))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind:
            self.socket.close()

    def objects(self):
        """Each object as (command, data set), answered with success, until the peer releases or breaks off."""
        try:
            while True:
                context, command, data = self.read_message()
                self.send(context, command_set((0x0002, command[0x0002]), (0x0100, 0x8001), (0x0120, command[0x0110]),
                                               (0x0800, 0x0101), (0x0900, 0), (0x1000, command[0x1000])), True)
                yield command, data
        except Released:
            self.socket.sendall(pdu(6, bytes(4)))
        except Broken:
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
