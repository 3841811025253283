#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A verifier that only pretends, for the host's side of Documentation/verifier-api.yaml.

verifier.py ROOT PLACE

Listens at a free port, which it writes to PLACE/port. It knows the token "right"; with
"other-name" its credential is for another key. tpm2_makecredential makes credentials. Where
there is a file PLACE/known, it says in its challenge that it knows the host's logs, and once it
gets the rest of them alone it forgets them.
"""
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import hashlib

import bundle

HOST = "6f8b0e5e-1c5e-4b7e-9d0a-3f1f5c0a7e11"
ROOT, PLACE = sys.argv[1:]
SECRET = hashlib.sha256(b"what only the TPM tells").digest()
NONCE = hashlib.sha256(b"nonce").digest()


def text(content):
    return bundle.base64.urlsafe_b64encode(content).decode().rstrip("=")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def known():
    """What a challenge says of logs: all of the event log, and some bytes of IMA's."""
    boot = read("/proc/sys/kernel/random/boot_id").decode().strip()
    events = hashlib.sha256(read(f"{PLACE}/events")).digest()
    return {"boot_id": boot, "eventlog_sha256": text(events), "ima_bytes": 7}


def check_rest(body):
    """Raise unless the bundle leaves out what is known, and nothing else."""
    said = known()
    assert "eventlog" not in body and "packages" not in body, "more than the rest"
    assert body["eventlog_sha256"] == said["eventlog_sha256"], "eventlog_sha256"
    assert body["ima_after"] == said["ima_bytes"], "ima_after"
    assert bundle.raw(body["ima"]) == read(f"{PLACE}/ima")[said["ima_bytes"]:], "ima"


def credential(body):
    """TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET, for the keys of the body."""
    public = bundle.raw(body["ak_pub"])[2:]
    name = b"\0\x0b" + hashlib.sha256(public).digest()
    if body["token"] == "other-name":
        name = name[:-1] + bytes([name[-1] ^ 1])
    for file, content in (("ek.bin", bundle.raw(body["ek_pub"])), ("secret.bin", SECRET)):
        with open(f"{PLACE}/{file}", "wb") as out:
            out.write(content)
    subprocess.run(["tpm2_makecredential", "-Q", "-T", "none", "-u", f"{PLACE}/ek.bin", "-s",
                    f"{PLACE}/secret.bin", "-n", name.hex(), "-o", f"{PLACE}/made.bin"], check=True)
    with open(f"{PLACE}/made.bin", "rb") as file:
        made = file.read()[8:]
    first = 2 + int.from_bytes(made[:2], "big")
    return made[:first], made[first:]


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    def say(self, status, answer):
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status, detail, kind="about:blank"):
        self.say(status, {"type": kind, "title": "no", "status": status, "detail": detail})

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def known(self):
        return self.headers["Authorization"] == "Bearer abc.def"

    def do_GET(self):
        if self.path != f"/v1/hosts/{HOST}/challenge" or not self.known():
            self.refuse(401, "who asks?")
        else:
            challenge = {"nonce": text(NONCE), "deadline": 60, "pcrs": "sha256:0,1,7"}
            if os.path.exists(f"{PLACE}/known"):
                challenge["known"] = known()
            self.say(200, challenge)

    def do_PUT(self):
        if self.path != f"/v1/hosts/{HOST}/facts" or not self.known():
            self.refuse(401, "who asks?")
        elif self.body()["tpm"] != "2.0":
            self.refuse(400, "it has a TPM 2.0")
        else:
            self.say(200, {})

    def do_POST(self):
        body = self.body()
        if self.path == "/v1/enrol/begin":
            if body["token"] not in ("right", "other-name"):
                self.refuse(403, "this token is not known")
                return
            blob, secret = credential(body)
            self.say(200, {"id": "1", "credential": text(blob), "secret": text(secret)})
        elif self.path == "/v1/enrol/finish":
            if body != {"id": "1", "proof": text(SECRET)}:
                self.refuse(403, "this is no proof")
                return
            with open(f"{PLACE}/ca.pem", encoding="ascii") as file:
                der = ssl.PEM_cert_to_DER_cert(re.sub(r"\A.*?(?=-----BEGIN)", "", file.read(),
                                                      flags=re.S))
            self.say(200, {"host": HOST, "ak_cert": text(der), "bearer": "abc.def"})
        elif self.path == f"/v1/hosts/{HOST}/evidence" and self.known():
            bundle.check(ROOT, PLACE, body, NONCE.hex(), 3)
            good = body["host"]["id"] == HOST
            if os.path.exists(f"{PLACE}/known"):
                check_rest(body)
                os.rename(f"{PLACE}/known", f"{PLACE}/forgotten")
                self.refuse(409, "unknown logs", "urn:vtpm-verify:problem:logs")
                return
            self.say(200, {"status": "passed" if good else "failed", "message": "",
                           "valid_until": None})
        else:
            self.refuse(404, "there is no such thing")


def main():
    server = http.server.HTTPServer(("localhost", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{PLACE}/ca.pem", f"{PLACE}/ca.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(f"{PLACE}/port.new", "w", encoding="ascii") as file:
        file.write(str(server.server_port))
    os.rename(f"{PLACE}/port.new", f"{PLACE}/port")
    server.serve_forever()


if __name__ == "__main__":
    main()
