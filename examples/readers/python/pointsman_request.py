"""A request, taken apart into what a table's rules and patterns look at: steps 1 to 3 of docs/table-format.md."""
import ipaddress
import re
from typing import NamedTuple

from pointsman_table import SHARE, U32, mix

HOST, HEADER, COOKIE, QUERY, CLIENT = 1, 4, 5, 6, 7
EXACT, PREFIX, SUFFIX, UNDER, ADDRESS, PRESENT, CONTAINS, OPTION = range(1, 9)
TESTS = {EXACT: lambda text, values: text in values, PREFIX: bytes.startswith, SUFFIX: bytes.endswith,
         UNDER: lambda text, values: any(text == value or text.startswith(value + b"/") for value in values),
         CONTAINS: lambda text, values: any(value in text for value in values)}


class Request(NamedTuple):
    """What a decision looks at: `headers` are pairs, `client` is the address that the connection comes from."""
    authority: bytes = b""
    target: bytes = b"/"
    method: bytes = b"GET"
    headers: tuple = ()
    client: bytes = b""


class Parts:
    """What predicates look at; `hops`: the client stands in X-Forwarded-For, and so many entries follow it."""

    def __init__(self, table, request, hops):
        self.method, self.target, self.headers = request.method, request.target, {}
        for name, value in request.headers:
            self.headers.setdefault(name.lower(), []).append(value)
        self.host, self.is_address = host_of(request.authority)
        self.rewrite(table)
        self.raw_path = self.target.split(b"?", 1)[0]
        self.path = normalised(self.raw_path)
        forwarded = b",".join(self.headers.get(b"x-forwarded-for", [])) if hops is not None else b""
        entries = [entry for entry in (trimmed(entry) for entry in forwarded.split(b",")) if entry]
        self.client = entries[-1 - hops] if hops is not None and len(entries) > hops else request.client

    def rewrite(self, table):
        """At most one rewrite of each kind, that of a path first."""
        in_path = False
        for is_path, labels, old, new, prefix in table.rewrites:
            old, new, prefix = table.strings[old], table.strings[new], table.string(prefix) or b""
            middle = self.host[len(prefix):len(self.host) - len(old)]
            if is_path:
                split = re.match(b"/([^/?]+)(/[^?]*)", self.target)
                is_meant = self.host == middle + old and middle if old.startswith(b".") else self.host == old
                if is_meant and split and not in_path and (not new or TESTS[UNDER](split[2], [new])):
                    self.host, self.is_address = host_of(split[1])
                    in_path, self.target = True, self.target[split.end(1):]
            elif self.host == prefix + middle + old and len(middle.split(b".")) == labels and all(middle.split(b".")):
                self.host = middle + new
                return

    def texts(self, subject, name):
        """Every text of that part of the request."""
        if subject == HEADER:
            return self.headers.get(name, [])
        if subject == COOKIE:
            cookies = [pair for copy in self.headers.get(b"cookie", []) for pair in pairs(copy, b";")]
            return [trimmed(value or b"") for one, value in cookies if trimmed(one) == name]
        if subject == QUERY:
            query = self.target[len(self.raw_path) + 1:].split(b"#", 1)[0].replace(b"+", b" ")
            return [decoded(value or b"") for one, value in pairs(query, b"&") if is_called(decoded(one), name)]
        if subject == CLIENT:
            return digits_of(self.client)
        return [(self.host, self.path, self.method)[subject - HOST]]

    def first(self, subject, name):
        return next(iter(self.texts(subject, name)), None) if subject != CLIENT else None

    def passes(self, subject, test, name, values):
        """Whether a predicate holds, before it is negated."""
        if test == ADDRESS:
            return self.is_address
        if test == SHARE:
            return share_of(values[0] + (self.first(subject, name) or self.client)) < values[1]
        texts = self.texts(subject, name)
        if test == PRESENT:
            return len(texts) > 0
        if test == OPTION:
            return len(texts) == 1 and option_in(texts[0], values[0]) in values[1:]
        if subject == HOST and test == SUFFIX:
            texts = [self.host[1:]]
        return any(TESTS[test](text, values) for text in texts)


def host_of(authority):
    """The host, and whether it is an address."""
    text = authority.lower()
    if text.startswith(b"["):
        return text, True
    host = re.sub(rb"\.\Z", b"", re.sub(rb":[0-9]*\Z", b"", text))
    return host, not host or re.fullmatch(rb"[0-9]{1,3}(\.[0-9]{1,3}){3}", host) is not None


def normalised(path):
    """The path that rules see."""
    if not path.startswith(b"/"):
        return path
    kept, segments = [], decoded(path).split(b"/")
    for segment in segments:
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    return b"/" + b"/".join(kept + [b""] * (segments[-1] in (b"", b".", b"..")))


def decoded(text):
    return re.sub(b"%([0-9A-Fa-f]{2})", lambda digits: bytes.fromhex(digits[1].decode()), text)


def trimmed(text):
    return text.strip(b" \t")


def pairs(text, separator):
    """Names and values; of a piece without `=` the value is None."""
    cut = (piece.partition(b"=") for piece in text.split(separator))
    return [(name, value if equals else None) for name, equals, value in cut]


def is_called(parameter, name):
    """As PHP reads a parameter's name."""
    read = parameter.lstrip(b" ").split(b"\0", 1)[0]
    variable = re.sub(rb"[ .\[]", b"_", read)
    return variable == name or variable.startswith(name) and read[len(name):len(name) + 1] == b"["


def option_in(text, name):
    """An option's value in `a; b=c`."""
    options = pairs(text, b";")
    named = [trimmed(value) for one, value in options if value is not None and trimmed(one) == name]
    bare, value = options[0]
    return named[0] if len(named) == 1 else trimmed(bare) if not named and value is None else None


def digits_of(client):
    """An address as hexadecimal digits, of which a network is a prefix; none of what is no address."""
    for kind, address in ((ipaddress.IPv4Address, client), (ipaddress.IPv6Address, client.split(b"%", 1)[0])):
        try:
            digits = kind(address.decode("latin-1")).packed.hex().encode()
        except ValueError:
            continue
        is_four = len(digits) == 8 or digits.startswith(b"0" * 20 + b"ffff")
        return [b"4" + digits[-8:] if is_four else b"6" + digits]
    return []


def share_of(text):
    """Which ten-thousandth of all a text is in."""
    a = 0x9E3779B9
    for byte in text:
        a = (a ^ byte) * 0x01000193 & U32
    return mix(a) * 10000 >> 32
