"""Copies of the files of tests/data/make_dicom.py with fresh identities, so that nothing need be deleted on a server in between."""
import hashlib
import os
import struct


def uids(b):
    """SOP, study, series UID and PatientID of an explicit little endian file made by make_dicom.py, read from its head."""
    r = {}
    for k, t, vr in (('sop', (0x08, 0x18), b'UI'), ('study', (0x20, 0x0d), b'UI'), ('series', (0x20, 0x0e), b'UI'), ('pid', (0x10, 0x20), b'LO')):
        i = b.find(struct.pack('<HH', *t) + vr)
        n = struct.unpack('<H', b[i + 6:i + 8])[0]
        r[k] = b[i + 8:i + 8 + n].rstrip(b'\0 ')
    return r


def fresh(v, run):
    """Same length, other identity: the last 12 digits come from a hash."""
    h = '%012d' % (int(hashlib.sha256(run.encode() + v).hexdigest(), 16) % 10 ** 12)
    return v[:-12] + h.encode()


def clone(src, dst, run, limit=None):
    """Copy a folder (or its first files) with new UIDs and PatientIDs of equal length. Returns the list of instances."""
    out = []
    for root, dirs, files in os.walk(src):
        dirs.sort()
        for f in sorted(files):
            if not f.endswith('.dcm') or len(out) == limit:
                continue
            with open(os.path.join(root, f), 'rb') as i:
                b = i.read()
            head, tail = b[:4096], b[4096:]
            u = uids(head)
            for k in ('sop', 'study', 'series'):
                n = fresh(u[k], run)
                head = head.replace(u[k], n)
                u[k] = n.decode()
            p = u['pid'][:2] + ('%08d' % (int(hashlib.sha256(run.encode() + u['pid']).hexdigest(), 16) % 10 ** 8)).encode()[-(len(u['pid']) - 2):]
            j = head.find(struct.pack('<HH', 0x10, 0x20) + b'LO') + 8
            head = head[:j] + p + head[j + len(p):]
            d = os.path.join(dst, os.path.relpath(root, src))
            os.makedirs(d, exist_ok=True)
            path = os.path.join(d, f)
            with open(path, 'wb') as o:
                o.write(head + tail)
            u.update(path=path, size=len(b), pid=p.decode())
            out.append(u)
    return out
