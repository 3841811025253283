# SPDX-License-Identifier: GPL-2.0
"""A daemon with a swtpm as its host TPM in a folder of its own, and bare commands for its vTPMs.

What the benchmarks of the daemon share: vtpmd --foreground starts keyd and spawn itself; the
API and each vTPM's socket are talked to without the time of starting a program.
"""
import http.client
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Api(http.client.HTTPConnection):
    """HTTP over the daemon's Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


def few_files():
    """The daemon has to raise what a shell gives it: less than twenty vTPMs take."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


class Place:
    """A folder with a host TPM and a daemon."""

    def __init__(self, spares):
        self.dir = tempfile.mkdtemp(prefix="vtpm-bench.", dir="/tmp")
        self.spares = spares
        os.mkdir(f"{self.dir}/tpm.state")
        self.tpm = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.dir}/tpm.state",
             "--server", f"type=unixio,path={self.dir}/tpm",
             "--ctrl", f"type=unixio,path={self.dir}/tpm.ctrl",
             "--flags", "not-need-init,startup-clear"],
            stderr=open(f"{self.dir}/log", "a"))
        wait_for(lambda: os.path.exists(f"{self.dir}/tpm"))
        self.up()
        subprocess.run([f"{ROOT}/build/vtpmctl", "--runtime-dir", f"{self.dir}/run", "host",
                        "init", "--recovery-code-file", f"{self.dir}/code"], check=True,
                       stdout=subprocess.DEVNULL)

    def up(self, look=None):
        """Start vtpmd; @look is called with the process id of vtpm-spawn."""
        self.daemon = subprocess.Popen(
            [f"{ROOT}/build/vtpmd", "--foreground", "--state-dir", f"{self.dir}/state",
             "--runtime-dir", f"{self.dir}/run", "--spares", str(self.spares),
             "--tcti", f"swtpm:path={self.dir}/tpm"],
            stderr=open(f"{self.dir}/log", "a"), preexec_fn=few_files)
        if look:
            wait_for(self.spawn_pid)
            look(self.spawn_pid())
        wait_for(self.answers)

    def rollback(self, mode):
        """Another rollback protection, from now on."""
        with open(f"{self.dir}/code", encoding="ascii") as code:
            subprocess.run([f"{ROOT}/build/vtpmctl", "--runtime-dir", f"{self.dir}/run", "host",
                            "rollback", "--rollback", mode, "--recovery-code-fd", "0"],
                           check=True, stdin=code, stdout=subprocess.DEVNULL)

    def pids(self):
        """vtpmd and what it has started: keyd and spawn."""
        with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children") as f:
            return [self.daemon.pid] + [int(pid) for pid in f.read().split()]

    def spawn_pid(self):
        """Of our vtpmd's child, or 0."""
        for pid in self.pids():
            with open(f"/proc/{pid}/comm") as comm:
                if comm.read() == "vtpm-spawn\n":
                    return pid
        return 0

    def api(self):
        return Api(f"{self.dir}/run/api.sock")

    def host(self):
        return self.api().ask("GET", "/v1/host")

    def answers(self):
        try:
            host = self.host()
        except OSError:
            return False
        return host["keyd"] and host["spawn"]

    def daemon_end(self):
        self.daemon.terminate()
        status = self.daemon.wait()
        if status:
            print(open(f"{self.dir}/log").read(), file=sys.stderr)
            raise RuntimeError(f"vtpmd ended with status {status}")

    def end(self):
        self.daemon_end()
        self.tpm.terminate()
        self.tpm.wait()
        shutil.rmtree(self.dir)


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise RuntimeError("not within %d seconds" % seconds)
        time.sleep(0.002)


def milliseconds(what):
    begin = time.perf_counter()
    what()
    return (time.perf_counter() - begin) * 1000


class Client:
    """Bare TPM commands over a vTPM's socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(path)

    def run(self, command):
        self.socket.sendall(command)
        answer = b""
        while len(answer) < 10 or len(answer) < struct.unpack(">I", answer[2:6])[0]:
            more = self.socket.recv(4096)
            if not more:
                raise RuntimeError("the connection ended")
            answer += more
        code = struct.unpack(">I", answer[6:10])[0]
        if code:
            raise RuntimeError("response code %#x" % code)
        return answer


PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
GET_RANDOM = struct.pack(">HIIH", 0x8001, 12, 0x17B, 8)
INDEX = 0x1500016


def with_sessions(code, handles, parameters=b""):
    body = struct.pack(f">{len(handles)}I", *handles) + PASSWORD + parameters
    return struct.pack(">HII", 0x8002, 10 + len(body), code) + body


# TPM2_NV_DefineSpace of a counter: OWNERWRITE, OWNERREAD, NO_DA, TPM_NT_COUNTER
DEFINE = with_sessions(0x12A, [0x40000001], struct.pack(
    ">HHIHIHH", 0, 14, INDEX, 0x000B, 0x02020012, 0, 8))
INCREMENT = with_sessions(0x134, [0x40000001, INDEX])
READ = with_sessions(0x14E, [0x40000001, INDEX], struct.pack(">HH", 8, 0))


def count(client):
    return struct.unpack(">Q", client.run(READ)[16:24])[0]


def create(api, name, start=True):
    return api.ask("POST", "/v1/vtpms", {"name": name, "front_end": "socket", "start": start})


def pss(pid):
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def row(what, figure, note=""):
    print(f"{what:<58} {figure:>12}  {note}", flush=True)
