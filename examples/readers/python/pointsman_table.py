"""Reads a Pointsman table: written from docs/table-format.md, with Python alone.

    table = Table(open("farm.table", "rb").read())
    table.wiki(b"enwiki")["version"]

pointsman_decide.py decides requests by it. Texts of the table are bytes, answers are text.
"""
import struct
import zlib
from functools import lru_cache

NONE, U32 = 0xFFFF, 0xFFFFFFFF
UNKNOWN, MISSING, NOT_INSTALLED = -1, -2, -3  # in place of a wiki's slot: why there is none
SHARE = 9
# Of each section what stands before its entries, their count first, and an entry; None: not a list, or not read here.
SECTIONS = {"STRS": ("I", "I"), "STEM": ("I", "I"), "WIKI": None, "HOST": None, "RWRT": ("I", "BHHHH"),
            "PATT": ("I", "BBHHIH"), "PATH": ("III", "BBB4sHH4H"), "HDRS": ("I", "H"), "RULE": ("II", "HBBBH"),
            "LSTN": ("HH", "HBHH6HB"), "REPL": ("H", "HH"), "DEPL": ("H", "HH"), "RLSE": ("HHHBHBHBH", "HH"),
            "EMIT": None, "JOBS": None, "CANO": ("HI", "HHB")}


def mix(h):
    h = (h ^ h >> 16) * 0x85EBCA6B & U32
    h = (h ^ h >> 13) * 0xC2B2AE35 & U32
    return h ^ h >> 16


