"""A stand-in of W&B's server: it takes a run, and may die while the run goes on."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GZIP = b"\x1f\x8b"


class WandbStandIn:
    """Accepts one run, `lab/colors/RUN`, and remembers what it was sent.

    Args:
        dies: Whether the server is gone once the run has begun.
        knows_artifacts: Whether artifacts are accepted. What it answers otherwise crashes W&B's own service process.
    """

    def __init__(self, dies: bool = False, knows_artifacts: bool = True) -> None:
        self.knows_artifacts = knows_artifacts
        self.operations: list[str] = []
        self.history: list[dict] = []
        self.dies = dies
        self.dead = threading.Event()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if body.startswith(GZIP) else body
                if self.path.endswith("/graphql"):
                    self.answer(stand_in.graphql(json.loads(body)))
                elif self.path.endswith("/file_stream"):
                    self.answer(stand_in.stream(json.loads(body)))
                else:
                    self.answer({})

            def do_GET(self):
                self.answer({})

            def do_PUT(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.answer({})

            def answer(self, content):
                if stand_in.dead.is_set():
                    self.connection.close()
                    return
                body = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                if stand_in.dies and "UpsertBucket" in stand_in.operations:
                    stand_in.die()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def graphql(self, content):
        query, variables = content["query"], content.get("variables") or {}
        self.operations.append(query.split("(")[0].split("{")[0].split()[-1])
        if "upsertBucket" in query:
            project = {"id": "p", "name": "colors", "entity": {"id": "e", "name": "lab"}}
            bucket = {"id": "b", "name": variables.get("name"), "displayName": "run", "config": None,
                      "description": None, "sweepName": None, "historyLineCount": 0, "project": project}  # fmt: skip
            return {"data": {"upsertBucket": {"bucket": bucket, "inserted": True}}}
        if "createArtifact(" in query and self.knows_artifacts:
            latest = {"id": "a", "versionIndex": 0}
            artifact = {"id": "a", "state": "COMMITTED", "artifactSequence": {"latestArtifact": latest}}
            return {"data": {"createArtifact": {"artifact": artifact}}}
        if "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": f"{self.url}/upload"} for name in variables.get("files", [])]
            return {"data": {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}}
        if "viewer" in query:
            return {"data": {"viewer": {"id": "1", "entity": "lab", "username": "me", "teams": {"edges": []}}}}
        return {"data": {"model": {"bucket": None}, "project": None, "entity": None}}

    def stream(self, content):
        files = content.get("files") or {}
        lines = files.get("wandb-history.jsonl", {}).get("content", [])
        self.history += [json.loads(line) for line in lines]
        return {"exitcode": None, "limits": {}}

    def die(self):
        """Answer nothing anymore."""
        if not self.dead.is_set():
            self.dead.set()
            threading.Thread(target=self.close, daemon=True).start()

    def close(self):
        """Stop the server."""
        self.server.shutdown()
        self.server.server_close()
