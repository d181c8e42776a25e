"""Chromium driven by its DevTools protocol over a pipe, and pages served to it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from forge_core.web.serve import Files, server_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium"),
]
"""marks of tests that need a browser"""
_FIRST_FREE = 20
"""file descriptors from here on cannot be mistaken for 3 and 4, which Chromium uses"""


class Chromium:
    """A headless browser with one page. `errors` has all exceptions and error messages of the page."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM
        reads, self._writes = os.pipe()
        self._reads, writes = os.pipe()
        theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD, _FIRST_FREE) for fd in (reads, writes)]
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",
        ]
        command = [CHROMIUM, *options, f"--user-data-dir={folder}", "--remote-debugging-pipe", "about:blank"]
        script = f'exec "$0" "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
        self.process = subprocess.Popen(
            ["bash", "-c", script, *command],
            pass_fds=theirs,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (reads, writes, *theirs):
            os.close(fd)
        self.errors: list[str] = []
        self._buffer, self._calls, self._session = b"", 0, ""
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in pages if each["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: Any) -> None:
        os.close(self._writes)
        os.close(self._reads)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def call(self, method: str, seconds: float = 60, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writes, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._calls:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self._note(answer)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._reads], [], [], max(0, deadline - time.monotonic()))
            assert ready, "Chromium does not answer"
            received = os.read(self._reads, 1 << 16)
            assert received, "Chromium has ended"
            self._buffer += received
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(params["entry"]))

    def open(self, url: str) -> None:
        """Load an address, also if only its part after # differs."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)

    def evaluate(self, code: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, code: str, seconds: float = 60) -> None:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self.evaluate(f"Boolean({code})"):
                    return
            except AssertionError as error:  # asked while another page was loading
                if "navigated" not in str(error):
                    raise
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {code}; errors {self.errors}")

    def click(self, selector: str) -> None:
        """Click the middle of an element with the mouse."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{element}.scrollIntoView({{block: 'center'}})")
        at = self.evaluate(f"{element}.getBoundingClientRect().toJSON()")
        x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press a key, such as `1` or `ArrowLeft`."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def show_as(self, width: int, height: int, is_dark: bool = False, is_phone: bool = False) -> None:
        """Set the size of the page, and light or dark colours. is_phone: as on a touch screen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page."""
        file.write_bytes(
            base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])
        )


@contextmanager
def serving(files: Files) -> Iterator[str]:
    """Serve the files of a page, and yield the address."""
    server = server_of(files, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@contextmanager
def opened(folder: Path) -> Iterator[Chromium]:
    """Open a browser of a desktop's size, and assert at the end that its page reported no error."""
    with Chromium(folder / "profile") as browser:
        browser.show_as(1180, 800)
        yield browser
        assert not browser.errors
