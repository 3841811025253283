#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A verifier that only pretends, for the host's gate: it signs whatever verdict is wanted.

gate.py PLACE STATUS [MEMBER=VALUE...]

Writes PLACE/verdict, about the quote in PLACE/bundle, signed by PLACE/fleet.key. It holds for a
minute, from now on; VALUE is JSON, and with a leading + is added to what there is. Of the times,
"verified_at" and "valid_until", it is in seconds from now.
"""
import hashlib
import json
import subprocess
import sys
import time

from bundle import base64, raw


def statement(bundle, status, changes):
    """As verifier-api.yaml has it."""
    public, quote = raw(bundle["ak"]["public"])[2:], raw(bundle["quote"]["message"])
    at = 6  # magic, type
    for _ in range(2):  # qualifiedSigner, extraData
        at += 2 + int.from_bytes(quote[at:at + 2], "big")
    said = {"format": "vtpm-verdict-v1", "host": "6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11",
            "ak_name": "000b" + hashlib.sha256(public).hexdigest(),
            "clock": int.from_bytes(quote[at:at + 8], "big"),
            "resets": int.from_bytes(quote[at + 8:at + 12], "big"),
            "restarts": int.from_bytes(quote[at + 12:at + 16], "big"), "status": status,
            "verified_at": 0, "valid_until": 60, "verified_by": "pretender", "policy": None,
            "ima_policy": None}
    for change in changes:
        name, value = change.split("=", 1)
        said[name] = said[name] + json.loads(value[1:]) if value[0] == "+" else json.loads(value)
    for name in ("verified_at", "valid_until"):
        said[name] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + said[name]))
    return json.dumps(said, separators=(",", ":"))


def main(place, status, *changes):
    with open(f"{place}/bundle", encoding="utf-8") as file:
        text = statement(json.load(file), status, changes)
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{place}/fleet.key"],
                               input=b"vtpm-verdict-v1\0" + text.encode(), check=True,
                               stdout=subprocess.PIPE).stdout
    with open(f"{place}/verdict", "w", encoding="utf-8") as file:
        json.dump({"status": status, "verdict": {
            "statement": text,
            "signature": base64.urlsafe_b64encode(signature).decode().rstrip("=")}}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
