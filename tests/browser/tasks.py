"""What the page's main thread did, by Chromium's own trace: each task with its processor time, which other work on the machine does not lengthen."""

import json
import urllib.request

import websocket

CATEGORIES = ["toplevel", "blink.user_timing", "__metadata"]


class Trace:
    """A connection to the browser beside Selenium's, which hears no events."""

    def __init__(self, driver):
        address = driver.capabilities["goog:chromeOptions"]["debuggerAddress"]
        with urllib.request.urlopen(f"http://{address}/json/version") as answer:
            self.socket = websocket.create_connection(json.load(answer)["webSocketDebuggerUrl"], suppress_origin=True, timeout=120)
        self.driver, self.asked = driver, 0

    def send(self, method, **params):
        self.asked += 1
        self.socket.send(json.dumps({"id": self.asked, "method": method, "params": params}))

    def start(self):
        self.send("Tracing.start", transferMode="ReportEvents", traceConfig={"includedCategories": CATEGORIES})
        while json.loads(self.socket.recv()).get("id") != self.asked:
            pass

    def end(self):
        """The tasks since the start, as (start, wall, processor) in milliseconds; and what was marked, by name, by the same clock."""
        self.driver.execute_script("performance.mark('kindling: end')")
        self.send("Tracing.end")
        events = []
        while (message := json.loads(self.socket.recv())).get("method") != "Tracing.tracingComplete":
            if message.get("method") == "Tracing.dataCollected":
                events += message["params"]["value"]
        marks = [e for e in events if e["name"].startswith("kindling: ")]
        here = next(((e["pid"], e["tid"]) for e in marks if e["name"] == "kindling: end"), None)
        own = [e for e in events if (e["pid"], e["tid"]) == here]
        tasks = [e for e in own if e["name"] == "ThreadControllerImpl::RunTask" and e["ph"] == "X"]
        return (
            [(e["ts"] / 1000, e["dur"] / 1000, e.get("tdur", e["dur"]) / 1000) for e in tasks],
            {e["name"].removeprefix("kindling: "): e["ts"] / 1000 for e in own if e in marks},
        )
