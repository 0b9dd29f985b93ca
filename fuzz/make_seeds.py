#!/usr/bin/env python3
"""Writes the seeds and the dictionary of the fuzz targets.

The seeds are lines of `fixtures/`: the fewest and shortest that together show every field, every kind and
every beginning of a text that any line there shows. The dictionary holds the words that `crates/rollout` knows.

Run it without arguments; the result is always the same. It needs the `zstd` program. Seeds whose names begin
with `found-` are inputs that once broke a promise of the parser; they stay as they are.
"""

import json
import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
PARSER = HERE.parent / "crates" / "rollout" / "src"
LINE_BYTES_MAX = 4096
# Fields whose value is one of a few words, and fields whose text has a grammar of its own.
WORDS = {"type", "name", "role", "kind", "status", "phase", "reason", "namespace", "source", "record_type", "tool"}
TEXTS = {"text", "message", "output", "arguments", "input", "content", "aggregated_output", "unified_diff"}
# A mark at the start of any text; for outputs also the first words.
MARK = re.compile(r"<[a-z_-]+|#+ [A-Za-z. ]{0,24}|\*\*\*|[{\[\"]|Warning|Another language|The following is")
HEAD = re.compile(r"[A-Za-z]+ ?[a-z]*:?")
# Keys that are names of somebody's own: paths, variables.
OWN_KEY = re.compile(r"[^A-Za-z_]")


def contents(path):
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout
    return path.read_bytes()


def rollouts():
    """Every rollout and side file, by path: the order decides between lines that show the same."""
    paths = [path for home in ("codex-home", "rollouts") for path in (FIXTURES / home).rglob("*.json*")]
    return [path for path in sorted(paths) if path.name not in ("expected.json", "auth.json")]


def shows(value, path, out):
    """Adds what a value shows: names with types, words, and how texts begin."""
    out.add((path, type(value).__name__))
    last = path[-1] if path else ""
    if isinstance(value, dict):
        for name, inner in value.items():
            shows(inner, path + ("*" if OWN_KEY.search(name) else name,), out)
    elif isinstance(value, list):
        for inner in value:
            shows(inner, path + ("[]",), out)
    elif isinstance(value, str):
        if last in WORDS:
            out.add((path, "=", value))
        if last in TEXTS:
            begins = MARK.match(value) or (last == "output" and HEAD.match(value))
            out.add((last, "begins", begins.group() if begins else ""))
            nested(value, last, out)


def nested(text, last, out):
    if text.startswith(("{", "[")):
        try:
            shows(json.loads(text), (last, "nested"), out)
        except ValueError:
            out.add((last, "nested", "damaged"))


def of_line(line):
    out = set()
    try:
        value = json.loads(line.decode())
        shows(value, (), out)
        kind = value.get("type") or value.get("record_type") or "bare"
        inner = value.get("payload") if isinstance(value.get("payload"), dict) else {}
        name = "-".join(filter(None, [kind, inner.get("type", "")]))
    except (ValueError, AttributeError) as error:
        # Every line that is no record is of a kind of its own.
        out.add(("damage", type(error).__name__, line[:12], line[-2:]))
        name = "damage"
    out.add(("ends", line[-1:] == b"\r", line[:3] == b"\xef\xbb\xbf", b"\\ud" in line))
    return out, re.sub(r"[^a-z0-9]+", "_", name.lower())


def chosen(lines):
    """The fewest lines that show everything, or nearly: the one that shows most for its size goes first."""
    left = {line: of_line(line) for line in sorted(set(lines), key=lambda line: (len(line), line))}
    wanted = set().union(*(seen for seen, _ in left.values()))
    while wanted:
        best = max(left, key=lambda line: len(left[line][0] & wanted) / (200 + len(line)))
        seen, name = left.pop(best)
        wanted -= seen
        yield name, best


def documents():
    """The documents of the first generation, and what may become of them."""
    whole = [contents(path) for path in rollouts() if path.suffix == ".json"]
    for at, document in enumerate(whole):
        yield f"whole-{at}", document
    first = whole[0]
    value = json.loads(first)
    compact = json.dumps({"session": value["session"], "items": value["items"][:3]}, separators=(",", ":"))
    middle = first.index(b'"role"', len(first) // 2)
    yield "torn", first[:middle]
    yield "not_utf8", first[:middle] + b"\xff\xfe" + first[middle:middle + 200]
    yield "trailing", compact.encode() + b"\n{}"
    yield "marked", b"\xef\xbb\xbf " + compact.replace("{", "{\r\n", 1).encode()
    yield "items_first", json.dumps({"items": value["items"][:1], "session": value["session"]}).encode()
    yield "twice", b'{"session":{"id":"a"},"items":[{}],"new":{"a":[1]},"items":["x",null,{"type":"message"}]}'
    yield "other_types", b'{"session":1,"items":2}'
    yield "empty", b"{}"


def put(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if not old.name.startswith("found-"):
            old.unlink()
    for name, seed in seeds:
        (folder / name).write_bytes(seed)


def words():
    """String literals of the parser outside its tests."""
    found = set()
    for path in sorted(PARSER.glob("*.rs")):
        code = path.read_text().split("#[cfg(test)]\nmod tests")[0]
        code = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("//"))
        found |= set(re.findall(r'"([A-Za-z_<#*/ .:=>-]{2,60})"', code))
    return sorted(found)


def escaped(word):
    return word.replace("\\", "\\\\").replace('"', '\\"')


def dictionary():
    lines = ["# Words of the Codex format that crates/rollout knows, and what JSON is made of. Written by make_seeds.py."]
    for word in words():
        is_name = re.fullmatch(r"[A-Za-z_.]+", word)
        lines.append(f'"{escaped(chr(34) + word + chr(34) if is_name else word)}"')
    for word in ['{"timestamp":"', '"payload":{', '":{"', '":["', '":null', "\\ud83d", "\\ude00", "\\u0000", "\\n", "\\\""]:
        lines.append(f'"{escaped(word)}"')
    lines += ['"\\xef\\xbb\\xbf"', '"\\x0d\\x0a"', '"\\x00\\x00"', '"\\xff"']
    return "\n".join(dict.fromkeys(lines)) + "\n"


def main():
    lines = [line for path in rollouts() if path.suffix != ".json" for line in contents(path).split(b"\n")]
    lines = [line for line in lines if line.strip() and len(line) <= LINE_BYTES_MAX]
    put(HERE / "seeds" / "line", [(f"{at:03}-{name}", line) for at, (name, line) in enumerate(chosen(lines))])
    put(HERE / "seeds" / "document", documents())
    (HERE / "codex.dict").write_text(dictionary())


main()
