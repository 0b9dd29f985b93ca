"""The model's service, played by a script: it gives out the queued answers one by one and keeps the bill.

One request gets one answer, in the order of the queue. A request that nobody has foreseen is an error of the
scenario, and is kept as `surprise`.
"""

import dataclasses
import http.server
import json
import threading

# Words of the client's own request for a summary.
COMPACTION = ("CONTEXT CHECKPOINT COMPACTION", "handoff summary for another LLM")
# Different clients have different tools for the same thing; the first that is offered is used.
SHELLS = ("exec_command", "shell_command", "shell")


class Missing(Exception):
    """The client does not offer a tool for what the script asks."""


@dataclasses.dataclass
class Response:
    """One line of the bill: what was asked, and what the client was told."""

    number: int
    thread: str
    model: str
    is_compaction: bool
    is_complete: bool = False
    calls: list = dataclasses.field(default_factory=list)
    texts: list = dataclasses.field(default_factory=list)
    thoughts: list = dataclasses.field(default_factory=list)

    @property
    def tokens(self):
        """Input, cached input, output and reasoning. Each number holds a power of two, so that every set of
        responses has a sum of its own, and a wrong sum tells which ones were lost or counted twice."""
        power = 2 ** min(self.number, 14)
        return (500 + power, power, 300 + power, power)


class Model:
    """The server. `with Model() as model: model.expect(answers)`."""

    def __init__(self):
        self.bill, self.queue, self.surprise, self.missing = [], [], None, None
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def expect(self, answers):
        with self.lock:
            self.queue += answers

    def respond(self, thread, body, is_compaction):
        """HTTP status, and the items of an answer (None: the stream breaks off)."""
        with self.lock:
            texts = user_texts(body)
            is_compaction = is_compaction or any(words in texts[-1] for words in COMPACTION if texts)
            response = Response(len(self.bill) + 1, thread, body.get("model"), is_compaction)
            if not self.queue:
                self.surprise = f"a request that no answer is foreseen for: {texts[-1:]}"
                return 400, response, []
            parts = self.queue.pop(0)
            self.bill.append(response)
        status = next((part["fail"] for part in parts if "fail" in part), 200)
        try:
            items = [item_of(part, response, offered(body)) for part in parts if not {"fail", "cut"} & part.keys()]
        except Missing as tool:
            self.missing = str(tool)
            return 400, response, []
        response.is_complete = status == 200 and not any("cut" in part for part in parts)
        return status, response, items


def handler_of(model):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            # Clients ask for a list of models, and use their own where it is empty.
            is_list = self.path.split("?")[0].endswith("/models")
            self.reply(200 if is_list else 404, "application/json", b'{"models": [], "data": []}')

        def do_POST(self):
            path = self.path.split("?")[0]
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
            if not path.endswith(("/responses", "/responses/compact")):
                return self.reply(404, "application/json", b"{}")
            is_whole = path.endswith("/compact")
            status, response, items = model.respond(thread_of(self.headers, body), body, is_whole)
            if status != 200:
                error = {"error": {"code": "server_error", "message": model.missing or "as the script says"}}
                return self.reply(status, "application/json", json.dumps(error).encode())
            if is_whole:
                return self.reply(200, "application/json", json.dumps({"output": items}).encode())
            return self.reply(200, "text/event-stream", stream_of(response, items))

        def reply(self, status, kind, data):
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

    return Handler


def thread_of(headers, body):
    """The id of the thread that asks: the header's name has changed over time."""
    names = ("thread-id", "thread_id", "conversation_id", "session_id", "session-id")
    return next((headers[name] for name in names if headers.get(name)), body.get("prompt_cache_key"))


def user_texts(body):
    texts = []
    for item in body.get("input") or []:
        if item.get("role") == "user":
            texts.append("\n".join(part.get("text", "") for part in item.get("content") or []))
    return texts


def offered(body):
    """Tools by name: their type, and the namespace under which they are called (mostly none)."""
    tools = list(body.get("tools") or [])
    for item in body.get("input") or []:
        if item.get("type") == "additional_tools":  # newer clients put tools into the conversation
            tools += item.get("tools") or []
    found = {}
    for tool in tools:
        if tool.get("type") == "namespace":
            space = None if tool.get("name") == "functions" else tool.get("name")
            found |= {inner["name"]: (inner.get("type"), space) for inner in tool.get("tools") or []}
        else:
            found[tool.get("name", tool.get("type"))] = (tool.get("type"), None)
    return found


def item_of(part, response, tools):
    """One part of an answer as the protocol has it; the bill takes it down."""
    name = f"{response.number}_{len(response.texts + response.thoughts + response.calls)}"
    if "say" in part:
        response.texts.append(part["say"])
        content = [{"type": "output_text", "text": part["say"], "annotations": []}]
        return {"type": "message", "id": f"msg_{name}", "role": "assistant", "content": content}
    if "think" in part:
        response.thoughts.append(part["think"])
        return {"type": "reasoning", "id": f"rs_{name}", "encrypted_content": "dGlkZXM=",
                "summary": [{"type": "summary_text", "text": part["think"]}]}
    call = call_of(part, tools)
    call |= {"id": f"fc_{name}", "call_id": f"call_{name}", "status": "completed"}
    response.calls.append({"id": call["call_id"], "exit": part.get("exit", 0) if "run" in part else None,
                           "files": part.get("files", []), "steps": part.get("plan", [])})
    return call


def call_of(part, tools):
    """A call with the tool that this client offers for it."""
    if "plan" in part:
        steps = [{"step": step, "status": status} for step, status in part["plan"]]
        return function("update_plan", tools, {"plan": steps})
    if "patch" in part:
        kind = tools.get("apply_patch", (None, None))[0]
        if kind == "custom":
            return {"type": "custom_tool_call", "name": "apply_patch", "input": part["patch"].strip()}
        if kind:
            return function("apply_patch", tools, {"input": part["patch"].strip()})
        part = {"run": f"apply_patch <<'EOF'\n{part['patch'].strip()}\nEOF\n"}
    name = next((name for name in SHELLS if name in tools), "a shell")
    arguments = {"exec_command": {"cmd": part["run"]}, "shell_command": {"command": part["run"]}}
    return function(name, tools, arguments.get(name, {"command": ["bash", "-lc", part["run"]]}))


def function(name, tools, arguments):
    if name not in tools:
        raise Missing(f"it does not offer {name}")
    space = tools[name][1]
    call = {"type": "function_call", "name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    return call | ({"namespace": space} if space else {})


def stream_of(response, items):
    """The events of one response. Without the last one the client sees a stream that broke off."""
    name = f"resp_{response.number}"
    events = [{"type": "response.created", "response": {"id": name}}]
    events += [{"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(items)]
    if response.is_complete:
        given, cached, output, reasoning = response.tokens
        usage = {"input_tokens": given, "input_tokens_details": {"cached_tokens": cached}, "output_tokens": output,
                 "output_tokens_details": {"reasoning_tokens": reasoning}, "total_tokens": given + output}
        events.append({"type": "response.completed", "response": {"id": name, "usage": usage}})
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()
