"""Decides requests by a table: "From request to decision" of docs/table-format.md, with Python alone.

    table = Table(open("farm.table", "rb").read())
    decide(table, Request(b"en.wikipedia.org", b"/w/api.php"))["cluster"]

Texts of a request are bytes, as they go over the wire; answers are text. Bodies are not read: where a rule wants the
wiki out of one, the host decides, as in a proxy that routes before it has a body.
"""
import re

from pointsman_request import COOKIE, Parts, Request, normalised, share_of
from pointsman_table import MISSING, NONE, NOT_INSTALLED, U32, UNKNOWN

TWO_WIKIS = -4
CONFLICT = {"kind": "reply", "status": 400, "body": "the request's path can be read as that of two wikis\n"}
ROUTE, PASS, REPLY = 1, 2, 4
NO_WIKI, BODY, DEBUG = 1, 2, 4
DASHES, TARGET, CLOSED, LOWER = 1, 2, 4, 8


def decide(table, request, listener=None, secondary=False):
    """What becomes of a request at that listener; `secondary`: outside the primary data centre."""
    _, internal, _, deployment, *ranges, hops = table.listener(listener)
    routes, assets, reads = ranges[0:2], ranges[2:4], ranges[4:6]
    parts = Parts(table, request, hops if internal and b"x-forwarded-for" in table.headers else None)
    flags, outcome, value = first_rule(table, routes, parts) or (0, ROUTE, deployment)
    if outcome == PASS:
        return {"kind": "pass"}
    if outcome == REPLY:
        return reply(table, value)
    deployment, wiki, group, release, outcome = value, None, NONE, table.default, ROUTE
    if not flags & NO_WIKI:
        slot = wiki_of(table, parts)
        if slot >= 0:
            wiki, placement = table.wikis.at(slot)
            release, group, missing = table.placements[placement]
            if missing and not flags & BODY:
                slot, wiki, group = NOT_INSTALLED, None, NONE
        if slot == TWO_WIKIS and not flags & BODY:
            return CONFLICT
        if slot < 0 and not flags & BODY:
            outcome, release = table.wikiless[slot]
    asset = None if flags & BODY else first_rule(table, assets, parts)
    if asset:
        release = asset[2]
    elif outcome == REPLY:
        return reply(table, release)
    _, read_only = table.deployments[deployment]
    read = first_rule(table, reads, parts) if secondary and read_only != NONE else None
    if read and share_of(table.share_cookie and parts.first(COOKIE, table.share_cookie) or parts.client) < read[2]:
        deployment = read_only
    name, version = map(table.text, table.releases[release])
    return {"kind": "route", "wiki": wiki and wiki.decode(), "group": table.text(group), "release": name,
            "version": version, "deployment": table.text(table.deployments[deployment][0]), "host": None,
            "cluster": table.text(table.clusters[deployment * len(table.releases) + release][0]),
            "debug": flags & DEBUG != 0}


def reply(table, number):
    status, text = table.replies[number]
    return {"kind": "reply", "status": status, "body": table.text(text)}


def first_rule(table, places, parts):
    """Flags, outcome and value of the first rule whose predicates all hold."""
    first, count = places
    for predicates, rule in table.rules[first:first + count]:
        for negated, subject, test, name, values in predicates:
            if parts.passes(subject, test, name, values) == negated:
                break
        else:
            return rule
    return None


def wiki_of(table, parts):
    """Steps 5 to 7, twice where a path can be read in two ways: a slot of WIKI, or why there is none."""
    found = look_up(table, parts.host, parts.path, parts.target, False)
    if parts.path == parts.raw_path:
        return found
    kept = normalised(re.sub(b"%(2[Ff])", rb"%25\1", parts.raw_path))
    other = look_up(table, parts.host, kept, parts.path, kept != parts.path)
    return found if other != TWO_WIKIS and (other == found or max(other, found) < 0) else TWO_WIKIS


def look_up(table, host, *texts):
    """The wiki of an exact host, else of the first pattern that matches."""
    slot = table.hosts.find(host)
    if slot != MISSING:
        return follow(table, table.hosts.at(slot)[1], *texts)
    for kind, flags, suffix, tail, destination, prefix in table.patterns:
        suffix, prefix = table.strings[suffix], table.string(prefix) or b""
        stem = host[len(prefix):len(host) - len(suffix)]
        if host != prefix + stem + suffix:
            continue
        if kind == 0 and stem:
            return follow(table, destination, *texts)
        before, dot, family = stem.rpartition(b".")
        if kind == 0 or kind == 2 and not (dot and re.fullmatch(b"[a-z]+", family)):
            continue
        carried = UNKNOWN if destination == U32 else follow(table, destination, *texts)
        if carried >= 0 or carried == TWO_WIKIS:
            return carried
        return find_key(table, before + family if kind == 2 else stem + table.strings[tail], flags)
    return UNKNOWN


def follow(table, destination, *texts):
    """A destination is a wiki; a path form; a path form, or else a wiki; or none."""
    number = destination - table.wikis.slots
    if number < 0:
        return destination
    if number >= len(table.forms) + len(table.elses):
        return MISSING
    if number < len(table.forms):
        return carried_by(table, table.forms[number], *texts)
    form, wiki = table.elses[number - len(table.forms)]
    found = carried_by(table, table.forms[form], *texts)
    return found if found >= 0 or found == TWO_WIKIS else wiki


def carried_by(table, form, path, target, is_kept):
    """The wiki that a path form gives; `is_kept`: the path has each %2F as it came."""
    flags, parts, literals, replaced = form
    start, *segments = (target if flags & TARGET else path).split(b"/")
    if is_kept and not flags & TARGET and any(b"%2F" in one.upper() for one in segments[:len(literals)]):
        return TWO_WIKIS
    is_long = len(segments) >= len(literals) + (flags & CLOSED != 0)
    if start or not is_long or any(literal not in (None, one) for literal, one in zip(literals, segments)):
        return UNKNOWN
    found = [(part, segments[part].lower() if flags & LOWER else segments[part]) for part in parts]
    return find_key(table, b"".join(replaced.get(one, one[1]) for one in found), flags)


def find_key(table, key, flags):
    return table.wikis.find(key.replace(b"-", b"_") if flags & DASHES else key)
