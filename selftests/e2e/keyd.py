#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ask vtpm-keyd for a CA of this host, as its manager would (userd/wire/ipc_keyd.h).

keyd.py SOCKET ca NAME    make a key and a root of its own; writes the chain, DER, to stdout
"""
import socket
import struct
import sys

STATUS, HOST_CA, CA_INIT, SELF_SIGNED = 0, 40, 42, 1


def ask(keyd, op, body=b""):
    keyd.send(struct.pack(">II", op, 7) + body)
    answer = keyd.recv(65536)
    got, tag, error, length = struct.unpack(">IIIH", answer[:14])
    if (got, tag) != (op + 1, 7):
        sys.exit(f"keyd answers {got} to {op}")
    if error:
        sys.exit(answer[14:14 + length].decode())
    return answer[14 + length:]


def blob(body):
    length = struct.unpack(">I", body[:4])[0]
    return body[4:4 + length], body[4 + length:]


def main():
    path, _, name = sys.argv[1:]
    keyd = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    keyd.connect(path)
    text = name.encode()
    ask(keyd, CA_INIT, struct.pack(">IH", SELF_SIGNED, len(text)) + text)
    _, rest = blob(ask(keyd, HOST_CA))
    sys.stdout.buffer.write(blob(rest)[0])


main()
