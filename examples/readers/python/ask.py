"""Decides requests by a table: JSON lines in, JSON lines out.

    python3 ask.py farm.table < requests.jsonl

A line is {"authority": "en.wikipedia.org", "target": "/wiki/X"}; it may also have method, headers (a list of pairs),
client, listener and secondary (true in a secondary data centre). Characters stand for bytes.
"""
import json
import sys

from pointsman_table import Table


def answer(table, line):
    asked = json.loads(line)
    where = {name: asked[name] for name in ("listener", "secondary") if name in asked}
    request = {name: asked[name].encode("latin-1")
               for name in ("authority", "target", "method", "client") if asked.get(name) is not None}
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in asked.get("headers", [])]
    return table.decide(**request, headers=headers, **where)


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file:
        opened = Table(file.read())
    for line in sys.stdin:
        print(json.dumps(answer(opened, line)))
