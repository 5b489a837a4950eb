#!/usr/bin/python3
"""bench_dicom.py - DIMSE and DICOMweb load harness for any server (needs dcmtk, wrk, curl; no Python packages).

  bench_dicom.py --label NAME --dimse HOST:PORT:AET --dicomweb http://HOST:PORT/dicom-web --server-pid PID[,PID..]
                 --data DIR --json OUT.json [--auth 'Bearer XYZ'] [--header 'K: V'] [--insecure]
                 [--calling BENCHSCU] [--move BENCHSCU:24300] [--tests store,stow,scale,qido,wado,find,move,verify,names,hostile] [--lock FILE]
  bench_dicom.py --compare A.json B.json [...]        table of figures side by side

--data holds folders that make_dicom.py makes: ct (one series of 300 slices), us, names, hostile and scale.
Every run sends copies with fresh UIDs and PatientIDs, so nothing need be deleted on the server in between.
--server-pid: CPU seconds and RSS are those of these processes and all their descendants."""
import argparse
import fcntl
import hashlib
import http.client
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from meter import Meter, status
from objects import clone
from web import Http

# DCMTK leaves Nagle on unless TCP_NODELAY=1 is in its environment; the client must not add its own 40 ms stalls.
os.environ.setdefault('TCP_NODELAY', '1')

LUA = '''
local paths, n, k = {}, 0, 0
for l in io.lines(os.getenv("BENCH_PATHS")) do n = n + 1; paths[n] = l end
local hd = {}
for l in io.lines(os.getenv("BENCH_HEADERS")) do local a, b = l:match("^(.-): (.*)$"); if a then hd[a] = b end end
local seed = 0
function setup(t) t:set("seed0", seed); seed = seed + 7 end
function init() k = seed0 or 0 end
function request() k = k + 1; return wrk.format("GET", paths[(k % n) + 1], hd) end
function done(s, l, r)
  io.write(string.format('JSON{"requests":%d,"bytes":%d,"us":%d,"e_status":%d,"e_conn":%d,"e_read":%d,"e_write":%d,"e_timeout":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d,"mean":%.1f}\\n',
    s.requests, s.bytes, s.duration, s.errors.status, s.errors.connect, s.errors.read, s.errors.write, s.errors.timeout, l:percentile(50), l:percentile(90), l:percentile(99), l.max, l.mean))
end
'''


# name, how many series at once (each its own association or connection), slices of each
STORE = (('cstore_ct300_1assoc', 1, 300), ('cstore_ct150x4_4assoc', 4, 150))
STOW = (('stow_ct300_20perreq_1conn', 1, 300), ('stow_ct150x4_20perreq_4conn', 4, 150))


def pct(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, int(len(v) * p / 100))] if v else None