def hash_key(key, seed):
    """Two u32. The last word has the key's last bytes and at least one 0."""
    a, b = seed, seed ^ 0x9E3779B9
    *words, last = struct.unpack("<%dI" % (len(key) // 4 + 1), key + bytes(4 - len(key) % 4))
    for word in words:
        a, b = (a ^ word) * 0x9E3779B1 & U32, (b ^ word) * 0x2C1B3C6D & U32
        a, b = a ^ a >> 15, b ^ b >> 15
    return mix((a ^ last) * 0x9E3779B1 & U32 ^ len(key)), mix((b ^ last) * 0x2C1B3C6D & U32 ^ len(key))


class Keys:
    """WIKI or HOST: each key has a slot, and its slot a value."""

    def __init__(self, table, at):
        (_, self.slots, self.buckets, self.seed, self.width, self.size, self.stem_bits, self.suffix_bits,
         self.first_suffix, _) = struct.unpack_from("<4I4B2H", table.data, at)
        self.table, self.displacements = table, at + 24
        self.entries = self.displacements + self.buckets * self.width
        self.find = lru_cache(100_000)(self.find)

    def at(self, slot):
        """Key and value in a slot; both are None of an empty one."""
        entry = self.table.uint(self.entries + slot * self.size, self.size)
        empty, suffix = (1 << self.stem_bits) - 1, entry >> self.stem_bits & (1 << self.suffix_bits) - 1
        if entry & empty == empty:
            return None, None
        key = self.table.stem(entry & empty) + self.table.strings[self.first_suffix + suffix]
        return key, entry >> self.stem_bits + self.suffix_bits

    def find(self, key):
        """The key's slot; MISSING where it is not there."""
        if self.slots == 0:
            return MISSING
        a, b = hash_key(key, self.seed)
        displacement = self.table.uint(self.displacements + (a * self.buckets >> 32) * self.width, self.width)
        slot = mix((b ^ a * (2 * displacement + 1)) & U32) * self.slots >> 32
        return slot if self.at(slot)[0] == key else MISSING


class Table:
    """A table that came whole. That its numbers make sense is not checked: `pointsman inspect` does that."""

    def __init__(self, data):
        self.data = data
        magic, checksum, length, version, count, self.generation, digest = struct.unpack_from("<4sIIHHI16s", data)
        if (magic, version, length, checksum) != (b"PNTS", 5, len(data), zlib.crc32(data[8:])):
            raise ValueError("no table of layout version 5, or one that is damaged")
        self.digest, directory = digest.hex(), struct.iter_unpack("<4sII", data[36:36 + 12 * count])
        starts = {name.decode(): start for name, start, _ in directory}
        if {name for name in starts if name[0].isupper()} != set(SECTIONS):
            raise ValueError("the table lacks a section, or has one that is unknown to this reader")
        head, rows, end = {}, {}, {}
        for name, (before, entry) in ((name, formats) for name, formats in SECTIONS.items() if formats):
            count, *head[name] = struct.unpack_from("<" + before, data, starts[name])
            rows[name], end[name] = self.rows(starts[name] + struct.calcsize("<" + before), entry, count)
        ends = [0] + [end for end, in rows["STRS"]]
        self.strings = [data[end["STRS"] + a:end["STRS"] + b] for a, b in zip(ends, ends[1:])]
        self.groups, first, at = [], 0, end["STEM"]
        for group, in rows["STEM"]:
            self.groups.append((first, group >> 8, group & 0xFF, at))
            first, at = first + (group >> 8), at + (group >> 8) * (group & 0xFF)
        self.wikis, self.hosts = Keys(self, starts["WIKI"]), Keys(self, starts["HOST"])
        replaced, at = self.rows(end["PATH"], "BHH", head["PATH"][0])
        self.elses, _ = self.rows(at, "HI", head["PATH"][1])
        replaced = [((segment, self.strings[old]), self.strings[new]) for segment, old, new in replaced]
        self.forms = [(flags, part[:parts], [self.string(one) for one in literals[:segments]],
                       dict(reversed(replaced[first:first + count])))
                      for flags, segments, parts, part, first, count, *literals in rows["PATH"]]
        self.headers = [self.strings[name] for name, in rows["HDRS"]]
        tests = [self.predicate(*one) for one in self.rows(end["RULE"], "BBHHH", head["RULE"][0])[0]]
        self.rules = [(tests[first:first + count], rule) for first, count, *rule in rows["RULE"]]
        self.placements, _ = self.rows(end["RLSE"], "HHB", head["RLSE"][1])
        self.clusters, _ = self.rows(end["DEPL"], "H", len(rows["DEPL"]) * len(rows["RLSE"]))
        self.exceptions = dict(self.rows(end["CANO"], "II", head["CANO"][0])[0])
        self.rewrites, self.patterns, self.listeners = rows["RWRT"], rows["PATT"], rows["LSTN"]
        self.replies, self.deployments, self.releases = rows["REPL"], rows["DEPL"], rows["RLSE"]
        self.canonical, self.share_cookie = rows["CANO"], self.string(head["LSTN"][0])
        self.default, _, *wikiless = head["RLSE"]
        self.wikiless = dict(zip((UNKNOWN, MISSING, NOT_INSTALLED), zip(wikiless[::2], wikiless[1::2])))

    def uint(self, at, size):
        return int.from_bytes(self.data[at:at + size], "little")

    def rows(self, at, entry, count):
        """So many entries, and where they end."""
        end = at + count * struct.calcsize("<" + entry)
        return list(struct.iter_unpack("<" + entry, self.data[at:end])), end

    def string(self, number):
        return None if number == NONE else self.strings[number]

    def text(self, number):
        return None if number == NONE else self.strings[number].decode()

    def stem(self, number):
        first, _, length, at = next(group for group in self.groups if number < group[0] + group[1])
        return self.data[at + (number - first) * length:at + (number - first + 1) * length]

    def listener(self, name):
        """None is the first one; the only one may have no name, and answers to any."""
        if name is None or self.listeners[0][0] == NONE:
            return self.listeners[0]
        known = {self.text(one[0]): one for one in self.listeners}
        if name not in known:
            raise ValueError("the table has no listener %r, only %s" % (name, ", ".join(known)))
        return known[name]

    def predicate(self, subject, test, name, first, count):
        """(Is it negated, subject, test, name, values); of a share the values are its salt and itself."""
        name = self.headers[name] if subject == 4 else self.string(name)
        values = (self.strings[first], count) if test & 0x7F == SHARE else tuple(self.strings[first:first + count])
        return test > 0x7F, subject, test & 0x7F, name, values

    def wiki(self, wiki):
        """What the table says of a wiki; None of an unknown one."""
        slot = self.wikis.find(wiki)
        if slot == MISSING:
            return None
        release, group, missing = self.placements[self.wikis.at(slot)[1]]
        name, version = map(self.text, self.releases[release])
        return {"wiki": wiki.decode(), "group": self.text(group), "release": name, "version": version,
                "host": self.canonical_host(slot, wiki), "installed": not missing}

    def canonical_host(self, slot, wiki):
        rules = self.canonical
        if slot in self.exceptions:
            number = self.exceptions[slot]
            if number == U32:
                return None
            if number >= len(rules):
                return self.hosts.at(number - len(rules))[0].decode()
            rules = [rules[number]]
        for tail, suffix, dashes in rules:
            stem = wiki[:len(wiki) - len(self.strings[tail])]
            if stem and wiki == stem + self.strings[tail]:
                return ((stem.replace(b"_", b"-") if dashes else stem) + self.strings[suffix]).decode()
        return None
