#!/usr/bin/python3
"""openapi_json.py OPENAPI.yaml OUTPUT.c: the API description as JSON in a C array."""
import datetime
import hashlib
import json
import sys

import yaml


def plain(value):
    """YAML reads some scalars as dates; JSON has none."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    raise TypeError(type(value))


with open(sys.argv[1], encoding="utf-8") as source:
    text = json.dumps(yaml.safe_load(source), ensure_ascii=False, separators=(",", ":"), default=plain).encode()
etag = hashlib.sha256(text).hexdigest()[:32]
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write("/* Made from openapi.yaml; do not edit. */\n#include \"hub/api/openapi_json.h\"\n\nconst char openapi_json[] = {\n")
    for start in range(0, len(text), 20):
        out.write("    " + ", ".join(str(b if b < 128 else b - 256) for b in text[start:start + 20]) + ",\n")
    out.write(f"}};\nconst gsize openapi_json_length = {len(text)};\nconst char openapi_json_etag[] = \"\\\"{etag}\\\"\";\n")
