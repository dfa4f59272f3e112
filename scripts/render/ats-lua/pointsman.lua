-- Routes requests by a Pointsman table in Apache Traffic Server, with its Lua plugin: tslua of 9.2 and later.
--
-- One rule of remap.config runs it for every request; `pointsman render ats-lua` writes that rule and the rest:
--
--   map / http://127.0.0.1:1/ @plugin=tslua.so @pparam=--states=16 @pparam=/etc/trafficserver/pointsman.lua \
--     @pparam=table=/etc/trafficserver/farm.table @pparam=addresses=/etc/trafficserver/addresses.txt
--
-- Nobody listens at the rule's own address: where this script fails, no request goes on unrouted. It reads the table's
-- bytes, and checks and decides in the order and with the numbers of docs/table-format.md. LuaJIT's numbers are doubles
-- and its bit operations signed, so what multiplies two u32 does it in halves.
local bit, ffi = require("bit"), require("ffi")
local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit
local byte, sub, find, gsub, match = string.byte, string.sub, string.find, string.gsub, string.match
local lower, format, floor, concat = string.lower, string.format, math.floor, table.concat
ffi.cdef("int inet_pton(int family, const char *text, void *address);")

local NONE, NO_DESTINATION, U32 = 0xffff, 0xffffffff, 2 ^ 32
local DEPLOYMENT, PASS, RELEASE, REPLY, READ_ONLY = 1, 2, 3, 4, 5 -- outcomes
local NO_WIKI, BODY, DEBUG = 1, 2, 4 -- flags of a rule
local UNKNOWN, MISSING, NOT_INSTALLED, TWO_WIKIS = -1, -2, -3, -4 -- why there is no slot of WIKI
local HOST, PATH, METHOD, HEADER, COOKIE, QUERY, CLIENT, IS_ADDRESS = 1, 2, 3, 4, 5, 6, 7, 8 -- subjects, and our own
local EXACT, PREFIX, SUFFIX, UNDER, ADDRESS, PRESENT, CONTAINS, OPTION, SHARE = 1, 2, 3, 4, 5, 6, 7, 8, 9 -- tests
local TWO_WIKIS_TEXT = "the request's path can be read as that of two wikis\n"
local DAMAGED, LAYOUT, CONTENT, NO_LISTENER = 2, 3, 4, 5 -- why a table is refused: docs/operations.md
local NOTHING = {}

local function set_of(list, from)
  local set = {}
  for i = from or 1, #list do set[list[i]] = true end
  return set
end

-- ---- Hashes ---------------------------------------------------------------------------------------------------------

-- The low 32 bits of a product; no number on the way is above 2^49.
local function multiply(a, b) return tobit(band(a, 0xffff) * b + lshift(rshift(a, 16) * b, 16)) end

local function mix(h)
  h = multiply(bxor(h, rshift(h, 16)), 0x85ebca6b)
  h = multiply(bxor(h, rshift(h, 13)), 0xc2b2ae35)
  return bxor(h, rshift(h, 16)) % U32
end

local function hash(key, seed)
  local a, b, length = tobit(seed), bxor(seed, 0x9e3779b9), #key
  for i = 1, length + 1, 4 do
    local c, d, e, f = byte(key, i, i + 3)
    local word = (c or 0) + (d or 0) * 2 ^ 8 + (e or 0) * 2 ^ 16 + (f or 0) * 2 ^ 24
    a, b = multiply(bxor(a, word), 0x9e3779b1), multiply(bxor(b, word), 0x2c1b3c6d)
    if f then a, b = bxor(a, rshift(a, 15)), bxor(b, rshift(b, 15)) end -- only the last word is not full
  end
  return mix(bxor(a, length)), mix(bxor(b, length))
end

-- h * count >> 32
local function part(h, count) return floor((floor(h / 65536) * count + floor(h % 65536 * count / 65536)) / 65536) end

-- Which ten-thousandth of all requests a text is in.
local function share_of(text)
  local a = 0x9e3779b9
  for i = 1, #text do a = multiply(bxor(a, byte(text, i)), 0x01000193) end
  return floor(mix(a) * 10000 / U32)
end

local CRC = {}
for i = 0, 255 do
  CRC[i] = i
  for _ = 1, 8 do CRC[i] = bxor(rshift(CRC[i], 1), band(CRC[i], 1) * 0xedb88320) end
end

local function crc32(text, from)
  local crc = -1
  for i = from, #text do crc = bxor(rshift(crc, 8), CRC[band(bxor(crc, byte(text, i)), 0xff)]) end
  return bxor(crc, -1) % U32
end

-- ---- Texts ----------------------------------------------------------------------------------------------------------

