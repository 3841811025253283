# SPDX-License-Identifier: GPL-2.0
"""What every lint needs: the files of the tree, and findings.

A lint is a script of one concern. It looks at the current folder, which is a tree
of the project, prints "FILE:LINE: reason: next step" for each finding, and exits 1
when there is any.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOUND = []


def files():
    """All files of the tree, but for what is built."""
    if os.path.exists(".git"):
        out = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            check=True, capture_output=True, text=True).stdout
        names = [name for name in out.split("\0") if name]
    else:
        names = []
        for folder, folders, found in os.walk("."):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, name)) for name in found]
    return sorted(name for name in set(names) if os.path.isfile(name) and not os.path.islink(name))


def read(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def is_text(path):
    # Inputs of fuzzers are bytes, even where they have no NUL.
    if path.startswith("userd/fuzz/corpus/"):
        return False
    with open(path, "rb") as file:
        return b"\0" not in file.read(8192)


def language(path):
    """c, sh, python, make, or '' for others."""
    name = os.path.basename(path)
    if name.endswith((".c", ".h")):
        return "c"
    if name.endswith(".py"):
        return "python"
    if name in ("Makefile", "Kbuild") or name.endswith(".mk"):
        return "make"
    if name.endswith(".sh"):
        return "sh"
    if is_text(path):
        first = read(path).split("\n", 1)[0]
        if first.startswith("#!") and "python" in first:
            return "python"
        if re.match(r"#!.*\b(ba|da)?sh\b", first):
            return "sh"
    return ""


def c_code(text):
    """C text with comments and the insides of strings blanked, lines kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]
        return re.sub(r"[^\n]", " ", token)
    token = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(token, blank, text, flags=re.S)


def table(path, columns):
    """Rows of a table beside the lints; the last column may hold blanks."""
    rows = []
    with open(os.path.join(HERE, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or line.startswith("#"):
                continue
            row = line.split(None, columns - 1)
            if len(row) != columns:
                sys.exit(f"{path}:{number}: {columns} columns are wanted")
            rows.append([cell.strip() for cell in row])
    return rows


def find(path, line, message):
    FOUND.append((path, line, message))


def end():
    """Print the findings and exit."""
    for path, line, message in sorted(set(FOUND)):
        print(f"{path}:{line}: {message}")
    sys.exit(1 if FOUND else 0)
