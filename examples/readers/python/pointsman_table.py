"""Reads a Pointsman table and decides requests by it: written from docs/table-format.md, with Python alone.

    Table(open("farm.table", "rb").read()).decide(b"en.wikipedia.org", b"/w/api.php")["cluster"]

Texts of a request are bytes, answers are text. No bodies are read: where a rule wants the wiki out of one, the host
decides, as in a proxy that routes before it has a body. A dict holds all keys, so nothing here needs the keys' hash.
"""
import re
import struct
import zlib
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

NONE, U32 = 0xFFFF, 0xFFFFFFFF
UNKNOWN, MISSING, NOT_INSTALLED, TWO_WIKIS = -1, -2, -3, U32 + 1  # why there is no wiki's slot; those are in between
DEPLOYMENT, REPLY = 1, 4  # outcomes
NO_WIKI, BODY, DEBUG, DASHES, TARGET, CLOSED, LOWER = 1, 2, 4, 1, 2, 4, 8  # flags of a rule; of a pattern or a form
AUTHORITY, HOST, PATH, METHOD, HEADER, COOKIE, QUERY, CLIENT = range(8)
EXACT, PREFIX, SUFFIX, UNDER, ADDRESS, PRESENT, CONTAINS, OPTION, SHARE = range(1, 10)
TESTS = {EXACT: b"VALUE", PREFIX: b"VALUE.*", SUFFIX: b".*VALUE", UNDER: b"VALUE(/.*)?", CONTAINS: b".*VALUE.*",
         PRESENT: b".*", ADDRESS: rb"\[.*|([0-9]{1,3}(\.[0-9]{1,3}){3})?"}
STEMS = [b".+", b"(.*)", rb"(.*)\.([a-z]+)"]  # of a pattern: fixed, join, family
CONFLICT = {"kind": "reply", "status": 400, "body": "the request's path can be read as that of two wikis\n"}
# Of each section what stands before its lists, first how many entries each list has ("" is a number that is no count),
# and an entry of each list. WIKI and HOST have no lists; of EMIT, JOBS and CANO no answer here depends.
SECTIONS = {"STRS": ("I", "I"), "STEM": ("I", "I"), "WIKI": ("4I4B2H",), "HOST": ("4I4B2H",), "RWRT": ("I", "BHHHH"),
            "PATT": ("I", "BBHHIH"), "PATH": ("III", "BBB4sHH4H", "BHH", "HI"), "HDRS": ("I", "H"),
            "RULE": ("II", "HBBBH", "BBHHH"), "LSTN": ("HH", "HBHH6HB"), "REPL": ("H", "HH"), "DEPL": ("H", "HH"),
            "RLSE": ("HHHBHBHBH", "HH", "", "HHB"), "EMIT": (), "JOBS": (), "CANO": ()}


