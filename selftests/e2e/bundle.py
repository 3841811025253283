#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Look into a bundle.

bundle.py ROOT PLACE [--of FILE] [--forge PART] check NONCE PCRS | get MEMBER... |
    holds MEMBER... FILE | file MEMBER... FILE | packages | ima PATH

check: by the schema, tpm2_checkquote and the digest of the PCRs; of a deep bundle the host's quote
as well, and that the leaf is in its tree. file: write a member as bytes. ima: write a log of IMA.
"""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys

import yaml
import jsonschema


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def forge(bundle, part):
    """Change one byte of what is vouched for."""
    of = bundle["quote"]["pcrs"]["sha256"] if part == "pcrs" else bundle["quote"]
    name = "5" if part == "pcrs" else part
    changed = bytearray(raw(of[name]))
    changed[-1] ^= 1
    of[name] = base64.urlsafe_b64encode(changed).decode().rstrip("=")


def in_tree(deep, frame):
    """Does the proof lead from the leaf to the root in the frame? As deep.rst has it."""
    def digest(tag, *parts):
        return hashlib.sha256(bytes([tag]) + b"".join(parts)).digest()
    proof, index, last = raw(deep["proof"]), deep["index"], deep["count"] - 1
    node = digest(0, raw(deep["leaf"]))
    while last:
        if index % 2 or index < last:
            beside, proof = proof[:32], proof[32:]
            node = digest(1, beside, node) if index % 2 else digest(1, node, beside)
        index, last = index // 2, last // 2
    return not proof and frame[51:83] == node and frame[83:87] == deep["count"].to_bytes(4, "big")


def check_quote(place, bundle, about, count):
    """tpm2_checkquote, and what it does not look at."""
    quote = bundle["quote"]
    parts = {name: raw(quote[name]) for name in quote if name != "pcrs"}
    parts["ak"] = raw(bundle["ak"]["public"])
    for name, content in parts.items():
        with open(f"{place}/{name}.bin", "wb") as file:
            file.write(content)
    subprocess.run(["tpm2_checkquote", "-Q", "-u", f"{place}/ak.bin", "-m", f"{place}/message.bin",
                    "-s", f"{place}/signature.bin", "-q", about],
                   check=True, env={**os.environ, "TPM2TOOLS_TCTI": "none"})
    pcrs = quote["pcrs"]["sha256"]
    assert len(pcrs) == int(count), f"{len(pcrs)} PCRs"
    values = b"".join(raw(pcrs[number]) for number in sorted(pcrs, key=int))
    assert parts["message"].endswith(hashlib.sha256(values).digest()), "pcrDigest"


def check(root, place, bundle, nonce, count):
    """Raise where the bundle is not what it says."""
    with open(root + "/Documentation/bundle.yaml", encoding="utf-8") as file:
        jsonschema.validate(bundle, yaml.safe_load(file))
    assert raw(bundle["nonce"]) == bytes.fromhex(nonce), "nonce"
    about = nonce
    if bundle["kind"] == "host":
        frame = raw(bundle["quote"]["frame"])
        assert frame[:19] == b"vtpm-host-quote-v1\x01", "frame"
        assert frame[19:51] == bytes.fromhex(nonce), "nonce in the frame"
        about = hashlib.sha256(frame).hexdigest()
    check_quote(place, bundle, about, count)
    if "deep" in bundle:
        deep = bundle["deep"]
        frame = raw(deep["host"]["quote"]["frame"])
        assert frame[:19] == b"vtpm-host-quote-v1\x02", "frame of the host"
        assert raw(deep["leaf"])[12:44] == bytes.fromhex(nonce), "nonce in the leaf"
        assert in_tree(deep, frame), "proof"
        check_quote(place, deep["host"], hashlib.sha256(frame).hexdigest(), 24)


def ima(place, path):
    """Two entries of the template ima-ng."""
    with open(place + "/ima", "wb") as log:
        for name in ("boot_aggregate", path):
            fields = b"sha256:\0" + bytes(32), name.encode() + b"\0"
            data = b"".join(struct.pack("<I", len(field)) + field for field in fields)
            log.write(struct.pack("<I", 10) + hashlib.sha1(data).digest() +
                      struct.pack("<I", 6) + b"ima-ng" + struct.pack("<I", len(data)) + data)


def main(root, place, *words):
    words, of, part = list(words), "bundle", None
    while words[0].startswith("--"):
        option, value, *words = words
        of, part = (value, part) if option == "--of" else (of, value)
    if words[0] == "ima":
        ima(place, words[1])
        return
    with open(f"{place}/{of}", encoding="utf-8") as file:
        bundle = json.load(file)
    if part:
        forge(bundle, part)
    if words[0] == "check":
        check(root, place, bundle, *words[1:])
    elif words[0] == "get":
        for word in words[1:]:
            bundle = bundle[word]
        print(bundle)
    elif words[0] == "holds":
        for word in words[1:-1]:
            bundle = bundle[word]
        with open(f"{place}/{words[-1]}", "rb") as file:
            assert file.read() == raw(bundle), words
    elif words[0] == "file":
        for word in words[1:-1]:
            bundle = bundle[int(word) if word.isdigit() else word]
        with open(f"{place}/{words[-1]}", "wb") as file:
            file.write(raw(bundle))
    else:
        for package in bundle["packages"]:
            print(package["name"], package["version"], *package["paths"])


if __name__ == "__main__":
    main(*sys.argv[1:])
