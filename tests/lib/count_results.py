#!/usr/bin/python3
"""Counts test results in JUnit files.

count_results.py DIRECTORY SUITE           "N passed, N failed, N skipped" of DIRECTORY/SUITE*.xml
count_results.py --close DIRECTORY SUITE…  names what failed or was skipped, prints the closing line; status 1 when
                                           something failed, nothing ran, or (with CI=true) something was skipped
"""
import os
import pathlib
import sys
import xml.etree.ElementTree as xml


def cases(directory, suites):
    """(suite, name, outcome, reason) of every test case."""
    for suite in suites:
        for path in sorted(pathlib.Path(directory).glob(f"{suite}[-.]*xml")):
            for case in xml.parse(path).getroot().iter("testcase"):
                name = f"{path.stem}: {case.get('classname', '')} {case.get('name', '')}"
                skipped = case.find("skipped")
                if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
                    yield suite, name, "failed", ""
                elif skipped is not None or case.get("status") in ("notrun", "disabled"):
                    yield suite, name, "skipped", (skipped.get("message") or "") if skipped is not None else ""
                else:
                    yield suite, name, "passed", ""


def main():
    arguments = sys.argv[1:]
    close = arguments[:1] == ["--close"]
    directory, *suites = arguments[1:] if close else arguments
    found = list(cases(directory, suites))
    count = {outcome: sum(case[2] == outcome for case in found) for outcome in ("passed", "failed", "skipped")}
    if close:
        for _, name, outcome, reason in found:
            if outcome != "passed":
                print(f"{outcome}: {name} {reason}".rstrip())
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    if close:
        bad = count["failed"] or not count["passed"] or (os.environ.get("CI") == "true" and count["skipped"])
        sys.exit(1 if bad else 0)


main()