class Table:
    """A table that came whole. That its numbers make sense is not checked: `pointsman inspect` does that."""

    def __init__(self, data):
        self.data = data
        magic, checksum, length, version, count = struct.unpack_from("<4sIIHH", data)
        if (magic, version, length, checksum) != (b"PNTS", 5, len(data), zlib.crc32(data[8:])):
            raise ValueError("no table of layout version 5, or one that is damaged")
        self.starts = {name.decode(): at for name, at, _ in struct.iter_unpack("<4sII", data[36:36 + 12 * count])}
        if {name for name in self.starts if name[0].isupper()} != set(SECTIONS):
            raise ValueError("the table lacks a section, or has one that is unknown to this reader")
        ends, _, at = self.section("STRS")
        ends = [at, *(at + end for end, in ends)]
        self.strings = {NONE: None, **{i: data[ends[i]:ends[i + 1]] for i in range(len(ends) - 1)}}
        self.stems, (groups, _, at) = [], self.section("STEM")
        for size in (group & 0xFF for group, in groups for _ in range(group >> 8)):
            self.stems.append(data[at:at + size])
            at += size
        self.wikis, self.hosts = self.keys("WIKI"), dict(self.keys("HOST"))
        self.slots = {wiki: slot for slot, (wiki, _) in enumerate(self.wikis)}
        rewrites = self.section("RWRT")[0]
        self.rewrites = [[self.rewrite(*one) for kind, *one in rewrites if kind == which] for which in (0, 1)]
        self.patterns = [self.pattern(*one) for one in self.section("PATT")[0]]
        forms, replaced, elses, _, _ = self.section("PATH")
        replaced = [((segment, self.strings[old]), self.strings[new]) for segment, old, new in replaced]
        forms = [(flags, part[:parts], [self.strings[one] for one in literals[:segments]],
                  dict(reversed(replaced[first:first + count])))
                 for flags, segments, parts, part, first, count, *literals in forms]
        self.forms = [(form, UNKNOWN) for form in forms] + [(forms[number], wiki) for number, wiki in elses]
        self.headers = [self.strings[name] for name, in self.section("HDRS")[0]]
        rules, predicates, _, _ = self.section("RULE")
        predicates = [self.predicate(*one) for one in predicates]
        self.rules = [(predicates[first:first + count], rule) for first, count, *rule in rules]
        self.listeners, (_, self.share_cookie), _ = self.section("LSTN")
        self.replies = [{"kind": "reply", "status": status, "body": self.strings[text].decode()}
                        for status, text in self.section("REPL")[0]]
        self.deployments, _, at = self.section("DEPL")
        self.releases, _, self.placements, (_, self.default, _, *outcomes), _ = self.section("RLSE")
        self.wikiless = dict(zip((UNKNOWN, MISSING, NOT_INSTALLED), zip(outcomes[::2], outcomes[1::2])))
        self.clusters = struct.unpack_from("<%dH" % (len(self.deployments) * len(self.releases)), data, at)

    def section(self, name):
        """Its lists, what stands before them, and where they end."""
        before, *entries = SECTIONS[name]
        head = struct.unpack_from("<" + before, self.data, self.starts[name])
        lists, end = [], self.starts[name] + struct.calcsize("<" + before)
        for count, entry in zip(head, entries):
            at, end = end, end + count * struct.calcsize("<" + entry)
            lists.append(list(struct.iter_unpack("<" + entry, self.data[at:end])) if entry else None)
        return *lists, head, end

    def keys(self, name):
        """Key and value in each slot; both are None in an empty one."""
        (_, slots, buckets, _, width, size, stem_bits, suffix_bits, first, _), at = self.section(name)
        entries = self.data[at + buckets * width:at + buckets * width + slots * size]
        entries = [int.from_bytes(entries[i:i + size], "little") for i in range(0, slots * size, size)]
        empty, suffixes = (1 << stem_bits) - 1, (1 << suffix_bits) - 1
        return [(None, None) if entry & empty == empty else
                (self.stems[entry & empty] + self.strings[first + (entry >> stem_bits & suffixes)],
                 entry >> stem_bits + suffix_bits) for entry in entries]

    def rewrite(self, labels, old, new, prefix):
        """What the host and the target have to match; what then stands in place of the host's end."""
        new, (old, prefix) = self.strings[new], (re.escape(self.strings[one] or b"") for one in (old, prefix))
        if labels:
            return re.compile(rb"%s([^.]+(\.[^.]+){%d})%s" % (prefix, labels - 1, old)), re.compile(b""), new
        any_host = b"(?s:.+)" if old.startswith(rb"\.") else b""
        return re.compile(any_host + old), re.compile(rb"/([^/?]+)(?=/)(?=%s([/?]|\Z))" % re.escape(new)), None

    def pattern(self, kind, flags, suffix, tail, destination, prefix):
        """What the host has to match, in parts that with the tail are the key."""
        prefix, suffix = (re.escape(self.strings[one] or b"") for one in (prefix, suffix))
        return re.compile(b"(?s)" + prefix + STEMS[kind] + suffix), flags, self.strings[tail] or b"", destination

    def predicate(self, subject, test, name, first, count):
        """Whether it is negated, and what it is before."""
        negated, test = test > 0x7F, test & 0x7F
        name = self.headers[name] if subject == HEADER else self.strings[name]
        if test == SHARE:
            return negated, lambda asked: asked.share(self.strings[first], subject, name) < count
        values = [self.strings[number] for number in range(first, first + count)]
        if test == OPTION:
            return negated, lambda asked: option_in(asked.texts(subject, name), values[0]) in values[1:]
        before = b"(?s)." if (subject, test) == (HOST, SUFFIX) else b"(?s)"
        shape = re.compile(before + TESTS[test].replace(b"VALUE", b"(%s)" % b"|".join(map(re.escape, values))))
        part = AUTHORITY if test == ADDRESS else subject
        return negated, lambda asked: any(map(shape.fullmatch, asked.texts(part, name)))

    def decide(self, authority=b"", target=b"/", method=b"GET", headers=(), client=b"", listener=None, secondary=False):
        """What becomes of a request; `headers` are pairs; `secondary`: the proxy is outside the primary data centre."""
        # None is the first listener; the only one may have no name, and answers to any.
        known = [one for one in self.listeners if listener is None or self.strings[one[0]] in (None, listener.encode())]
        if not known:
            raise ValueError("the table has no listener %r" % listener)
        _, internal, _, deployment, *ranges, hops = known[0]
        routes, assets, reads = (self.rules[i:i + count] for i, count in zip(ranges[::2], ranges[1::2]))
        asked = Asked(self, authority, target, method, headers, client, hops if internal else None)
        flags, outcome, value = asked.first(routes) or (0, DEPLOYMENT, deployment)
        if outcome != DEPLOYMENT:
            return self.replies[value] if outcome == REPLY else {"kind": "pass"}
        deployment, slot, needs_none = value, UNKNOWN if flags & NO_WIKI else asked.wiki(), flags & (NO_WIKI | BODY)
        if slot == TWO_WIKIS and not needs_none:
            return CONFLICT
        wiki, placement = self.wikis[slot] if 0 <= slot < TWO_WIKIS else (None, None)
        release, group, missing = (self.default, NONE, False) if wiki is None else self.placements[placement]
        if not needs_none and (missing or wiki is None):
            wiki, group, (outcome, release) = None, NONE, self.wikiless[NOT_INSTALLED if missing else slot]
        asset = None if flags & BODY else asked.first(assets)
        if outcome == REPLY and not asset:
            return self.replies[release]
        release, read_only = asset[2] if asset else release, self.deployments[deployment][1]
        read = asked.first(reads) if secondary and read_only != NONE else None
        if read and asked.share(b"", COOKIE, self.strings[self.share_cookie]) < read[2]:
            deployment = read_only
        cluster = self.clusters[deployment * len(self.releases) + release]
        numbers = (group, *self.releases[release], self.deployments[deployment][0], cluster)
        texts = (text and text.decode() for text in (wiki, *map(self.strings.get, numbers)))
        return {"kind": "route", "host": None, "debug": flags & DEBUG != 0,
                **dict(zip(("wiki", "group", "release", "version", "deployment", "cluster"), texts))}