local function split(text, separator)
  local pieces = {}
  for piece in (text .. separator):gmatch("([^" .. separator .. "]*)" .. separator) do pieces[#pieces + 1] = piece end
  return pieces
end

local function trim(text)
  local last = #text
  while last > 0 and (byte(text, last) == 32 or byte(text, last) == 9) do last = last - 1 end
  return match(sub(text, 1, last), "^[ \t]*(.*)")
end

local function decoded(text)
  return (gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function hex(text) return (gsub(text, ".", function(c) return format("%02x", byte(c)) end)) end
local function begins(text, with) return sub(text, 1, #with) == with end
local function ends(text, with) return #text >= #with and sub(text, #text - #with + 1) == with end

-- The path that rules see.
local function normalised(path)
  local is_plain = not (find(path, "%", 1, true) or find(path, "//", 1, true) or find(path, "/.", 1, true))
  if is_plain or byte(path) ~= 47 then return path end
  local segments, kept = split(decoded(path), "/"), {}
  for _, segment in ipairs(segments) do
    if segment == ".." then kept[#kept] = nil
    elseif segment ~= "" and segment ~= "." then kept[#kept + 1] = segment end
  end
  if find(segments[#segments], "^%.?%.?$") then kept[#kept + 1] = "" end
  return "/" .. concat(kept, "/")
end

-- The host of an authority, and whether it is an address.
local function host_of(authority)
  local text = lower(authority)
  if byte(text) == 91 then return text, true end
  local host = gsub(gsub(text, ":%d*$", ""), "%.$", "")
  return host, host == "" or find(host, "^%d%d?%d?%.%d%d?%d?%.%d%d?%d?%.%d%d?%d?$") ~= nil
end

-- An address in digits, of which a network is a beginning; nil of what is none.
local function digits_of(text)
  local is_six, address = find(text, ":", 1, true), ffi.new("uint8_t[16]")
  local before = is_six and match(text, "^[^%%]*") or text
  if find(text, "%z") or ffi.C.inet_pton(is_six and 10 or 2, before, address) ~= 1 then return nil end
  local digits = hex(ffi.string(address, is_six and 16 or 4))
  local four = is_six and match(digits, "^00000000000000000000ffff(.*)") or not is_six and digits
  return four and "4" .. four or "6" .. digits
end

-- What stands between separators, cut at its first `=`: name, value, and whether there is a `=`.
local function pairs_in(text, separator, clean)
  local list = split(text, separator)
  for i, piece in ipairs(list) do
    local name, equals, value = match(piece, "^([^=]*)(=?)(.*)")
    list[i] = { clean(name), clean(value), equals ~= "" }
  end
  return list
end

-- ---- Predicates -----------------------------------------------------------------------------------------------------

-- Which tests may be put to a subject.
local TESTS = {
  set_of { EXACT, SUFFIX, ADDRESS }, set_of { EXACT, PREFIX, SUFFIX, UNDER, CONTAINS }, set_of { EXACT, PREFIX },
  set_of { EXACT, PREFIX, PRESENT, CONTAINS, OPTION, SHARE }, set_of { EXACT, PREFIX, PRESENT, SHARE },
  set_of { EXACT, PREFIX, PRESENT }, set_of { PREFIX, SHARE },
}
local FITS = {
  [PREFIX] = begins,
  [SUFFIX] = ends,
  [UNDER] = function(text, value) return begins(text, value) and (#text == #value or byte(text, #value + 1) == 47) end,
  [CONTAINS] = function(text, value) return find(text, value, 1, true) ~= nil end,
}
-- What a request has of each subject: texts, or names with values.
local ALL = {
  [HOST] = function(asked) return { asked.host } end,
  [PATH] = function(asked) return { asked.path } end,
  [METHOD] = function(asked) return { asked.method } end,
  [COOKIE] = function(asked) return pairs_in(concat(asked.headers.cookie or NOTHING, ";"), ";", trim) end,
  -- PHP reads a name up to a NUL, without blanks before it, and makes a variable of it.
  [QUERY] = function(asked)
    local query = match(asked.target, "^[^#]*", #asked.raw_path + 2)
    local list = pairs_in(query, "&", function(text) return decoded((gsub(text, "%+", " "))) end)
    for _, one in ipairs(list) do
      one.read = match(one[1], "^ *([^%z]*)")
      one[1] = gsub(one.read, "[ .[]", "_")
    end
    return list
  end,
  [CLIENT] = function(asked) return { digits_of(asked.client) } end,
  [IS_ADDRESS] = function(asked) return { asked.is_address and "" or nil } end,
}

-- Every text of that part of the request; it is taken apart once.
local function texts_of(asked, subject, name)
  if subject == HEADER then return asked.headers[name] or NOTHING end
  asked[subject] = asked[subject] or ALL[subject](asked)
  if not name then return asked[subject] end
  local texts = {}
  for _, one in ipairs(asked[subject]) do
    local is_array = subject == QUERY and byte(one.read, #name + 1) == 91 and begins(one[1], name)
    if one[1] == name or is_array then texts[#texts + 1] = one[2] end
  end
  return texts
end

-- In the only copy the value of the only option of that name; without one, what stands first and has no name.
local function option_in(copies, option)
  local options, found = #copies == 1 and pairs_in(copies[1], ";", trim) or NOTHING, nil
  for _, one in ipairs(options) do
    if one[1] == option and one[3] then
      if found then return NOTHING end
      found = one[2]
    end
  end
  return found or options[1] and not options[1][3] and options[1][1] or NOTHING
end

-- Whether the request is in a share, by the first such text or else by the client's address.
local function is_in_share(asked, salt, subject, name, share)
  local text = name and texts_of(asked, subject, name)[1] or ""
  return share_of(salt .. (text == "" and asked.client or text)) < share
end

-- A function of a request. @param values of SHARE the salt
local function predicate(subject, test, name, values, share)
  if test == SHARE then return function(asked) return is_in_share(asked, values, subject, name, share) end end
  if test == OPTION then
    local wanted = set_of(values, 2)
    return function(asked) return wanted[option_in(texts_of(asked, subject, name), values[1])] == true end
  end
  if test == ADDRESS then subject = IS_ADDRESS end
  local known, fits = set_of(values), FITS[test]
  local from = subject == HOST and test == SUFFIX and 2 or 1 -- something stands before a host's suffix
  return function(asked)
    for _, text in ipairs(texts_of(asked, subject, name)) do
      if test == EXACT and known[text] or test == ADDRESS or test == PRESENT then return true end
      for i = 1, fits and #values or 0 do
        if fits(sub(text, from), values[i]) then return true end
      end
    end
    return false
  end
end

-- ---- A table, checked while it is read ------------------------------------------------------------------------------

local SECTIONS = split("STRS STEM WIKI HOST RWRT PATT PATH HDRS RULE LSTN REPL DEPL RLSE EMIT JOBS CANO", " ")
local IS_SECTION = set_of(SECTIONS)
local NEVER_EMITTED = set_of(split(
  "connection content-length host keep-alive proxy-connection te trailer transfer-encoding upgrade", " "))
local KINDS = { [0] = "cluster", "release", "wiki", "group", "version", "deployment" }
-- The outcomes of rules of routes, assets and reads.
local ALLOWED = { set_of { DEPLOYMENT, PASS, REPLY }, set_of { RELEASE }, set_of { READ_ONLY } }

local function refuse(code, ...) error({ code = code, sentence = concat({ ... }) }, 0) end
local function slice(list, from, count) return { unpack(list, from, from + count - 1) } end

-- A table of these bytes. Raises { code, sentence }: the sentence says what is wrong and where. The bytes are read from
-- `at` on, a number after the other: LuaJIT takes what is in a list or a constructor in the order in which it stands.
local function open(bytes)
  local T, start, size, strings = {}, {}, {}, NOTHING
  local at, section, kind, row = 4, nil, nil, nil -- where we are; in a list, the kind and the number of the entry
  local function need(condition, ...)
    if not condition then refuse(CONTENT, "section ", gsub(section, "[^!-~]", "?") .. " ", ...) end
  end
  local function row_needs(condition, why) need(condition, kind, " ", row, " ", why) end
  local function uint(from, width)
    local number = 0
    for i = from + width, from + 1, -1 do number = number * 256 + byte(bytes, i) end
    return number
  end
  local function u(width)
    at = at + width
    return uint(at - width, width)
  end
  -- The text of a string's number; nil of NONE, where that is allowed.
  local function text(may_be_none)
    local number = u(2)
    need(strings[number] or may_be_none and number == NONE, "refers to a string that is not there")
    return strings[number]
  end
  local function printable(from, stop)
    local found = find(bytes, "[^ -~]", from + 1)
    need(not found or found > stop, "holds a byte that is not printable ASCII")
  end
  local function enter(name, length)
    section, at = name, start[name]
    need(size[name] >= length, "is cut short")
  end
  -- The next number, which is at most so much. @param why it is not: said of the entry, or outside of lists the section
  local function most(width, limit, why)
    local number, check = u(width), kind and row_needs or need
    check(number <= limit, why)
    return number
  end
  local function exactly(length) need(size[section] == length, "is not as long as its entries") end
  -- A list by number, from 0 on. @param each reads an entry
  local function rows(number, what, each)
    local list = { count = number }
    for i = 0, number - 1 do
      kind, row = what, i
      list[i] = each(i)
    end
    kind = nil
    return list
  end
  -- A section that is one list, by order, from 1 on. @param width of its count
  local function list(name, width, limit, bytes_each, whats, what, each)
    enter(name, width)
    local number = most(width, limit, "has too many " .. whats)
    exactly(width + bytes_each * number)
    return slice(rows(number, what, each), 0, number)
  end

  if #bytes < 36 then refuse(DAMAGED, #bytes, " bytes: too short for a table") end
  local checksum, length, version, sections, generation = u(4), u(4), u(2), u(2), u(4)
  if not begins(bytes, "PNTS") then refuse(DAMAGED, 'does not begin with "PNTS": not a table') end
  if version ~= 5 then refuse(LAYOUT, "layout version ", version, ": this reader knows 5") end
  if #bytes > 67108864 then refuse(DAMAGED, #bytes, " bytes: too large for a table") end
  if length ~= #bytes then refuse(DAMAGED, #bytes, " bytes, but its header says ", length, ": cut short or padded") end
  if checksum ~= crc32(bytes, 9) then refuse(DAMAGED, "the checksum is wrong: the table is damaged") end
  local body = 36 + 12 * sections
  if sections > 64 or body > #bytes then refuse(CONTENT, sections, " sections: too many") end
  T.head, T.generation, T.digest = sub(bytes, 1, 36), generation, hex(sub(bytes, 21, 36))
  for place = 36, body - 12, 12 do
    section, at = sub(bytes, place + 1, place + 4), place + 4
    local from, room = u(4), u(4)
    need(from >= body and from <= #bytes and room <= #bytes - from, "lies outside the table")
    need(not start[section], "occurs twice")
    need(IS_SECTION[section] or band(byte(section), 0x20) ~= 0, "is unknown to this reader")
    start[section], size[section] = from, room
  end
  for _, name in ipairs(SECTIONS) do
    section = name
    need(start[name], "is missing")
  end

  enter("STRS", 4)
  local number = most(4, 65535, "has too many strings")
  need(size.STRS >= 4 + 4 * number, "is cut short")
  local first, last, stop = at + 4 * number, 0, size.STRS - 4 - 4 * number
  strings = rows(number, "string", function()
    local from, to = last, u(4)
    row_needs(to >= from and to <= stop and to - from <= 255, "is out of bounds")
    last = to
    return sub(bytes, first + from + 1, first + to)
  end)
  need(last == stop, "has bytes left over")
  printable(first, first + last)

  enter("STEM", 4)
  number = most(4, 256, "has too many groups")
  need(size.STEM >= 4 + 4 * number, "is cut short")
  local stems, least = 0, 0
  first, stop = at + 4 * number, at + 4 * number
  local groups = slice(rows(number, "group", function()
    local one = { width = u(1), count = u(3), first = stems, at = stop }
    need(one.count <= 16777215 - stems, "has too many stems")
    need(one.width >= least, "has groups that are not in order")
    stems, stop, least = stems + one.count, stop + one.count * one.width, one.width + 1
    return one
  end), 0, number)
  need(stop == start.STEM + size.STEM, "is not as long as its stems")
  printable(first, stop)

  T.replies = list("REPL", 2, 64, 4, "replies", "reply", function()
    local status = u(2)
    row_needs(status >= 400 and status <= 599, "has no proper status")
    return { status = status, body = text() }
  end)

  enter("RLSE", 15)
  local releases, default = most(2, 256, "has too many releases"), u(2)
  local placements = most(2, 4096, "has too many placements")
  exactly(15 + 4 * releases + 5 * placements)
  need(default < releases, "has no such default release")
  T.default = default
  T.wikiless = rows(3, "outcome", function()
    local outcome, value = u(1), u(2)
    local there = outcome == RELEASE and releases or outcome == REPLY and #T.replies or 0
    need(value < there, "has no outcome for a request without a wiki")
    return { outcome = outcome, value = value }
  end)
  T.releases = rows(releases, "release", function() return { name = text(), version = text() } end)
  T.placements = rows(placements, "placement", function()
    local release, group = most(2, releases - 1, "has no release"), text(true)
    return { release = release, group = group, is_missing = most(1, 1, "has an unknown flag") == 1 }
  end)

  enter("PATH", 12)
  local forms, replacements = most(4, 65535, "has too many forms"), most(4, 65535, "has too many replacements")
  local elses = most(4, 65535, "has too many wikis beside forms")
  exactly(12 + 19 * forms + 5 * replacements + 6 * elses)
  T.forms = rows(forms, "form", function()
    local flags, segments, count, parts = u(1), u(1), u(1), { u(1), u(1), u(1), u(1) }
    local form = { segments = segments, parts = slice(parts, 1, count), literals = {}, from = u(2), to = u(2) }
    local is_known = flags < 16 and segments >= 1 and segments <= 4 and count >= 1 and count <= 4
    for n = 1, 4 do
      local literal = u(2)
      is_known = is_known and (n > count or parts[n] < segments)
      is_known = is_known and (n > segments or literal == NONE or strings[literal])
      form.literals[n] = n <= segments and strings[literal] or nil
    end
    row_needs(is_known and form.from + form.to <= replacements, "makes no sense")
    form.to = form.from + form.to - 1
    form.dashes, form.target = band(flags, 1) ~= 0, band(flags, 2) ~= 0
    form.closed, form.lower = band(flags, 4) ~= 0, band(flags, 8) ~= 0
    return form
  end)
  T.replacements = rows(replacements, "replacement", function()
    return { segment = u(1), from = text(), to = text() }
  end)
  local pairs_at = at

  -- WIKI and HOST. Of an entry, `bits` bits from bit `shift` on.
  local function field(set, slot, shift, bits)
    local low, before = shift % 8, floor(shift / 8)
    local number_there = uint(set.entries + slot * set.width + before, floor((low + bits + 7) / 8))
    return floor(number_there / 2 ^ low) % 2 ^ bits
  end
  local function stem_of(set, slot) return field(set, slot, 0, set.stem_bits) end
  local function is_filled(set, slot) return slot < set.slots and stem_of(set, slot) ~= set.empty end
  local function suffix_of(set, slot) return field(set, slot, set.stem_bits, set.suffix_bits) end
  function T.value(set, slot) return field(set, slot, set.stem_bits + set.suffix_bits, set.value_bits) end
  local function keys(name, values)
    enter(name, 24)
    local number_of_keys, filled, set = u(4), 0, { values = values, slots = u(4), buckets = u(4), seed = u(4),
      displacement = u(1), width = u(1), stem_bits = u(1), suffix_bits = u(1), first = u(2), suffixes = u(2) }
    need(number_of_keys <= 8388608 and number_of_keys <= set.slots and set.slots <= 2 * number_of_keys
      and set.buckets <= set.slots and (set.slots == 0 or set.buckets > 0), "has impossible sizes")
    need(set.displacement == 1 or set.displacement == 2 or set.displacement == 4, "has impossible displacements")
    set.value_bits, set.empty = 8 * set.width - set.stem_bits - set.suffix_bits, 2 ^ set.stem_bits - 1
    need(set.width >= 1 and set.width <= 8 and set.value_bits >= 1 and set.value_bits <= 32 and set.stem_bits >= 1
      and set.stem_bits <= 24 and set.suffix_bits >= 1 and set.suffix_bits <= 16, "has impossible entries")
    need(set.first + set.suffixes <= strings.count, "has suffixes that are no strings")
    set.displacements, set.entries = at, at + set.buckets * set.displacement
    exactly(24 + set.buckets * set.displacement + set.slots * set.width)
    for slot = 0, set.slots - 1 do
      if is_filled(set, slot) then
        local is_sound = stem_of(set, slot) < stems and suffix_of(set, slot) < set.suffixes
        need(is_sound and T.value(set, slot) < values, "entry ", slot, " is out of bounds")
        filled = filled + 1
      end
    end
    need(filled == number_of_keys, "does not have as many keys as it says")
    return set
  end
  local wikis = keys("WIKI", placements)
  local hosts = keys("HOST", wikis.slots + forms + elses + 1)
  T.wikis, T.hosts = wikis, hosts
  -- Of a slot that is filled.
  function T.key(set, slot)
    local stem = stem_of(set, slot)
    for _, group in ipairs(groups) do
      local place = group.at + (stem - group.first) * group.width
      if stem < group.first + group.count then
        return sub(bytes, place + 1, place + group.width) .. strings[set.first + suffix_of(set, slot)]
      end
    end
  end
  function T.find(set, key)
    if set.slots == 0 or #key > 510 then return nil end
    local a, b = hash(key, set.seed)
    local displacement = uint(set.displacements + part(a, set.buckets) * set.displacement, set.displacement)
    local slot = part(mix(bxor(b, multiply(a, 2 * displacement + 1))), set.slots)
    return is_filled(set, slot) and T.key(set, slot) == key and slot or nil
  end
  local function leads(to)
    need(to >= wikis.slots and to < hosts.values or is_filled(wikis, to), "leads to a wiki that is not there")
  end
  section, at = "PATH", pairs_at
  T.elses = rows(elses, "wiki beside a form", function()
    local one = { form = T.forms[u(2)], wiki = u(4) }
    row_needs(one.form and is_filled(wikis, one.wiki), "is not there")
    return one
  end)
  section = "HOST"
  for slot = 0, hosts.slots - 1 do
    if is_filled(hosts, slot) then leads(T.value(hosts, slot)) end
  end

  local has_suffix = false
  T.rewrites = list("RWRT", 4, 64, 9, "entries", "entry", function()
    local of, one = most(1, 1, "is of an unknown kind"), { labels = u(2) }
    row_needs(of == 0 or not has_suffix, "comes after a suffix entry")
    row_needs(of == 1 or one.labels > 0, "has no labels")
    has_suffix, one.of_path = of == 0, of == 1
    one.from, one.to, one.prefix = text(), text(), text(true) or ""
    return one
  end)
  T.patterns = list("PATT", 4, 256, 12, "entries", "pattern", function()
    local one = { kind = most(1, 2, "is of an unknown kind"), dashes = most(1, 1, "is of an unknown kind") == 1 }
    one.suffix, one.tail, one.to, one.prefix = text(), text(one.kind ~= 1), u(4), text(true) or ""
    if one.kind == 0 then leads(one.to) end
    local is_form = one.to == NO_DESTINATION or one.to >= wikis.slots and one.to < wikis.slots + forms
    row_needs(one.kind == 0 or is_form, "has no such path form")
    return one
  end)

  enter("DEPL", 2)
  local deployments = most(2, 256, "has too many deployments")
  exactly(2 + 4 * deployments + 2 * deployments * releases)
  T.deployments = rows(deployments, "deployment", function()
    local one, other = { name = text() }, u(2)
    local is_proper = other < deployments and uint(start.DEPL + 4 + 4 * other, 2) == NONE
    row_needs(other == NONE or is_proper, "has no proper read-only deployment")
    one.read_only = is_proper and other or nil
    return one
  end)
  T.clusters = rows(deployments * releases, "cluster", function() return text() end)

  local has_header = {}
  local headers = list("HDRS", 4, 32, 2, "entries", "header", function()
    local name = text()
    row_needs(find(name, "^[a-z0-9-]+$") and not has_header[name], "has no proper name")
    has_header[name] = true
    return name
  end)

  enter("JOBS", 0)
  exactly(15)
  local field_of_jobs, _ = text(true), most(1, 2, "has an unknown mode for Host")
  local limit, held = most(4, 16777216, "has too large a limit"), most(4, 1073741824, "holds too many bytes")
  need(held >= limit, "holds fewer bytes than one body may have")
  local streams, seconds = u(2), most(2, 3600, "holds for too many seconds")
  need(not field_of_jobs or streams > 0 and seconds > 0, "holds no job")

  enter("RULE", 8)
  local rules, predicates = most(4, 1024, "has too many rules"), most(4, 4096, "has too many predicates")
  exactly(8 + 7 * rules + 8 * predicates)
  local limits = { deployments, 65536, releases, #T.replies, 10001 }
  local all = rows(rules, "rule", function(i)
    local one = { number = i, from = u(2), asks = u(1), flags = u(1), outcome = u(1), value = u(2) }
    row_needs(one.from + one.asks <= predicates, "has predicates that are not there")
    row_needs(one.value < (limits[one.outcome] or 0), "has an unknown outcome")
    local wiki = one.flags - band(one.flags, DEBUG)
    row_needs(wiki <= BODY and (wiki == 0 or one.outcome == DEPLOYMENT), "has flags that make no sense")
    row_needs(wiki ~= BODY or field_of_jobs, "reads bodies, and JOBS names no field")
    return one
  end)
  -- Headers whose copies are read.
  T.interest = { ["x-forwarded-for"] = has_header["x-forwarded-for"], cookie = has_header.cookie }
  local asks = rows(predicates, "predicate", function()
    local subject, code, named, value, values = u(1), u(1), u(2), u(2), u(2)
    local test, name, wanted = band(code, 0x7f), nil, {}
    row_needs((TESTS[subject] or NOTHING)[test], "is unknown to this reader")
    if subject == HEADER then name = headers[named + 1] or ""
    elseif subject == COOKIE or subject == QUERY then name = strings[named] or "" end
    row_needs(name and name ~= "" or not name and named == NONE, "has no proper name")
    row_needs(subject ~= COOKIE or has_header.cookie, "is about a cookie, and HDRS has no cookie")
    if subject == HEADER then T.interest[name] = true end
    if test == SHARE then
      row_needs(values <= 10000, "has a share of more than all")
      need(strings[value], "refers to a string that is not there")
      wanted = strings[value]
    else
      local is_alone = test == ADDRESS or test == PRESENT
      local has_enough = is_alone and values == 0 or not is_alone and values >= (test == OPTION and 2 or 1)
      row_needs(has_enough, "has too few values, or too many")
      need(values == 0 or value + values <= strings.count, "refers to a string that is not there")
      for n = value, value + values - 1 do wanted[#wanted + 1] = strings[n] end
    end
    local is_of_client = subject == HEADER or subject == COOKIE or subject == CLIENT
    return { holds = predicate(subject, test, name, wanted, values), negated = code > 0x7f, is_of_client = is_of_client }
  end)
  for i = 0, rules - 1 do
    all[i].asks = slice(asks, all[i].from, all[i].asks)
    for _, one in ipairs(all[i].asks) do all[i].is_of_client = all[i].is_of_client or one.is_of_client end
  end

  enter("LSTN", 4)
  number = most(2, 256, "has too many listeners")
  local cookie, is_taken = u(2), { [""] = true }
  need(number > 0, "has no listener")
  exactly(4 + 20 * number)
  T.share_cookie = strings[cookie]
  need(cookie == NONE or (T.share_cookie or "") ~= "", "has no proper name of the share's cookie")
  need(cookie == NONE or has_header.cookie, "cuts shares by a cookie, and HDRS has no cookie")
  T.listeners = slice(rows(number, "listener", function()
    local named = u(2)
    local one = { name = strings[named] }
    row_needs(named == NONE and number == 1 or one.name and not is_taken[one.name], "has no name of its own")
    is_taken[one.name or ""], one.is_internal = true, most(1, 1, "has an unknown flag") == 1
    one.datacentre, one.deployment = text(true), most(2, deployments - 1, "has no such deployment")
    one.hops = uint(at + 12, 1) -- after the rules
    row_needs(one.is_internal or one.hops == 0, "is an edge and trusts hops")
    for which, allowed in ipairs(ALLOWED) do
      local from, number_of_rules = u(2), u(2)
      row_needs(from + number_of_rules <= rules, "has rules that are not there")
      for i = from, from + number_of_rules - 1 do
        row_needs(allowed[all[i].outcome], "has rules of a kind that is not allowed there")
      end
      one[which] = slice(all, from, number_of_rules)
    end
    one.routes, one.assets, one.reads = unpack(one)
    one.otherwise = { outcome = DEPLOYMENT, value = one.deployment, flags = 0, number = -1 }
    at = at + 1
    return one
  end), 0, number)

  local is_emitted, has_kind = {}, {}
  T.emit = list("EMIT", 4, 6, 2, "entries", "header", function()
    local says, name = u(1), headers[u(1) + 1]
    row_needs(KINDS[says] and not has_kind[says], "is of a kind that is unknown or occurs twice")
    row_needs(name and not is_emitted[name], "is not in HDRS, or occurs twice")
    row_needs(not NEVER_EMITTED[name], "has no proper name")
    has_kind[says], is_emitted[name] = true, true
    return { kind = KINDS[says], name = name }
  end)
  need(has_kind[0], "has no header for the cluster")

  enter("CANO", 6) -- no answer here depends on it
  local canonical, exceptions = most(2, 64, "has too many rules"), u(4)
  exactly(6 + 5 * canonical + 8 * exceptions)
  rows(canonical, "rule", function() row_needs(text() and text() and u(1) <= 1, "has an unknown flag") end)
  last = -1
  rows(exceptions, "exception", function()
    local slot, value = u(4), u(4)
    row_needs(slot > last, "is out of order")
    local is_there = value == NO_DESTINATION or value < canonical or is_filled(hosts, value - canonical)
    row_needs(is_there and is_filled(wikis, slot), "is out of bounds")
    last = slot
  end)
  return T
end

-- ---- From a request to a decision -----------------------------------------------------------------------------------

local function rewrite(T, asked)
  for _, one in ipairs(T.rewrites) do
    local host = asked.host
    if one.of_path and not asked.is_carried then
      local is_meant = host == one.from or byte(one.from) == 46 and #host > #one.from and ends(host, one.from)
      local segment, path = match(asked.target, "^/([^/?]+)(/[^?]*)")
      if is_meant and segment and (one.to == "" or path == one.to or begins(path, one.to .. "/")) then
        asked.host, asked.is_address = host_of(segment)
        asked.target, asked.is_carried = sub(asked.target, #segment + 2), true
      end
    elseif not one.of_path and begins(host, one.prefix) and ends(sub(host, #one.prefix + 1), one.from) then
      local labels = sub(host, #one.prefix + 1, #host - #one.from)
      local _, dots = gsub(labels, "%.", "")
      if dots + 1 == one.labels and not find("." .. labels .. ".", "..", 1, true) then
        asked.host = labels .. one.to
        return
      end
    end
  end
end

local function find_wiki(T, key, dashes) return T.find(T.wikis, dashes and gsub(key, "-", "_") or key) or MISSING end

-- What stands, whatever else the request may lead to.
local function is_final(found) return found >= 0 or found == TWO_WIKIS end

-- The wiki that a form of path names. @param texts the path, whether it has its `%2F`, the target
local function wiki_of_form(T, form, texts)
  local segments, is_kept = split(form.target and texts.target or texts.path, "/"), texts.is_kept and not form.target
  local fits, key = segments[1] == "" and #segments > form.segments + (form.closed and 1 or 0), ""
  for i = 1, form.segments do
    local segment = segments[i + 1]
    if is_kept and segment and find(segment, "%%2[Ff]") then return TWO_WIKIS end
    fits = fits and (form.literals[i] == nil or form.literals[i] == segment)
  end
  if not fits then return UNKNOWN end
  for _, part_of_key in ipairs(form.parts) do
    local text = form.lower and lower(segments[part_of_key + 2]) or segments[part_of_key + 2]
    for i = form.from, form.to do
      local one = T.replacements[i]
      if one.segment == part_of_key and one.from == text then
        text = one.to
        break
      end
    end
    key = key .. text
  end
  return find_wiki(T, key, form.dashes)
end

local function follow(T, to, texts)
  local number = to - T.wikis.slots
  if number < 0 then return to end
  if T.forms[number] then return wiki_of_form(T, T.forms[number], texts) end
  local pair = T.elses[number - T.forms.count]
  local found = pair and wiki_of_form(T, pair.form, texts) or MISSING
  return (is_final(found) or not pair) and found or pair.wiki
end

local function look_up(T, host, texts)
  local exact = T.find(T.hosts, host)
  if exact then return follow(T, T.value(T.hosts, exact), texts) end
  for _, one in ipairs(T.patterns) do
    local stem = ends(host, one.suffix) and sub(host, 1, #host - #one.suffix)
    if stem and one.kind == 0 and stem ~= "" then return follow(T, one.to, texts) end
    if stem and one.kind ~= 0 and begins(stem, one.prefix) then
      local key = sub(stem, #one.prefix + 1)
      local before, family = match(key, "^(.*)%.([a-z]+)$")
      if one.kind == 1 then key = key .. one.tail else key = before and before .. family end
      if key then
        local found = one.to == NO_DESTINATION and UNKNOWN or follow(T, one.to, texts)
        return is_final(found) and found or find_wiki(T, key, one.dashes)
      end
    end
  end
  return UNKNOWN
end

-- A path may be read in two ways: where one names a wiki and the other not the same one, there is none.
local function wiki_of(T, asked)
  local found = look_up(T, asked.host, { path = asked.path, target = asked.target })
  if asked.path == asked.raw_path then return found end
  local kept, number = gsub(asked.raw_path, "%%(2[Ff])", "%%25%1")
  local other = look_up(T, asked.host, { path = normalised(kept), is_kept = number > 0, target = asked.path })
  return other ~= TWO_WIKIS and (other == found or other < 0 and found < 0) and found or TWO_WIKIS
end

local function holds(rule, asked)
  for _, one in ipairs(rule.asks) do
    if one.holds(asked) == one.negated then return false end
  end
  return true
end

local function first_rule(rules, asked)
  for _, rule in ipairs(rules) do
    if holds(rule, asked) then return rule end
  end
end

-- Who asks: on an internal listener by the word of our own proxies, counted from the right.
local function client_of(T, listener, asked)
  local entries = {}
  if listener.is_internal and T.interest["x-forwarded-for"] then
    for entry in concat(asked.headers["x-forwarded-for"] or NOTHING, ","):gmatch("[^,]+") do
      entries[#entries + 1] = trim(entry) ~= "" and trim(entry) or nil
    end
  end
  return entries[#entries - listener.hops] or asked.client
end

-- What becomes of a request: { kind = "route", … }, { kind = "reply", … } or { kind = "pass" }.
-- @param asked authority, target, method, client, and headers: of those in T.interest, every copy by name
local function decide(T, listener, asked, is_secondary)
  asked.host, asked.is_address = host_of(asked.authority)
  rewrite(T, asked)
  asked.raw_path = match(asked.target, "^[^?]*")
  asked.path, asked.client = normalised(asked.raw_path), client_of(T, listener, asked)
  local route = first_rule(listener.routes, asked) or listener.otherwise
  local answer = { kind = "route", rule = route.number, is_debug = band(route.flags, DEBUG) ~= 0 }
  local function reply(one)
    answer.kind, answer.status, answer.body = "reply", one.status, one.body
    return answer
  end
  if route.outcome == REPLY then return reply(T.replies[route.value + 1]) end
  if route.outcome == PASS then
    answer.kind = "pass"
    return answer
  end
  local is_body, has_none = band(route.flags, BODY) ~= 0, band(route.flags, NO_WIKI) ~= 0
  local slot, deployment = has_none and UNKNOWN or wiki_of(T, asked), route.value
  local placement, outcome = slot >= 0 and T.placements[T.value(T.wikis, slot)], nil
  if not is_body and not has_none then
    if placement and placement.is_missing then slot, placement = NOT_INSTALLED, nil end
    answer.why = slot < 0 and slot or nil
    if slot == TWO_WIKIS then return reply { status = 400, body = TWO_WIKIS_TEXT } end
    outcome = T.wikiless[-1 - slot]
  end
  local asset = not is_body and first_rule(listener.assets, asked)
  if outcome and outcome.outcome == REPLY and not asset then return reply(T.replies[outcome.value + 1]) end
  -- A cache that goes by the URL must not hand the answer to everybody.
  answer.is_private = answer.is_debug or asset and asset.is_of_client
  local release = asset and asset.value or placement and placement.release or outcome and outcome.value or T.default
  local read_only = is_secondary and T.deployments[deployment].read_only
  local read = read_only and first_rule(listener.reads, asked)
  if read and is_in_share(asked, "", COOKIE, T.share_cookie, read.value) then deployment = read_only end
  answer.wiki, answer.group = placement and T.key(T.wikis, slot) or nil, placement and placement.group or nil
  answer.release, answer.version = T.releases[release].name, T.releases[release].version
  answer.deployment = T.deployments[deployment].name
  answer.cluster = T.clusters[deployment * T.releases.count + release]
  return answer
end

-- ---- In Traffic Server: each of its Lua states has a table of its own -----------------------------------------------

local options, served, refused, addresses, looked, stats = {}, nil, nil, { text = "", of = {} }, nil, {}
local WHY = { [UNKNOWN] = "unknown_hosts", [MISSING] = "missing_wikis", [NOT_INSTALLED] = "not_installed_wikis",
  [TWO_WIKIS] = "two_wikis_paths" }

-- A counter or gauge of ATS's, which all states share; nil where ATS has no room for one more.
local function stat(name)
  stats[name] = stats[name] or ts.stat_create("pointsman." .. name, TS_LUA_RECORDDATATYPE_INT,
    TS_LUA_STAT_NON_PERSISTENT, TS_LUA_STAT_SYNC_SUM)
  return stats[name].id >= 0 and stats[name] or nil
end

local function count(name)
  local counter = stat(name)
  if counter then counter:increment(1) end
end

local function gauge(name, value)
  local one = stat(name .. ".listener." .. (options.listener or ""))
  if one then one:set_value(value) end
end

local function folded(name) return (gsub(lower(name), "[^a-z0-9]", "-")) end

-- A table with the listener that it is asked as. Raises as `open` does.
local function table_for(bytes)
  local T = open(bytes)
  for _, one in ipairs(T.listeners) do
    local is_ours = options.listener == nil or one.name == nil or one.name == options.listener
    T.listener = T.listener or is_ours and one or nil
  end
  if not T.listener then refuse(NO_LISTENER, 'the table has no listener "', options.listener, '"') end
  local here = options.datacentre or T.listener.datacentre
  T.is_secondary = here ~= nil and options.primary ~= nil and here ~= options.primary
  T.ours, T.kinds, T.known = {}, {}, 0
  for _, one in ipairs(T.emit) do T.ours[folded(one.name)] = true end
  return T
end

local function look_at_table()
  local file, why = io.open(options.table, "rb")
  local bytes = file and (file:read(36) or "")
  local is_same = served and bytes == served.head
  if file and not is_same then bytes = bytes .. (file:read("*a") or "") end
  if file then file:close() end
  if is_same and refused then
    refused = nil
    gauge("refused", 0)
  end
  if is_same or (bytes or why) == refused then return end
  refused = bytes or why
  local is_taken, found = pcall(bytes and table_for or refuse, bytes or DAMAGED, "cannot be read: ", why)
  if is_taken then
    served, refused = found, nil
    gauge("generation", found.generation)
  else
    if type(found) ~= "table" then found = { code = CONTENT, sentence = tostring(found) } end
    ts.error("pointsman: table refused: " .. options.table .. ": " .. found.sentence)
    count("tables_refused.listener." .. (options.listener or ""))
  end
  gauge("refused", is_taken and 0 or found.code)
end

-- Of each cluster its origin; of "-" that of requests which pass through, of "*" that of every other cluster.
local function addresses_in(text)
  local of, line = {}, 0
  for one in (text .. "\n"):gmatch("([^\n]*)\n") do
    line = line + 1
    local name, scheme, host, port = match(one, "^%s*(%S+)%s+(https?)://([^%s/]+):(%d+)%s*$")
    if name then of[name] = { scheme = scheme, host = host, port = tonumber(port) }
    elseif find(one, "^%s*[^%s#]") then return nil, line end
  end
  return { text = text, of = of }
end

local function look_at_addresses()
  local file, why = io.open(options.addresses, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  if text == addresses.text then return end
  local found, line = addresses_in(text or "?")
  if found then addresses = found
  elseif addresses.refused ~= (text or why) then
    ts.error("pointsman: addresses refused: " .. options.addresses .. ": " .. (text and "line " .. line or why))
    addresses.refused = text or why
  end
end

-- What a header of that name is to the table: one of ours, or one whose copies are read.
local function kind_of(T, name)
  if T.known > 4096 then T.kinds, T.known = {}, 0 end
  local small = lower(name)
  T.kinds[name], T.known = { small = small, is_ours = T.ours[folded(name)], is_read = T.interest[small] }, T.known + 1
  return T.kinds[name]
end

-- The request as it came, without the client's copies of our headers from here on.
local function read_request(T)
  local request = ts.client_request
  local asked = { authority = "", headers = {}, method = request.get_method() or "",
    client = request.client_addr.get_ip() or "", target = gsub(request.get_url(), "^%a+://[^/?#]*", "") }
  if byte(asked.target) ~= 47 then asked.target = "/" .. asked.target end
  for name, value in pairs(request.get_headers()) do
    local kind = T.kinds[name] or kind_of(T, name)
    if kind.is_read then asked.headers[kind.small] = request.header_table[name] end
    if kind.small == "host" then asked.authority = value end
    for token in (kind.small == "connection" and value or ""):gmatch("[^%s,]+") do
      asked.is_forged = asked.is_forged or T.ours[folded(token)]
    end
    if kind.is_ours then request.header[name] = nil end
  end
  return asked
end

local function reply(status, body, counter)
  count(counter)
  ts.hook(TS_LUA_HOOK_SEND_RESPONSE_HDR, function() ts.client_response.header["Content-Type"] = "text/plain" end)
  ts.http.set_resp(status, body)
  return TS_LUA_REMAP_NO_REMAP
end

local function say_in_response(T, answer)
  local says = { wiki = answer.wiki, release = answer.release, cluster = answer.cluster, rule = tostring(answer.rule),
    generation = format("%d", T.generation), digest = T.digest }
  ts.hook(TS_LUA_HOOK_SEND_RESPONSE_HDR, function()
    for _, name in ipairs { "wiki", "release", "cluster", "rule", "generation", "digest" } do
      ts.client_response.header["x-pointsman-" .. name] = says[name]
    end
  end)
end

function __init__(arguments)
  for i = 1, #arguments do
    local name, value = match(arguments[i], "^(%l+)=(.+)$")
    if name then options[name] = value end
  end
  if not options.table or not options.addresses then
    ts.error("pointsman: needs table=FILE and addresses=FILE")
    return -1
  end
  look_at_addresses()
  look_at_table()
  looked = ts.now()
  return 0
end

function do_remap()
  local now = ts.now()
  if now < looked or now - looked >= 1 then
    looked, stats = now, {}
    look_at_addresses()
    look_at_table()
  end
  if not served then return reply(503, "there is no table\n", "without_table") end
  local asked = read_request(served)
  if asked.is_forged then return reply(400, "Connection names a header that only proxies set\n", "forged") end
  local answer = decide(served, served.listener, asked, served.is_secondary)
  if answer.why then count(WHY[answer.why]) end
  if answer.is_debug then count("debug") end
  if answer.kind == "reply" then return reply(answer.status, answer.body, "replies") end
  local address = addresses.of[answer.cluster or "-"] or answer.cluster and addresses.of["*"]
  if not address then return reply(503, "there is no address for this cluster\n", "without_address") end
  for _, one in ipairs(served.emit) do
    if answer[one.kind] then ts.client_request.header[one.name] = answer[one.kind] end
  end
  if answer.is_private then ts.http.config_int_set(TS_LUA_CONFIG_HTTP_CACHE_HTTP, 0) end
  if answer.is_debug then say_in_response(served, answer) end
  count(answer.cluster and "requests.deployment." .. answer.deployment .. ".release." .. answer.release or "passed")
  ts.client_request.set_url_scheme(address.scheme)
  ts.client_request.set_url_host((gsub(address.host, "{(%l+)}", answer)))
  ts.client_request.set_url_port(address.port)
  return TS_LUA_REMAP_DID_REMAP
end

return { open = open, decide = decide, hash = hash, share_of = share_of }
