"""What a server's processes cost: CPU seconds and memory of a process tree between two moments."""
import os
import re
import resource
import threading
import time

TCK = os.sysconf('SC_CLK_TCK')


def tree(pids):
    kids = {}
    for p in os.listdir('/proc'):
        if p.isdigit():
            try:
                with open('/proc/%s/stat' % p) as f:
                    s = f.read()
                kids.setdefault(int(s.rsplit(')', 1)[1].split()[1]), []).append(int(p))
            except OSError:
                pass
    out, todo = [], list(pids)
    while todo:
        p = todo.pop()
        if p not in out:
            out.append(p)
            todo += kids.get(p, [])
    return out


def cpu(pids):
    """utime+stime of the living tree plus what its dead, waited-for children used."""
    t = 0
    for p in tree(pids):
        try:
            with open('/proc/%d/stat' % p) as f:
                v = f.read().rsplit(')', 1)[1].split()
            t += sum(int(x) for x in v[11:15])
        except OSError:
            pass
    return t / TCK


def status(p, k):
    try:
        with open('/proc/%d/status' % p) as f:
            m = re.search(r'^%s:\s+(\d+) kB' % k, f.read(), re.M)
        return int(m.group(1)) if m else 0
    except OSError:
        return 0


class Meter:
    """Wall, server CPU and server memory between start and stop."""

    def __init__(self, b):
        self.b = b

    def __enter__(self):
        self.peak, self.stop = 0, False
        for p in tree(self.b.pids):
            try:
                with open('/proc/%d/clear_refs' % p, 'w') as f:
                    f.write('5')                                                     # reset VmHWM
            except OSError:
                pass
        self.th = threading.Thread(target=self.sample, daemon=True)
        self.th.start()
        self.c0, self.k0, self.t0 = cpu(self.b.pids), self.kid(), time.time()
        return self

    def kid(self):
        r, s = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
        return r.ru_utime + r.ru_stime + s.ru_utime + s.ru_stime

    def sample(self):
        while not self.stop:
            self.peak = max(self.peak, sum(status(p, 'RssAnon') for p in tree(self.b.pids)))
            time.sleep(0.25)

    def __exit__(self, *e):
        self.wall = time.time() - self.t0
        self.cpu, self.client = cpu(self.b.pids) - self.c0, self.kid() - self.k0
        self.stop = True
        self.th.join()
        self.hwm = max([status(p, 'VmHWM') for p in tree(self.b.pids)] or [0])

    def out(self, **kw):
        d = dict(wall_s=round(self.wall, 3), server_cpu_s=round(self.cpu, 2), client_cpu_s=round(self.client, 2),
                 peak_rss_mb=round(self.hwm / 1024, 1), peak_tree_anon_mb=round(self.peak / 1024, 1))
        d.update(kw)
        return d