class Asked:
    """A request, as predicates and patterns look at it; `hops`: so many entries follow it in X-Forwarded-For."""

    def __init__(self, table, authority, target, method, headers, client, hops):
        self.table, self.target, self.method, self.headers = table, target, method, {}
        for name, value in headers:
            self.headers.setdefault(name.lower(), []).append(value)
        self.host = host_of(authority)
        for host, target, _ in table.rewrites[1]:
            if found := host.fullmatch(self.host) and target.match(self.target):
                self.host, self.target = host_of(found[1]), self.target[found.end():]
                break
        self.authority = self.host
        found = ((host.fullmatch(self.host), end) for host, _, end in table.rewrites[0])
        self.host = next((host[1] + end for host, end in found if host), self.host)
        self.raw_path = self.target.split(b"?", 1)[0]
        self.path = normalised(self.raw_path)
        forwarded = b",".join(self.headers.get(b"x-forwarded-for", [])) if b"x-forwarded-for" in table.headers else b""
        entries = [entry for entry in (entry.strip(b" \t") for entry in forwarded.split(b",")) if entry]
        self.client = entries[-1 - hops] if hops is not None and len(entries) > hops else client

    def texts(self, subject, name):
        """Every text of that part of the request."""
        if subject == HEADER:
            return self.headers.get(name, [])
        if subject == COOKIE:
            return [value for copy in self.headers.get(b"cookie", []) for value in named(copy, name, b"?")]
        if subject == QUERY:
            query = self.target[len(self.raw_path) + 1:].split(b"#", 1)[0].replace(b"+", b" ")
            pieces = (map(unquote_to_bytes, piece.partition(b"=")) for piece in query.split(b"&"))
            shape = re.sub(rb"\\[ .\[]", b"(?!)", re.escape(name)).replace(b"_", rb"[_ .\[]")  # PHP makes these a `_`
            as_php = re.compile(rb"(?s) *(?! )%s([\[\0].*)?" % shape)
            return [value for parameter, _, value in pieces if as_php.fullmatch(parameter)]
        if subject == CLIENT:
            return digits_of(self.client.decode("latin-1"))
        return [(self.authority, self.host, self.path, self.method)[subject]]

    def share(self, salt, subject, name):
        """Which ten-thousandth of all requests it is in, by the first such text or else by the client's address."""
        a = 0x9E3779B9
        for byte in salt + (name and next(iter(self.texts(subject, name)), None) or self.client):
            a = (a ^ byte) * 0x01000193 & U32
        for shift, factor in (16, 0x85EBCA6B), (13, 0xC2B2AE35):
            a = (a ^ a >> shift) * factor & U32
        return (a ^ a >> 16) * 10000 >> 32

    def first(self, rules):
        """Flags, outcome and value of the first rule whose predicates all hold."""
        return next((rule for predicates, rule in rules
                     if all(holds(self) != negated for negated, holds in predicates)), None)

    def wiki(self):
        """Steps 5 to 7, twice where a path can be read in two ways: a slot of WIKI, or why there is none."""
        found = self.look_up(self.path, self.target, False)
        if self.path == self.raw_path:
            return found
        kept = normalised(re.sub(b"%(2[Ff])", rb"%25\1", self.raw_path))
        other = self.look_up(kept, self.path, kept != self.path)
        return found if other == found or max(other, found) < 0 else TWO_WIKIS

    def look_up(self, *texts):
        """The wiki of an exact host, else of the first pattern that matches."""
        if self.host in self.table.hosts:
            return self.follow(self.table.hosts[self.host], *texts)
        for pattern, flags, tail, destination in self.table.patterns:
            if stem := pattern.fullmatch(self.host):
                found = UNKNOWN if destination == U32 else self.follow(destination, *texts)
                is_final = found >= 0 or pattern.groups == 0
                return found if is_final else self.slot(b"".join(stem.groups()) + tail, flags)
        return UNKNOWN

    def follow(self, destination, path, target, is_kept):
        """A destination is a wiki, a form of path (maybe with a wiki beside it), or none; `is_kept`: with its %2F."""
        number = destination - len(self.table.wikis)
        if number < 0 or number >= len(self.table.forms):
            return destination if number < 0 else MISSING
        (flags, parts, literals, replaced), wiki = self.table.forms[number]
        start, *segments = (target if flags & TARGET else path).split(b"/")
        if is_kept and not flags & TARGET and any(b"%2F" in one.upper() for one in segments[:len(literals)]):
            return TWO_WIKIS
        is_long = len(segments) >= len(literals) + (flags & CLOSED != 0)
        if start or not is_long or any(literal not in (None, one) for literal, one in zip(literals, segments)):
            return wiki
        found = [(part, segments[part].lower() if flags & LOWER else segments[part]) for part in parts]
        slot = self.slot(b"".join(replaced.get(one, one[1]) for one in found), flags)
        return slot if slot >= 0 or wiki == UNKNOWN else wiki

    def slot(self, key, flags):
        return self.table.slots.get(key.replace(b"-", b"_") if flags & DASHES else key, MISSING)