class Bench:
    def __init__(self, a):
        self.a = a
        self.pids = [int(x) for x in a.server_pid.split(',') if x] if a.server_pid else []
        self.headers = {}
        if a.auth:
            self.headers['Authorization'] = a.auth
        for h in a.header or []:
            k, v = h.split(':', 1)
            self.headers[k.strip()] = v.strip()
        self.insecure, self.web = a.insecure, (a.dicomweb or '').rstrip('/')
        self.lockf = open(a.lock, 'a') if a.lock else None
        self.tmp = tempfile.mkdtemp(prefix='bench-dicom-', dir=a.tmp)
        self.run = a.run_id or '%d' % time.time_ns()
        if a.dimse:
            self.dh, self.dp, self.aet = a.dimse.split(':')
        self.res = {}
        with open(self.tmp + '/w.lua', 'w') as f:
            f.write(LUA)
        self.ct = self.us = None
        self.x = (getattr(a, 'dcmtk_args', '') or '').split()
        self.waited, self.sets = 0, {}

    def rec(self, name, d):
        self.res[name] = d
        print('%-34s %s' % (name, json.dumps({k: v for k, v in d.items() if k != 'per_file'})), flush=True)
        if self.a.json:
            with open(self.a.json, 'w') as f:
                json.dump(dict(label=self.a.label, run=self.run, argv=sys.argv, tests=self.res), f, indent=1)

    def copy(self, sub, name, limit=None):
        if name not in self.sets:
            self.sets[name] = clone(os.path.join(self.a.data, sub), os.path.join(self.tmp, name), self.run + name, limit)
        return self.sets[name]

    def series(self, name, count, slices):
        """So many CT series, each of its own study and patient, each in its own folder."""
        return [self.copy('ct', '%s_%d' % (name, i), slices) for i in range(count)]

    def prepare(self, tests):
        """Copies with fresh UIDs are made before the clock (and the lock) starts."""
        for t, sets in (('store', STORE), ('stow', STOW)):
            if t in tests:
                for name, count, slices in sets:
                    self.series(name, count, slices)
        os.sync()
        if self.lockf:
            w0 = time.time()
            fcntl.flock(self.lockf, fcntl.LOCK_EX)
            self.waited = time.time() - w0
            print('lock after %.0f s' % self.waited, flush=True)

    # -------------------------------------------------------------------------------- DIMSE
    def send(self, dirs, procs):
        """dirs: list of folders; one dcmsend (one association) for each of procs groups."""
        groups = [dirs[i::procs] for i in range(procs)]
        c = ['dcmsend'] if not self.x else ['storescu'] + self.x                        # dcmsend 3.6.7 has no TLS options
        sc = ['--scan-directories', '--recurse'] if any(os.path.isdir(d) for d in dirs) else []
        ps = [subprocess.Popen(c + ['-aet', self.a.calling, '-aec', self.aet] + sc + [self.dh, self.dp] + g,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for g in groups if g]
        err = [p.communicate()[1].decode(errors='replace')[:300] for p in ps]
        return [p.returncode for p in ps], [e for e in err if e]

    def count(self, inst):
        """How many of these instances the server lists (QIDO, by series)."""
        if not self.web:
            return None
        h, n = Http(self), 0
        for st, se in sorted(set((i['study'], i['series']) for i in inst)):
            s, b, _ = h.req('GET', '/studies/%s/series/%s/instances?limit=10000' % (st, se), headers={'Accept': 'application/dicom+json'})
            n += len(json.loads(b)) if s == 200 and b else 0
        return n

    def t_store(self):
        for name, k, slices in STORE:
            inst = sum(self.series(name, k, slices), [])
            mb = sum(i['size'] for i in inst) / 1e6
            with Meter(self) as m:
                rc, err = self.send([os.path.join(self.tmp, '%s_%d' % (name, i)) for i in range(k)], k)
            self.rec(name, m.out(instances=len(inst), mb=round(mb, 1), inst_s=round(len(inst) / m.wall, 1), mb_s=round(mb / m.wall, 1),
                                 cpu_s_per_1000=round(m.cpu * 1000 / len(inst), 2), rc=rc, err=err, listed=self.count(inst)))
            self.ct = self.ct or inst
            for i in range(k):
                shutil.rmtree(os.path.join(self.tmp, '%s_%d' % (name, i)))

    def ensure(self):
        """CT and US data that the read tests use."""
        if not self.ct:
            self.ct = self.copy('ct', 'ens')
            with Meter(self):
                self.stow_send([i['path'] for i in self.ct], 20, 2)
            shutil.rmtree(self.tmp + '/ens')
        if not self.us:
            self.us = self.copy('us', 'us')
            s = self.stow_send([i['path'] for i in self.us], 1, 1)
            self.rec('stow_us_setup', dict(status=s, listed=self.count(self.us)))

    # -------------------------------------------------------------------------------- STOW
    def stow_send(self, files, per, conns):
        groups, out, lk = [files[i:i + per] for i in range(0, len(files), per)], [], threading.Lock()
        bd = 'bOuNdArY%s' % self.run
        hd = {'Content-Type': 'multipart/related; type="application/dicom"; boundary=%s' % bd, 'Accept': 'application/dicom+json'}

        def work():
            h = Http(self)
            while True:
                with lk:
                    if not groups:
                        return
                    g = groups.pop()
                parts = []
                for p in g:
                    with open(p, 'rb') as f:
                        parts += [b'--' + bd.encode() + b'\r\nContent-Type: application/dicom\r\n\r\n', f.read(), b'\r\n']
                parts.append(b'--' + bd.encode() + b'--\r\n')
                t = time.time()
                s, b, _ = h.req('POST', '/studies', b''.join(parts), hd)
                with lk:
                    out.append((s, time.time() - t))
        def safe():
            try:
                work()
            except (OSError, http.client.HTTPException) as e:                           # server gone
                with lk:
                    out.append((repr(e)[:60], 0))
        th = [threading.Thread(target=safe) for _ in range(conns)]
        [t.start() for t in th]
        [t.join() for t in th]
        st = {}
        for s, _ in out:
            st[s] = st.get(s, 0) + 1
        self.last = [t for _, t in out]
        return st

    def t_stow(self):
        for name, k, slices in STOW:
            inst = sum(self.series(name, k, slices), [])
            mb = sum(i['size'] for i in inst) / 1e6
            with Meter(self) as m:
                st = self.stow_send([i['path'] for i in inst], 20, k)
            self.rec(name, m.out(instances=len(inst), mb=round(mb, 1), inst_s=round(len(inst) / m.wall, 1), mb_s=round(mb / m.wall, 1),
                                 cpu_s_per_1000=round(m.cpu * 1000 / len(inst), 2), status=st, req_p50_ms=round(pct(self.last, 50) * 1e3, 1),
                                 req_max_ms=round(max(self.last) * 1e3, 1), listed=self.count(inst)))
            self.ct = self.ct or inst
            for i in range(k):
                shutil.rmtree(os.path.join(self.tmp, '%s_%d' % (name, i)))

    def t_scale(self):
        """Small instances (9 kB): half by C-STORE with 4 associations, half by STOW. Sent as they are (UIDs not fresh), once per server."""
        d = os.path.join(self.a.data, self.a.scale)
        dirs = sorted(os.path.join(d, x) for x in os.listdir(d))
        half = max(1, len(dirs) // 2) if self.a.scale_dimse < 0 else self.a.scale_dimse
        for name, ds in (('scale_cstore_4assoc', dirs[:half]), ('scale_stow_100perreq_4conn', dirs[half:])):
            files = [os.path.join(x, f) for x in ds for f in sorted(os.listdir(x))]
            if not files:
                continue
            with Meter(self) as m:
                r = self.send(files, 4) if 'cstore' in name else self.stow_send(files, 100, 4)
            self.rec(name, m.out(instances=len(files), inst_s=round(len(files) / m.wall, 1), cpu_s_per_1000=round(m.cpu * 1000 / len(files), 2), result=str(r)[:300]))

    # -------------------------------------------------------------------------------- wrk
    def wrk(self, name, paths, headers, conns, **kw):
        u = urllib.parse.urlsplit(self.web)
        with open(self.tmp + '/paths', 'w') as f:
            f.write('\n'.join(u.path.rstrip('/') + p for p in paths) + '\n')
        hd = dict(self.headers)
        hd.update(headers)
        with open(self.tmp + '/hd', 'w') as f:
            f.write(''.join('%s: %s\n' % kv for kv in hd.items()))
        env = dict(os.environ, BENCH_PATHS=self.tmp + '/paths', BENCH_HEADERS=self.tmp + '/hd')
        s, b, rh = Http(self).req('GET', paths[0], headers=headers)
        for c in conns:
            with Meter(self) as m:
                o = subprocess.run(['wrk', '-t1', '-c%d' % c, '-d%ds' % self.a.seconds, '--timeout', '30s', '-s', self.tmp + '/w.lua', '%s://%s' % (u.scheme, u.netloc)],
                                   env=env, capture_output=True, text=True)
            j = re.search(r'JSON(\{.*\})', o.stdout)
            if not j:
                self.rec('%s_c%d' % (name, c), dict(error=(o.stdout + o.stderr)[-300:]))
                continue
            j = json.loads(j.group(1))
            n = max(1, j['requests'])
            self.rec('%s_c%d' % (name, c), m.out(req=j['requests'], req_s=round(j['requests'] / (j['us'] / 1e6), 1), mb_s=round(j['bytes'] / j['us'], 1),
                     p50_ms=round(j['p50'] / 1e3, 2), p99_ms=round(j['p99'] / 1e3, 2), max_ms=round(j['max'] / 1e3, 1), cpu_ms_per_req=round(m.cpu * 1e3 / n, 3),
                     bad={k: v for k, v in j.items() if k.startswith('e_') and v}, first_status=s, first_bytes=len(b), first_type=rh.get('Content-Type', '')[:60],
                     first_results=len(json.loads(b)) if s == 200 and b[:1] == b'[' else None, **kw))

    def t_qido(self):
        J = {'Accept': 'application/dicom+json'}
        h = Http(self)
        s, b, _ = h.req('GET', '/studies?PatientID=P*&limit=%d' % self.a.sample, headers=J)
        studies = [x['0020000D']['Value'][0] for x in json.loads(b)] if s == 200 and b else []
        ser = []
        for st in studies[:40]:
            s, b, _ = h.req('GET', '/studies/%s/series' % st, headers=J)
            ser += [(st, x['0020000E']['Value'][0]) for x in json.loads(b)]
        if not studies:
            self.rec('qido', dict(error='no scale studies (P*) on the server'))
            return
        fam = ['Tan', 'Lim', 'Lee', 'Wong', 'Ng', 'Chen', 'Wang', 'Li', 'Zhang', 'Liu', 'Ahmad', 'Ismail', 'Hassan', 'Kumar', 'Singh', 'Muthu', 'Ong', 'Goh']
        x = self.a.qtag
        self.wrk(x + 'qido_studies_name', ['/studies?PatientName=%s*&limit=50' % f for f in fam], J, (1, 8))
        self.wrk(x + 'qido_studies_pid_exact', ['/studies?PatientID=P%07d&limit=50' % (i * 7) for i in range(1, 90)], J, (1, 8))
        self.wrk(x + 'qido_studies_date_month', ['/studies?StudyDate=%d%02d01-%d%02d28&limit=50' % (y, mo, y, mo) for y in (2018, 2019, 2020, 2021, 2022) for mo in range(1, 13)], J, (1, 8))
        self.wrk(x + 'qido_studies_page', ['/studies?limit=50&offset=%d' % o for o in (0, 50, 100)], J, (1,))
        self.wrk(x + 'qido_series_of_study', ['/studies/%s/series' % st for st in studies[:60]], J, (1, 8))
        self.wrk(x + 'qido_series_modality', ['/series?Modality=%s&limit=50' % mo for mo in ('CT', 'MR', 'US', 'DX', 'CR')], J, (1, 8))
        self.wrk(x + 'qido_instances_of_series', ['/studies/%s/series/%s/instances' % t for t in ser], J, (1, 8))

    def lat(self, name, path, headers, n, budget):
        h, t, size, st, ttfb = Http(self), [], 0, {}, []
        with Meter(self) as m:
            end = time.time() + budget
            while len(t) < n and time.time() < end:
                t0 = time.time()
                s, b, rh = h.req('GET', path, headers=headers)
                t.append(time.time() - t0)
                size, st[s] = len(b), st.get(s, 0) + 1
        self.rec(name, m.out(n=len(t), p50_ms=round(pct(t, 50) * 1e3, 2), p99_ms=round(pct(t, 99) * 1e3, 2), first_ms=round(t[0] * 1e3, 2), bytes=size, status=st,
                             cpu_ms_per_req=round(m.cpu * 1e3 / len(t), 2), type=rh.get('Content-Type', '')[:60], encoding=rh.get('Content-Encoding')))

    def curl(self, name, url, headers, procs, inst, reps=2):
        best, rows = None, []
        for _ in range(reps):
            with Meter(self) as m:
                ps = []
                for _ in range(procs):
                    c = ['curl', '-s', '--noproxy', '*', '-o', '/dev/null', '-w', '%{http_code} %{size_download} %{time_starttransfer} %{time_total}'] + (['-k'] if self.insecure else [])
                    for k, v in {**self.headers, **headers}.items():
                        c += ['-H', '%s: %s' % (k, v)]
                    ps.append(subprocess.Popen(c + [self.web + url], stdout=subprocess.PIPE, text=True))
                o = [p.communicate()[0].split() for p in ps]
            mb = sum(int(x[1]) for x in o) / 1e6
            d = m.out(mb=round(mb, 1), mb_s=round(mb / m.wall, 1), inst_s=round(inst * procs / m.wall, 1), ttfb_ms=round(max(float(x[2]) for x in o) * 1e3, 1), status=[x[0] for x in o],
                      cpu_s_per_1000=round(m.cpu * 1000 / (inst * procs), 3), cpu_s_per_gb=round(m.cpu / (mb / 1e3), 3) if mb else None)
            rows.append(d['mb_s'])
            if not best or d['mb_s'] > best['mb_s']:
                best = d
        best['all_mb_s'] = rows
        self.rec(name, best)

    def t_wado(self):
        self.ensure()
        st, se = self.ct[0]['study'], self.ct[0]['series']
        ins = [i['sop'] for i in self.ct if i['series'] == se]
        b = '/studies/%s/series/%s' % (st, se)
        D = {'Accept': 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        D0 = {'Accept': 'multipart/related; type="application/dicom"'}
        self.curl('wado_series_ct300_1conn', b, D0, 1, len(ins))
        self.curl('wado_series_ct300_4conn', b, D0, 4, len(ins), 1)
        self.lat('wado_metadata_ct300', b + '/metadata', {'Accept': 'application/dicom+json'}, 15, 30)
        self.lat('wado_instance_metadata', b + '/instances/%s/metadata' % ins[5], {'Accept': 'application/dicom+json'}, 200, 5)
        O = {'Accept': 'multipart/related; type="application/octet-stream"'}
        self.wrk('wado_frame_ct', [b + '/instances/%s/frames/1' % i for i in ins], O, (1, 8))
        self.wrk('wado_instance_ct', [b + '/instances/%s' % i for i in ins], D0, (1, 8))
        for v, i in enumerate(self.us):
            u = '/studies/%s/series/%s/instances/%s' % (i['study'], i['series'], i['sop'])
            var = os.path.basename(i['path'])[3:-4]
            if var in ('bot', 'eot', 'nobot'):
                self.wrk('wado_frame_us_jpeg_' + var, [u + '/frames/%d' % k for k in range(1, 61)], {'Accept': 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'}, (1, 8) if var == 'bot' else (1,))
            if var == 'bot':
                self.wrk('wado_instance_us', [u], D, (1,))
                self.wrk('rendered_us_frame_jpeg', [u + '/frames/%d/rendered' % k for k in range(1, 61)], {'Accept': 'image/jpeg'}, (1, 8))
        for t in ('jpeg', 'png'):
            self.wrk('rendered_ct_' + t, [b + '/instances/%s/rendered' % i for i in ins], {'Accept': 'image/' + t}, (1, 8))

    # -------------------------------------------------------------------------------- query/retrieve
    def find(self, level, keys, n=1, rep=1):
        c = ['findscu', '-S'] + self.x + ['-aet', self.a.calling, '-aec', self.aet, '--repeat', str(rep), '-k', 'QueryRetrieveLevel=' + level]
        for k in keys:
            c += ['-k', k]
        t = []
        for _ in range(n):
            t0 = time.time()
            p = subprocess.run(c + [self.dh, self.dp], capture_output=True, text=True)
            t.append(time.time() - t0)
        return t, p.stdout.count('Find Response:') + p.stderr.count('Find Response:'), p.returncode

    def t_find(self):
        st = ['StudyInstanceUID', 'PatientID', 'StudyDate', 'AccessionNumber', 'StudyDescription']
        for name, lv, keys in (('cfind_study_name', 'STUDY', ['PatientName=Tan*'] + st), ('cfind_study_date', 'STUDY', ['StudyDate=20200101-20200131', 'PatientName'] + [k for k in st if k != 'StudyDate']),
                               ('cfind_study_pid', 'STUDY', ['PatientID=P0000070', 'PatientName'] + [k for k in st if k != 'PatientID']),
                               ('cfind_study_acc', 'STUDY', ['AccessionNumber=ACC00000070', 'PatientName', 'PatientID', 'StudyDate', 'StudyInstanceUID'])):
            _, hits, rc = self.find(lv, keys)
            v = subprocess.run(['findscu', '-v', '-S'] + self.x + ['-aet', self.a.calling, '-aec', self.aet, '-k', 'QueryRetrieveLevel=' + lv] + sum([['-k', k] for k in keys], []) + [self.dh, self.dp], capture_output=True, text=True)
            hits = len(re.findall(r'Find Response: \d+ \(Pending\)', v.stdout + v.stderr))
            t, _, rc = self.find(lv, keys, n=20)
            t0 = time.time()
            with Meter(self) as m:
                tr, _, rc2 = self.find(lv, keys, rep=40)
            one = pct(t, 50)
            self.rec(self.a.qtag + name, m.out(hits=hits, rc=rc, process_p50_ms=round(one * 1e3, 1), process_max_ms=round(max(t) * 1e3, 1),
                                               per_find_in_assoc_ms=round((tr[0] - one) / 39 * 1e3, 2), cpu_ms_per_find=round(m.cpu * 1e3 / 40, 2)))

    def t_move(self):
        self.ensure()
        st, se = self.ct[0]['study'], self.ct[0]['series']
        ins = [i for i in self.ct if i['series'] == se]
        mb = sum(i['size'] for i in ins) / 1e6
        keys = ['-k', 'QueryRetrieveLevel=SERIES', '-k', 'StudyInstanceUID=' + st, '-k', 'SeriesInstanceUID=' + se]
        aet, port = self.a.move.split(':')
        scp = subprocess.Popen(['storescp', '--ignore', '-aet', aet, port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        try:
            for name, c in (('cmove_ct300', ['movescu', '-d', '-S'] + self.x + ['-aet', self.a.calling, '-aec', self.aet, '-aem', aet, self.dh, self.dp] + keys),
                            ('cget_ct300', ['getscu', '-v', '-S', '--ignore'] + self.x + ['-aet', self.a.calling, '-aec', self.aet, self.dh, self.dp] + keys)):
                with Meter(self) as m:
                    p = subprocess.run(c, capture_output=True, text=True, timeout=300)
                o = p.stdout + p.stderr
                f = re.findall(r'Completed Sub[a-z]*\s*:\s*(\d+)', o)
                self.rec(name, m.out(instances=len(ins), mb=round(mb, 1), inst_s=round(len(ins) / m.wall, 1), mb_s=round(mb / m.wall, 1), cpu_s_per_1000=round(m.cpu * 1000 / len(ins), 2),
                                     rc=p.returncode, completed=f[-1] if f else None, tail=o.strip().splitlines()[-1:] if p.returncode else []))
        finally:
            scp.terminate()
            scp.wait()

    # -------------------------------------------------------------------------------- behaviour
    def t_names(self):
        """Every charset variant: does QIDO give back the name, and is it found by Chinese characters and pinyin?"""
        d = os.path.join(self.a.data, 'names')
        rows = [l.split('\t') for l in open(d + '/expected.tsv', encoding='utf-8').read().splitlines()[1:]]
        st = self.stow_send([os.path.join(d, r[0]) for r in rows], 1, 1)
        h, good, bad = Http(self), 0, []
        for f, cs, pid, want, study in rows:
            s, b, _ = h.req('GET', '/studies?StudyInstanceUID=%s' % study, headers={'Accept': 'application/dicom+json'})
            got = None
            if s == 200 and b and json.loads(b):
                v = (json.loads(b)[0].get('00100010', {}).get('Value') or [{}])[0] or {}
                got = '='.join([v.get('Alphabetic', ''), v.get('Ideographic', ''), v.get('Phonetic', '')]).rstrip('=') if isinstance(v, dict) else v
            if (got or '').rstrip('=^') == want.rstrip('=^'):                               # empty components at the end may be left out
                good += 1
            else:
                bad.append('%s: %s' % (f, got))
        hits = {}
        for q in ('*王*', '王*', '*小东*', 'wang*', 'WANG*', '*黃*', '*誠*', '*𠀀*', '*麒麟*', "*Aisyah*", '*やまだ*'):
            s, b, _ = h.req('GET', '/studies?PatientName=%s&limit=100' % urllib.parse.quote(q, safe='*'), headers={'Accept': 'application/dicom+json'})
            hits[q] = len(json.loads(b)) if s == 200 and b else s
        self.rec('names', dict(status=st, names_right=good, of=len(rows), wrong=bad, search_hits=hits))

    def t_hostile(self):
        """One STOW request per file of the hostile folder: status, time, memory, and whether the server still answers."""
        d, out, alive = os.path.join(self.a.data, 'hostile'), {}, True
        files = sorted(f for f in os.listdir(d) if not f.endswith('.tsv') and f not in self.a.skip.split(','))
        with Meter(self) as m:
            for f in files:
                r0, t0 = max([status(p, 'VmHWM') for p in self.pids] or [0]), time.time()
                try:
                    st = self.stow_send([os.path.join(d, f)], 1, 1)
                    st = list(st)[0] if st else 'no answer'
                except Exception as e:
                    st = repr(e)
                dt = time.time() - t0
                out[f] = [st, round(dt * 1e3), round((max([status(p, 'VmHWM') for p in self.pids] or [0]) - r0) / 1024)]
                try:
                    alive = Http(self).req('GET', '/studies?limit=1', headers={'Accept': 'application/dicom+json'})[0] in (200, 204)
                except Exception:
                    alive = False
                if not alive:
                    out[f].append('SERVER DEAD AFTER THIS')
                    break
        by = {}
        for f, v in out.items():
            by.setdefault(str(v[0]), []).append(f)
        self.rec('hostile', m.out(files=len(out), of=len(files), alive=alive, died_after=None if alive else f, by_status={k: len(v) for k, v in by.items()}, accepted=by.get('200', []),
                                  slow={f: v[1] for f, v in out.items() if v[1] > 500}, memory_mb={f: v[2] for f, v in out.items() if v[2] > 64}, per_file=out))

    def bulk_path(self, h, u):
        """Where the metadata says that the pixels are, as a path below the server's base."""
        s, b, _ = h.req('GET', u + '/metadata', headers={'Accept': 'application/dicom+json'})
        uri = json.loads(b)[0]['7FE00010'].get('BulkDataURI', '') if s == 200 else ''
        path = urllib.parse.urlsplit(uri).path
        return path[path.index('/dicom-web/') + len('/dicom-web'):] if '/dicom-web/' in path else path or u + '/no-bulk-data-uri'

    def t_verify(self):
        """Are frames and instances given back bit for bit? CT native, US JPEG with all four offset table variants."""
        self.ensure()
        h, r = Http(self), {}
        i = self.ct[5]
        with open(os.path.join(self.a.data, 'ct', os.path.basename(i['path'])), 'rb') as f:
            px = f.read()[-524288:]
        u = '/studies/%s/series/%s/instances/%s' % (i['study'], i['series'], i['sop'])
        for k, p, acc in (('ct_frame', u + '/frames/1', 'multipart/related; type="application/octet-stream"'), ('ct_instance', u, 'multipart/related; type="application/dicom"'),
                          ('ct_bulk', self.bulk_path(h, u), '*/*')):
            s, b, _ = h.req('GET', p, headers={'Accept': acc})
            r[k] = 'identical' if px in b else '%s, %d bytes, differs' % (s, len(b))
        ref = {}
        for i in self.us:
            v = os.path.basename(i['path'])[3:-4]
            with open(i['path'], 'rb') as f:
                b = f.read()
            if v == 'bot':
                p = b.find(struct.pack('<HH', 0x7fe0, 0x10) + b'OB\0\0\xff\xff\xff\xff') + 12
                n = struct.unpack('<I', b[p + 4:p + 8])[0]
                off = struct.unpack('<%dI' % (n // 4), b[p + 8:p + 8 + n])
                for k in (1, 7, 60):
                    q = p + 8 + n + off[k - 1]
                    ref[k] = b[q + 8:q + 8 + struct.unpack('<I', b[q + 4:q + 8])[0]]
        for i in self.us:
            v = os.path.basename(i['path'])[3:-4]
            for k in (1, 7, 60):
                s, b, _ = h.req('GET', '/studies/%s/series/%s/instances/%s/frames/%d' % (i['study'], i['series'], i['sop'], k), headers={'Accept': 'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50'})
                r['us_%s_frame_%d' % (v, k)] = 'identical' if ref[k] in b or ref[k].rstrip(b'\0') in b else '%s, %d bytes, differs' % (s, len(b))
        s, b, _ = h.req('GET', '/studies/%s/series/%s/instances/%s/frames/61' % (i['study'], i['series'], i['sop']), headers={'Accept': 'multipart/related; type="image/jpeg"'})
        r['us_frame_61_of_60'] = s
        self.rec('verify', r)

    def main(self):
        try:
            self.prepare(self.a.tests.split(','))
            for t in self.a.tests.split(','):
                t0 = time.time()
                try:
                    getattr(self, 't_' + t)()
                except Exception as e:                                               # one failing test must not lose the others
                    import traceback
                    self.rec('FAILED_' + t, dict(error=repr(e), where=traceback.format_exc()[-400:]))
                print('-- %s took %.1f s' % (t, time.time() - t0), flush=True)
        finally:
            shutil.rmtree(self.tmp, ignore_errors=True)


def compare(files):
    d = [json.load(open(f)) for f in files]
    names = list(dict.fromkeys(n for x in d for n in x['tests']))
    fields = ['inst_s', 'mb_s', 'req_s', 'p50_ms', 'p99_ms', 'cpu_s_per_1000', 'cpu_ms_per_req', 'per_find_in_assoc_ms', 'cpu_ms_per_find', 'peak_rss_mb']
    print('| test | figure | ' + ' | '.join(x['label'] for x in d) + (' | last/first |' if len(d) > 1 else ' |'))
    print('|---|---|' + '---|' * len(d) + ('---|' if len(d) > 1 else ''))
    for n in names:
        for f in fields:
            v = [x['tests'].get(n, {}).get(f) for x in d]
            if any(i is not None for i in v):
                r = '%.2f' % (v[-1] / v[0]) if len(v) > 1 and v[0] and v[-1] is not None else ''
                print('| %s | %s | %s |%s' % (n, f, ' | '.join('' if i is None else str(i) for i in v), ' %s |' % r if len(v) > 1 else ''))


if __name__ == '__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--compare', nargs='+')
    ap.add_argument('--label', default='server')
    ap.add_argument('--dimse')
    ap.add_argument('--dicomweb')
    ap.add_argument('--auth')
    ap.add_argument('--header', action='append')
    ap.add_argument('--insecure', action='store_true')
    ap.add_argument('--server-pid', default='')
    ap.add_argument('--json')
    ap.add_argument('--data', default='dicom-data')
    ap.add_argument('--scale', default='scale')
    ap.add_argument('--scale-dimse', type=int, default=-1, help='how many folders of the scale set go by C-STORE (default half)')
    ap.add_argument('--calling', default='BENCHSCU')
    ap.add_argument('--move', default='BENCHSCU:24300')
    ap.add_argument('--dcmtk-args', default='', help="for DIMSE over TLS, e.g. '+tls key.pem cert.pem -ic' (storescu is then used in place of dcmsend)")
    ap.add_argument('--tests', default='store,stow,scale,qido,wado,find,move')
    ap.add_argument('--skip', default='', help='hostile files to leave out (a,b,c), e.g. those known to kill the server')
    ap.add_argument('--seconds', type=int, default=4)
    ap.add_argument('--sample', type=int, default=200)
    ap.add_argument('--qtag', default='', help='prefix for the names of query tests, e.g. 100k_')
    ap.add_argument('--lock')
    ap.add_argument('--tmp', default=tempfile.gettempdir())
    ap.add_argument('--run-id')
    a = ap.parse_args()
    if a.compare:
        compare(a.compare)
    else:
        Bench(a).main()
