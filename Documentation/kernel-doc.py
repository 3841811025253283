#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pages made of kernel-doc comments.

    kernel-doc.py SCRIPT PAGE FOLDER

Writes FOLDER/PAGE.rst from the files that PAGES names, by the kernel's own
kernel-doc SCRIPT. A warning of that script ends this one with status 1. The titles
of DOC blocks become headings.
"""
import re
import subprocess
import sys

TITLES = {
    "uapi-header": "The specification: linux/vtpm.h",
    "driver-api": "Functions and structures of the driver",
}
PAGES = {
    "uapi-header": ["uapi/linux/vtpm.h", "uapi/linux/vtpm_ask.h"],
    "driver-api": [
        "driver/queue.h", "driver/queue.c", "driver/device.h", "driver/device.c",
        "driver/ask.h", "driver/ask.c",
        "driver/identity.h", "driver/identity.c", "driver/limit.c", "driver/client.c",
        "driver/chip.c", "driver/server.c", "driver/control.c", "driver/compat.h",
    ],
}


def heading(text, mark):
    return f"{text}\n{mark * len(text)}\n"


def main():
    script, page, folder = sys.argv[1:]
    parts = [heading(TITLES[page], "=")]
    for path in PAGES[page]:
        run = subprocess.run([sys.executable, script, "-rst", "-Wall", "-Werror", path],
                             capture_output=True, text=True)
        if run.returncode or run.stderr:
            sys.exit(run.stderr or f"kernel-doc failed on {path}")
        text = re.sub(r"^\.\. _[^\n]*:\n\n\*\*([^\n]*)\*\*$",
                      lambda match: heading(match.group(1), "~"), run.stdout, flags=re.M)
        if len(PAGES[page]) > 1:
            text = heading(path, "-") + "\n" + text
        parts.append(text)
    with open(f"{folder}/{page}.rst", "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


main()
