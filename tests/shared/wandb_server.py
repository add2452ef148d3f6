"""A double of W&B's server on this machine: as much of its API as a run, a sync and a report ask
for; it keeps what it is sent.
"""

import gzip
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENTITY = "someone"


class WandbServerDouble:
    """Answers as W&B does where it matters to us: a run that is resumed is told how far it came.

    Attributes:
        history: run's id -> its lines, by place.
        config: run's id -> the configuration that it sent last.
        artifacts: type -> names, in order.
        views: reports, as they were saved.
        knows_key: whether it accepts a key.
        sent: every body that came.
    """

    def __init__(self) -> None:
        self.history: dict[str, dict[int, dict[str, Any]]] = {}
        self.config: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, list[str]] = {}
        self.views: list[dict[str, Any]] = []
        self.knows_key = True
        self.sent: list[bytes] = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(
            target=self.http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def close(self) -> None:
        """From here on nobody answers."""
        if self.thread.is_alive():
            self.http.shutdown()
            self.thread.join()
            self.http.server_close()

    def rows(self, run: str) -> list[dict[str, Any]]:
        """A run's history in order."""
        return [line for _, line in sorted(self.history[run].items())]

    def axes(self, run: str) -> set[str]:
        """Metrics, or patterns of them, that have an axis."""
        metrics = self.config[run]["_wandb"]["value"]["m"]
        return {entry.get("1") or entry["2"] for entry in metrics if "5" in entry}

    def stream(self, run: str, sent: dict[str, Any]) -> None:
        """Lines of the history."""
        lines = (sent.get("files") or {}).get("wandb-history.jsonl", {"offset": 0, "content": []})
        self.history[run] |= {
            lines["offset"] + place: json.loads(line) for place, line in enumerate(lines["content"])
        }

    def answer(self, query: str, given: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL query; of one that is not known, nothing."""
        found = re.search(r"(?:query|mutation)\s+(\w+)", query)
        known = getattr(self, f"on_{found[1]}", None) if found else None
        return known(given) if known else {}

    def on_Viewer(self, given: dict[str, Any]) -> dict[str, Any]:
        viewer = {
            "id": "u",
            "entity": ENTITY,
            "username": ENTITY,
            "email": "",
            "flags": "{}",
            "teams": {"edges": []},
        }
        return {"viewer": viewer if self.knows_key else None}

    def on_RunResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        bucket = (
            self._bucket(given["name"], given["project"]) if given["name"] in self.history else None
        )
        return {
            "model": {
                "id": "p",
                "name": given["project"],
                "entity": {"id": "e", "name": ENTITY},
                "bucket": bucket,
            }
        }

    def on_UpsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        inserted = given["name"] not in self.history
        self.history.setdefault(given["name"], {})
        if given.get("config"):
            self.config[given["name"]] = json.loads(given["config"])
        return {
            "upsertBucket": {
                "bucket": self._bucket(given["name"], given["project"]),
                "inserted": inserted,
            }
        }

    def on_CreateRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": f"{self.url}/put"} for name in given["files"]]
        return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}

    def on_CreateArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        sent = given["input"]
        self.artifacts.setdefault(sent["artifactTypeName"], []).append(
            sent["artifactCollectionName"]
        )
        sequence = {"id": "s", "latestArtifact": None}
        return {
            "createArtifact": {
                "artifact": {"id": "a", "state": "COMMITTED", "artifactSequence": sequence}
            }
        }

    def on_ArtifactType(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": None}

    def on_GetProjects(self, given: dict[str, Any]) -> dict[str, Any]:
        fixed = {
            "__typename": "Project",
            "id": "p",
            "createdAt": "2026-01-01T00:00:00",
            "isBenchmark": False,
            "user": None,
        }
        edges = [{"node": {**fixed, "name": "lmanet", "entityName": ENTITY}}]
        return {
            "models": {
                "pageInfo": {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False},
                "edges": edges,
            }
        }

    def on_ProjectInternalId(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"id": "p", "internalId": "7"}}

    def on_upsertView(self, given: dict[str, Any]) -> dict[str, Any]:
        self.views.append(given)
        return {"upsertView": {"view": self._view(given), "inserted": given.get("id") is None}}

    def on_SpecificReport(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"view": self._view(self.views[-1])}

    def _view(self, sent: dict[str, Any]) -> dict[str, Any]:
        project = {"id": "p", "name": sent["projectName"], "entityName": sent["entityName"]}
        same = {key: sent[key] for key in ("name", "displayName", "description", "type", "spec")}
        return {
            "id": "VmlldzoxMjM0",
            "project": project,
            "createdAt": "2026-01-01T00:00:00",
            "updatedAt": "2026-01-01T00:00:00",
            **same,
        }

    def _bucket(self, run: str, project: str) -> dict[str, Any]:
        rows = self.rows(run)
        return {
            "id": "b",
            "name": run,
            "displayName": "lovely-dawn-1",
            "config": json.dumps(self.config.get(run, {})),
            "summaryMetrics": "{}",
            "historyLineCount": len(rows),
            "eventsLineCount": 0,
            "logLineCount": 0,
            "historyTail": json.dumps([json.dumps(row) for row in rows[-1:]]),
            "eventsTail": "[]",
            "tags": [],
            "wandbConfig": json.dumps({"t": 1}),
            "project": {"id": "p", "name": project, "entity": {"id": "e", "name": ENTITY}},
        }

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self._body()
                if self.path == "/graphql":
                    sent = json.loads(body)
                    self._send({"data": server.answer(sent["query"], sent.get("variables") or {})})
                    return
                if self.path.endswith("/file_stream"):
                    server.stream(self.path.split("/")[-2], json.loads(body))
                self._send({})

            def do_GET(self) -> None:
                self._send({})

            def do_PUT(self) -> None:
                self._body()
                self._send({})

            def _body(self) -> bytes:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                packed = self.headers.get("Content-Encoding") == "gzip"
                server.sent.append(gzip.decompress(content) if packed else content)
                return server.sent[-1]

            def _send(self, answer: dict[str, Any]) -> None:
                content = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
