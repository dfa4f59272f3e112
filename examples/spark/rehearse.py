"""Rehearses a table on access logs of any size, on Spark: where would each request go, and is that where it went?

    spark-submit --master yarn --py-files pointsman_table.py \
      rehearse.py --table farm.table --logs 'hdfs:///logs/2026-11-26/*.json.gz'

A line of a log is one JSON object. Lines that are no request are counted and left out. The table goes to each executor
once, and nothing but counts comes back.
"""
import argparse
import json
import sys
import time
from collections import Counter

from pointsman_table import Table

# What render's access log calls them; --field says how another log does.
FIELDS = {"authority": "authority", "path": "path", "method": "method", "client": "client",
          "forwarded": "x-forwarded-for", "cluster": "cluster"}
NOTHING = (None, "", "-")


def request_of(line, fields):
    """The request in a line of a log, and the cluster that it went to; None where there is no request."""
    try:
        logged = json.loads(line)
        said = {field: logged.get(name) for field, name in fields.items()}
        said = {field: value.encode() for field, value in said.items() if value not in NOTHING}
    except (ValueError, AttributeError):
        return None
    if not {"authority", "path"} <= said.keys():
        return None
    headers = ((b"x-forwarded-for", said["forwarded"]),) if "forwarded" in said else ()
    request = (said["authority"], said["path"], said.get("method", b"GET"), headers, said.get("client", b""))
    return request, said["cluster"].decode() if "cluster" in said else None


def count(lines, data, fields, where):
    """(what was decided, what was logged) → how many, of some lines: an answer is one of few, a line one of many."""
    table, counts = Table(data), Counter()
    for line in lines:
        found = request_of(line, fields)
        if found is None:
            counts[None] += 1
            continue
        request, logged = found
        answer = table.decide(*request, *where)
        names = tuple(answer.get(name) for name in ("kind", "wiki", "release", "deployment", "cluster"))
        counts[names, logged] += 1
    return counts.items()


def summary(counts):
    """What analysts want to know, of all counts."""
    result = {"requests": 0, "unread": 0, "unlogged": 0, "agree": 0, "disagree": 0}
    by = {name: Counter() for name in ("kind", "wiki", "release", "deployment")}
    disagreements = Counter()
    for key, n in counts:
        if key is None:
            result["unread"] += n
            continue
        (kind, wiki, release, deployment, cluster), logged = key
        result["requests"] += n
        for name, value in zip(by, (kind, wiki, release, deployment)):
            if kind == "route" or name == "kind":
                by[name]["-" if value is None else value] += n
        if logged is None and cluster is not None:
            result["unlogged"] += n
        elif logged == cluster:
            result["agree"] += n
        else:
            result["disagree"] += n
            disagreements[logged, cluster or kind, wiki] += n
    most = [{"logged": logged, "decided": decided, "wiki": wiki, "requests": n}
            for (logged, decided, wiki), n in disagreements.most_common()]
    return {**result, **{name: dict(counter.most_common()) for name, counter in by.items()}, "disagreements": most}


def options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", required=True, help="a file of `pointsman pack`, where this program runs")
    parser.add_argument("--logs", required=True, help="files, folders or a pattern, as Spark's textFile takes them")
    parser.add_argument("--listener", help="name of the listener that took the requests; default: the table's first")
    parser.add_argument("--secondary", action="store_true", help="the proxies were outside the primary data centre")
    parser.add_argument("--partitions", type=int, help="at least so many; a file in gzip is never split")
    parser.add_argument("--field", action="append", default=[], metavar="WHAT=NAME",
                        help="what the log calls one of: %s" % ", ".join(FIELDS))
    chosen = parser.parse_args(arguments)
    named = dict(field.partition("=")[::2] for field in chosen.field)
    if not named.keys() <= FIELDS.keys():
        parser.error("--field: %s is none of %s" % (", ".join(named.keys() - FIELDS.keys()), ", ".join(FIELDS)))
    chosen.fields = {**FIELDS, **named}
    return chosen


def main(arguments):
    from pyspark.sql import SparkSession

    chosen = options(arguments)
    with open(chosen.table, "rb") as file:
        data = file.read()
    Table(data).decide(listener=chosen.listener)  # what is wrong is refused here, and not by a thousand tasks
    spark = SparkSession.builder.appName("pointsman-rehearse").getOrCreate()
    context = spark.sparkContext
    table, fields, where = context.broadcast(data), chosen.fields, (chosen.listener, chosen.secondary)
    started = time.monotonic()
    lines = context.textFile(chosen.logs, chosen.partitions, use_unicode=False)
    parts = lines.mapPartitions(lambda part: count(part, table.value, fields, where))
    counts = parts.reduceByKey(int.__add__).collect()
    seconds = time.monotonic() - started
    rows = sum(n for _, n in counts)
    spark.stop()
    speed = {"seconds": round(seconds, 1), "lines_a_second": round(rows / seconds)}
    print(json.dumps({**summary(counts), **speed}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
