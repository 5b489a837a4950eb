#!/usr/bin/python3
"""Turns sql/schema/NNNN_*.sql and sql/query/<noun>.sql into the C tables of hub/store/sql.h.

usage: sql_tables.py SCHEMA_DIR QUERY_DIR OUTPUT.c

A query file holds statements, each under a line `-- name: noun_verb`. Names are unique over all files; a statement
is one SQL statement without a closing semicolon (a closing one is dropped). Schema files are taken as they are.
"""
import hashlib
import pathlib
import re
import sys

NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)\s*$")
SCHEMA_FILE = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")


def fail(text):
    sys.exit(f"sql_tables.py: {text}")


def c_string(text):
    lines = []
    for line in text.splitlines(keepends=True):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("?", "\\?")
        lines.append(f'    "{escaped}"')
    return "\n".join(lines) or '    ""'


def read_statements(directory):
    statements = {}
    for path in sorted(directory.glob("*.sql")):
        name, body = None, []

        def finish():
            if name is None:
                return
            text = "\n".join(body).strip().rstrip(";").strip()
            if not text:
                fail(f"{path}: statement {name} is empty")
            if name in statements:
                fail(f"{path}: statement {name} exists already")
            if len(name) > 63:
                fail(f"{path}: the name {name} is longer than PostgreSQL's 63 bytes")
            statements[name] = text

        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = NAME.match(line)
            if match:
                finish()
                name, body = match.group(1), []
            elif line.startswith("-- name"):
                fail(f"{path}:{number}: not a statement's name: {line}")
            elif line.startswith("--"):
                continue
            elif name is not None:
                body.append(line)
            elif line.strip():
                fail(f"{path}:{number}: text before the first '-- name:' line")
        finish()
    return sorted(statements.items())


def read_migrations(directory):
    migrations = []
    for path in sorted(directory.glob("*.sql")):
        match = SCHEMA_FILE.match(path.name)
        if not match:
            fail(f"{path}: a schema file is named NNNN_words.sql")
        number = int(match.group(1))
        if migrations and migrations[-1][0] == number:
            fail(f"{path}: the number {number} is taken by {migrations[-1][1]}")
        text = path.read_text(encoding="utf-8")
        migrations.append((number, path.name, hashlib.sha256(text.encode()).hexdigest(), text))
    return migrations


def main():
    schema, query, output = map(pathlib.Path, sys.argv[1:4])
    statements, migrations = read_statements(query), read_migrations(schema)
    out = ['/* Made by sql_tables.py; do not edit. */', '#include "hub/store/sql.h"', ""]
    out.append("const sql_statement sql_statements[] = {")
    for name, text in statements:
        out.append(f'    {{"{name}",\n{c_string(text)}}},')
    out.append("    {NULL, NULL}};")
    out.append(f"const guint sql_statement_count = {len(statements)};")
    out.append("")
    out.append("const sql_migration sql_migrations[] = {")
    for number, name, digest, text in migrations:
        out.append(f'    {{{number}, "{name}", "{digest}",\n{c_string(text)}}},')
    out.append("    {0, NULL, NULL, NULL}};")
    out.append(f"const guint sql_migration_count = {len(migrations)};")
    output.write_text("\n".join(out) + "\n", encoding="utf-8")


main()
