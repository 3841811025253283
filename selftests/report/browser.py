# SPDX-License-Identifier: GPL-2.0
"""Headless Chromium, spoken to over a pipe (Chrome DevTools Protocol).

Messages are JSON with a NUL behind each; the browser reads descriptor 3 and writes 4. What a page
asks for, complains about or runs into is collected: requests, complaints.
"""
import base64
import json
import os
import select
import subprocess
import tempfile
import time

SECONDS = 60


class Browser:
    """One page of one browser."""

    def __init__(self):
        self.requests, self.complaints, self.session = [], [], None
        self.number, self.buffer, self.events = 0, b"", []
        # not in "with": it ends with the browser
        self.profile = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        to_read, self.to = os.pipe()
        self.from_, to_write = os.pipe()
        command = ["chromium", "--headless=new", "--remote-debugging-pipe", "--disable-gpu",
                   "--no-first-run", "--disable-background-networking", "--disable-sync",
                   "--disable-component-update", "--disable-dev-shm-usage",
                   f"--user-data-dir={self.profile.name}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # it refuses to have one as root

        def place():
            # away from 3 and 4 first, where one of them may lie
            low, high = os.dup(to_read), os.dup(to_write)
            low, high = (os.dup2(fd, n) for fd, n in ((low, 60), (high, 61)))
            os.dup2(low, 3)
            os.dup2(high, 4)

        with open(os.path.join(self.profile.name, "log"), "wb") as log:
            self.process = subprocess.Popen(command, close_fds=False, preexec_fn=place,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(to_read)
        os.close(to_write)
        target = next(t for t in self.ask("Target.getTargets")["targetInfos"]
                      if t["type"] == "page")
        self.session = self.ask("Target.attachToTarget", targetId=target["targetId"],
                                flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Security.setIgnoreCertificateErrors", ignore=True)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.from_)
        time.sleep(0.2)
        self.profile.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def receive(self, until):
        while b"\0" not in self.buffer:
            if not select.select([self.from_], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            more = os.read(self.from_, 1 << 20)
            if not more:
                raise EOFError("the browser has ended")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def take(self, message):
        """An event."""
        name, what = message.get("method"), message.get("params", {})
        self.events.append(name)
        if name == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif name == "Page.javascriptDialogOpening":
            self.complaints.append("dialog: " + what["message"])
        elif name == "Runtime.exceptionThrown":
            self.complaints.append("exception: " + json.dumps(what["exceptionDetails"]))
        elif name == "Log.entryAdded":
            self.complaints.append(what["entry"]["text"])

    def ask(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + SECONDS
        while True:
            answer = self.receive(until)
            if answer.get("id") != self.number:
                self.take(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def open(self, url, **headers):
        self.requests, self.complaints, self.events = [], [], []
        self.ask("Network.setExtraHTTPHeaders", headers=headers)
        error = self.ask("Page.navigate", url=url).get("errorText")
        if error:
            raise RuntimeError(f"{url}: {error}")
        until = time.monotonic() + SECONDS
        while "Page.loadEventFired" not in self.events:
            self.take(self.receive(until))

    def run(self, script):
        """The value of a script, which may be a promise."""
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                          awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def media(self, scheme):
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])

    def picture(self, path, width, height):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=False)
        image = self.ask("Page.captureScreenshot", format="png")
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))
