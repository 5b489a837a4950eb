"""Test images, made once a session by tests/data/make_dicom.py, and DCMTK's tools as a scanner would use them."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """images("ct", slices=10) → a directory of files, the same each time it is asked for."""
    made = {}

    def make(what, **options):
        key = (what, *sorted(options.items()))
        if key not in made:
            made[key] = tmp_path_factory.mktemp(what)
            arguments = [text for name, value in options.items() for text in ("--" + name.replace("_", "-"), str(value))]
            subprocess.run(["/usr/bin/python3", str(ROOT / "tests/data/make_dicom.py"), what, "--out", str(made[key]), *arguments],
                           check=True, capture_output=True)
        return made[key]

    return make


class Scanner:
    """One AE title with DCMTK's tools."""

    def __init__(self, port, title):
        self.port, self.title = port, title

    def run(self, tool, *options, files=(), check=True):
        command = [tool, "-aet", self.title, "-aec", "CONSILIUM", *options, "127.0.0.1", str(self.port), *files]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=240,
                              env={**os.environ, "TCP_NODELAY": "1"})
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def echo(self, check=True):
        return self.run("echoscu", "-v", check=check)

    def send(self, path, check=True):
        """Sends a file or a directory; returns the number of successes."""
        done = self.run("dcmsend", "-v", "+sd", "+r", "-nuc", "--no-halt", files=[str(path)], check=check)
        return len(re.findall(r"Received C-STORE Response \(Success\)", done.stdout + done.stderr))

    def find(self, level, *keys):
        """C-FIND, Study Root; keys like "PatientName=王*". Returns one dictionary a match: {tag: value}."""
        arguments = ["-S", "-v", "-k", "SpecificCharacterSet=ISO_IR 192", "-k", f"QueryRetrieveLevel={level}"]
        for key in keys:
            arguments += ["-k", key]
        done = subprocess.run(["findscu", "-aet", self.title, "-aec", "CONSILIUM", *arguments, "127.0.0.1", str(self.port)],
                              capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        matches = []
        for line in (done.stdout + done.stderr).decode("utf-8", "replace").splitlines():
            if "Find Response:" in line:
                matches.append({})
            value = re.search(r"\(([0-9a-f]{4},[0-9a-f]{4})\) \w\w \[(.*?)\]\s", line)
            if value and matches:
                matches[-1][value.group(1)] = value.group(2).strip(" \0")
        return matches


@pytest.fixture
def scanner(product):
    """scanner("COUNTY1_CT") → a Scanner."""
    return lambda title: Scanner(product.dimse_port, title)