def host_of(authority):
    text = authority.lower()
    return text if text.startswith(b"[") else re.sub(rb"\.?(:[0-9]*)?\Z", b"", text, count=1)


def normalised(path):
    """The path that rules see."""
    kept, segments = [], unquote_to_bytes(path).split(b"/")
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    end = b"/" if kept and segments[-1] in (b"", b".", b"..") else b""
    return b"/" + b"/".join(kept) + end if path.startswith(b"/") else path


def named(text, name, may_lack_value=b""):
    """What stands for that name in `a; name = b`."""
    shape = rb"(?:\A|;)[ \t]*%s[ \t]*(?:=([^;]*))%s(?=;|\Z)" % (re.escape(name), may_lack_value)
    return [value.strip(b" \t") for value in re.findall(shape, text)]


def option_in(texts, name):
    """In the only text the value of the only option of that name; without one, what stands first and has no name."""
    if len(texts) != 1:
        return None
    found, bare = named(texts[0], name), re.match(rb"([^;=]*)(;|\Z)", texts[0])
    return found[0] if len(found) == 1 else bare[1].strip(b" \t") if bare and not found else None


def digits_of(client):
    """An address as hexadecimal digits, of which a network is a prefix; none of what is no address."""
    try:
        address = IPv6Address(client.split("%", 1)[0]) if ":" in client else IPv4Address(client)
    except ValueError:
        return []
    address = getattr(address, "ipv4_mapped", None) or address
    return [b"%d%s" % (address.version, address.packed.hex().encode())]
