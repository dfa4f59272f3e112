-- Routes requests by a Pointsman table in Apache Traffic Server, with its Lua plugin: tslua of 9.2 and later.
--
-- One rule of remap.config runs it for every request; `pointsman render ats-lua` writes that rule and the rest. Nobody
-- listens at the rule's own address: where this script fails, no request goes on unrouted. It reads the table's bytes,
-- and checks and decides in the order and with the numbers of docs/table-format.md. LuaJIT's numbers are doubles and
-- its bit operations signed, so what multiplies two u32 does it in halves.
local bit, ffi = require("bit"), require("ffi")
local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit
local byte, sub, find, gsub, match = string.byte, string.sub, string.find, string.gsub, string.match
local lower, format, floor, concat = string.lower, string.format, math.floor, table.concat
-- Of the C library, and of zlib, which ATS is linked with.
ffi.cdef [[
  int inet_pton(int family, const char *text, void *address);
  unsigned long crc32(unsigned long before, const char *bytes, unsigned int length);
]]

local NONE, NO_DESTINATION, U32 = 0xffff, 0xffffffff, 2 ^ 32
local DEPLOYMENT, PASS, RELEASE, REPLY, READ_ONLY = 1, 2, 3, 4, 5 -- outcomes
local NO_WIKI, BODY, DEBUG = 1, 2, 4 -- flags of a rule
local DASHES, TARGET, CLOSED, LOWER = 1, 2, 4, 8 -- flags of a pattern and of a form of path
-- Why there is no slot of WIKI. Below 0 another way to the wiki is tried; TWO_WIKIS stands, as a slot does.
local UNKNOWN, MISSING, NOT_INSTALLED, TWO_WIKIS = -1, -2, -3, U32
local FIXED, JOIN, FAMILY = 0, 1, 2 -- kinds of patterns
local HOST, PATH, METHOD, HEADER, COOKIE, QUERY, CLIENT, IS_ADDRESS = 1, 2, 3, 4, 5, 6, 7, 8 -- subjects, and our own
local EXACT, PREFIX, SUFFIX, UNDER, ADDRESS, PRESENT, CONTAINS, OPTION, SHARE = 1, 2, 3, 4, 5, 6, 7, 8, 9 -- tests
local DAMAGED, LAYOUT, CONTENT, NO_LISTENER = 2, 3, 4, 5 -- why a table is refused: docs/operations.md
local TWO_WIKIS_REPLY = { status = 400, body = "the request's path can be read as that of two wikis\n" }
local NOTHING = {}

local function set_of(list)
  local set = {}
  for _, one in ipairs(list) do set[one] = true end
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
  local a, b = tobit(seed), bxor(seed, 0x9e3779b9)
  for i = 1, #key + 1, 4 do
    local c, d, e, f = byte(key, i, i + 3)
    local word = (c or 0) + (d or 0) * 2 ^ 8 + (e or 0) * 2 ^ 16 + (f or 0) * 2 ^ 24
    a, b = multiply(bxor(a, word), 0x9e3779b1), multiply(bxor(b, word), 0x2c1b3c6d)
    if f then a, b = bxor(a, rshift(a, 15)), bxor(b, rshift(b, 15)) end -- only the last word is not full
  end
  return mix(bxor(a, #key)), mix(bxor(b, #key))
end

-- h * count >> 32
local function part(h, count) return floor((floor(h / 65536) * count + floor(h % 65536 * count / 65536)) / 65536) end

-- Which ten-thousandth of all requests a text is in.
local function share_of(text)
  local a = 0x9e3779b9
  for i = 1, #text do a = multiply(bxor(a, byte(text, i)), 0x01000193) end
  return floor(mix(a) * 10000 / U32)
end

-- ---- Texts ----------------------------------------------------------------------------------------------------------

local function split(text, separator)
  local pieces = {}
  for piece in (text .. separator):gmatch("([^" .. separator .. "]*)" .. separator) do pieces[#pieces + 1] = piece end
  return pieces
end

local function trim(text)
  local first = find(text, "[^ \t]")
  return first and match(text, "^.*[^ \t]", first) or ""
end

local function decoded(text)
  return (gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function hex(text) return (gsub(text, ".", function(c) return format("%02x", byte(c)) end)) end
local function begins(text, with) return sub(text, 1, #with) == with end
local function ends(text, with) return #text >= #with and sub(text, #text - #with + 1) == with end
-- In a pattern the text itself.
local function quoted(text) return (gsub(text, "%W", "%%%0")) end

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

-- What stands between separators, cut at its first `=`.
local function pairs_in(text, separator, clean)
  local list = split(text, separator)
  for i, piece in ipairs(list) do
    local name, equals, value = match(piece, "^([^=]*)(=?)(.*)")
    list[i] = { name = clean(name), value = clean(value), is_named = equals ~= "" }
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
-- How many values a test has at least; of 0 it has none.
local LEAST = { 1, 1, 1, 1, 0, 0, 1, 2, 1 }
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
      one.read = match(one.name, "^ *([^%z]*)")
      one.name = gsub(one.read, "[ .[]", "_")
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
    local is_array = one.read and byte(one.read, #name + 1) == 91 and begins(one.name, name)
    if one.name == name or is_array then texts[#texts + 1] = one.value end
  end
  return texts
end

-- In the only copy the value of the only option of that name; without one, what stands first and has no name.
local function option_in(copies, option)
  local options, found = #copies == 1 and pairs_in(copies[1], ";", trim) or NOTHING, nil
  for _, one in ipairs(options) do
    if one.name == option and one.is_named then
      if found then return nil end
      found = one.value
    end
  end
  return found or options[1] and not options[1].is_named and options[1].name or nil
end

-- Whether the request is in a share, by the first such text or else by the client's address.
local function is_in_share(asked, salt, subject, name, share)
  local text = name and texts_of(asked, subject, name)[1] or ""
  return share_of(salt .. (text == "" and asked.client or text)) < share
end

-- A function of a request. @param values of SHARE the salt, of OPTION first its name
local function predicate(subject, test, name, values, share)
  if test == SHARE then return function(asked) return is_in_share(asked, values[1], subject, name, share) end end
  if test == ADDRESS then subject = IS_ADDRESS end
  local option, known, fits = test == OPTION and table.remove(values, 1), set_of(values), FITS[test]
  local from = subject == HOST and 2 or 1 -- something stands before a host's suffix
  return function(asked)
    local texts = texts_of(asked, subject, name)
    if option then texts = { option_in(texts, option) } end
    for _, text in ipairs(texts) do
      if not fits and (known[text] or #values == 0) then return true end
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
local STEMS = { [FIXED] = ".+", [JOIN] = "(.*)", [FAMILY] = "(.*)%.([a-z]+)" }

local function refuse(code, ...) error({ code = code, sentence = concat({ ... }) }, 0) end
local function has(flags, flag) return band(flags, flag) ~= 0 end
-- What a list has by number from 0 on, or a part of it, by order.
local function in_order(list, from, count)
  return { unpack(list, from or 0, (from or 0) + (count or list.count) - 1) }
end

-- A table of these bytes. Raises { code, sentence }: the sentence says what is wrong and where. The bytes are read from
-- `at` on, a number after the other: LuaJIT takes what is in a list or an assignment in the order in which it stands.
local function open(bytes)
  local T, start, size, strings, headers = { wikiless = { [TWO_WIKIS] = { reply = TWO_WIKIS_REPLY } } }, {}, {}, {}, {}
  local at, section, row = 4, nil, 0

  -- N in a sentence is the entry's number.
  local function need(condition, why)
    if condition then return end
    refuse(CONTENT, "section ", gsub(section, "[^!-~]", "?") .. " ", (gsub(why, " N ", " " .. row .. " ")))
  end
  local function uint(from, width)
    local number = 0
    for i = from + width, from + 1, -1 do number = number * 256 + byte(bytes, i) end
    return number
  end
  -- The next number. @param why it is not `most` at most and `least` at least
  local function u(width, most, why, least)
    local number = uint(at, width)
    at = at + width
    need(number <= (most or number) and number >= (least or 0), why)
    return number
  end
  -- The string of that number; nil of NONE, where that is allowed.
  local function text(number, may_be_none)
    need(strings[number] or may_be_none and number == NONE, "refers to a string that is not there")
    return strings[number]
  end
  -- Reads fields, each `name:bytes`; of `name:s` the string, of `name:?` the string if there is one.
  local function fields(format, into)
    for name, kind in format:gmatch("(%S+):(%S)") do
      into[name] = tonumber(kind) and u(tonumber(kind)) or text(u(2), kind == "?")
    end
    return into
  end
  local function enter(name, length)
    section, at = name, start[name]
    need(size[name] >= length, "is cut short")
  end
  local function exactly(length) need(size[section] == length, "is not as long as its entries") end
  -- A list by number, from 0 on. @param check of each entry, once its fields are read
  local function rows(number, format, check)
    local list = { count = number }
    for i = 0, number - 1 do
      row = i
      list[i] = fields(format, {})
      if check then check(list[i]) end
    end
    return list
  end
  -- A section that is one list of so many at most. @param width bytes of an entry
  local function list(name, most, width, format, check)
    enter(name, 4)
    local number = u(4, most, "has too many entries")
    exactly(4 + width * number)
    return rows(number, format, check)
  end

  if #bytes < 36 then refuse(DAMAGED, #bytes, " bytes: too short for a table") end
  local head = fields("checksum:4 length:4 version:2 sections:2 generation:4", {})
  if not begins(bytes, "PNTS") then refuse(DAMAGED, 'does not begin with "PNTS": not a table') end
  if head.version ~= 5 then refuse(LAYOUT, "layout version ", head.version, ": this reader knows 5") end
  if #bytes > 67108864 then refuse(DAMAGED, #bytes, " bytes: too large for a table") end
  if head.length ~= #bytes then
    refuse(DAMAGED, #bytes, " bytes, but its header says ", head.length, ": cut short or padded")
  end
  if head.checksum ~= tonumber(ffi.C.crc32(0, sub(bytes, 9), #bytes - 8)) then
    refuse(DAMAGED, "the checksum is wrong: the table is damaged")
  end
  local body = 36 + 12 * head.sections
  if head.sections > 64 or body > #bytes then refuse(CONTENT, head.sections, " sections: too many") end
  T.generation, T.digest = head.generation, hex(sub(bytes, 21, 36))
  for place = 36, body - 12, 12 do
    section, at = sub(bytes, place + 1, place + 4), place + 4
    local from, room = u(4), u(4)
    need(from >= body and from <= #bytes and room <= #bytes - from, "lies outside the table")
    need(not start[section], "occurs twice")
    need(IS_SECTION[section] or has(byte(section), 0x20), "is unknown to this reader")
    start[section], size[section] = from, room
  end
  for _, name in ipairs(SECTIONS) do
    section = name
    need(start[name], "is missing")
  end

  enter("STRS", 4)
  strings.count = u(4, 65535, "has too many strings")
  need(size.STRS >= 4 + 4 * strings.count, "is cut short")
  local first, stop = at + 4 * strings.count, start.STRS + size.STRS
  local last = first
  for i = 0, strings.count - 1 do
    local from = last
    row, last = i, first + u(4)
    need(last >= from and last <= stop and last - from <= 255, "string N is out of bounds")
    strings[i] = sub(bytes, from + 1, last)
  end
  need(last == stop, "has bytes left over")
  need(not find(sub(bytes, first + 1, stop), "[^ -~]"), "holds a byte that is not printable ASCII")

  enter("STEM", 4)
  local groups = { count = u(4, 256, "has too many groups") }
  need(size.STEM >= 4 + 4 * groups.count, "is cut short")
  local stems, least = 0, 0
  first, last, stop = at + 4 * groups.count, at + 4 * groups.count, start.STEM + size.STEM
  for i = 1, groups.count do
    local width, count = u(1), u(3)
    need(count <= 16777215 - stems, "has too many stems")
    need(width >= least, "has groups that are not in order")
    groups[i] = { width = width, at = last - stems * width, stop = stems + count }
    stems, last, least = stems + count, last + count * width, width + 1
  end
  need(last == stop, "is not as long as its stems")
  need(not find(sub(bytes, first + 1, stop), "[^ -~]"), "holds a byte that is not printable ASCII")
  local function stem_of(stem)
    for _, one in ipairs(groups) do
      if stem < one.stop then return sub(bytes, one.at + stem * one.width + 1, one.at + (stem + 1) * one.width) end
    end
  end

  enter("REPL", 2)
  local replies = u(2, 64, "has too many replies")
  exactly(2 + 4 * replies)
  T.replies = rows(replies, "", function(one)
    one.status, one.body = u(2, 599, "reply N has no proper status", 400), text(u(2))
  end)

  enter("RLSE", 15)
  local releases, default = u(2, 256, "has too many releases"), u(2)
  local placements = u(2, 4096, "has too many placements")
  exactly(15 + 4 * releases + 5 * placements)
  need(default < releases, "has no such default release")
  T.default = default
  for _, why in ipairs { UNKNOWN, MISSING, NOT_INSTALLED } do
    local outcome, value = u(1), u(2)
    local reply, release = outcome == REPLY and T.replies[value], outcome == RELEASE and value < releases and value
    need(reply or release, "has no outcome for a request without a wiki")
    T.wikiless[why] = { reply = reply, release = release }
  end
  T.releases = rows(releases, "name:s version:s")
  T.placements = rows(placements, "", function(one)
    one.release, one.group = u(2, releases - 1, "placement N has no release"), text(u(2), true)
    one.is_missing = u(1, 1, "placement N has an unknown flag") == 1
  end)

  enter("PATH", 12)
  local forms, replacements = u(4, 65535, "has too many forms"), u(4, 65535, "has too many replacements")
  local elses = u(4, 65535, "has too many wikis beside forms")
  exactly(12 + 19 * forms + 5 * replacements + 6 * elses)
  T.forms = rows(forms, "flags:1 segments:1 parts:1", function(one)
    local parts = { u(1), u(1), u(1), u(1) }
    one.from, one.to, one.literals = u(2), u(2), {}
    local is_known = one.flags < 16 and one.segments >= 1 and one.segments <= 4 and one.parts >= 1 and one.parts <= 4
    for n = 1, 4 do
      local literal = u(2)
      one.literals[n] = strings[literal]
      is_known = is_known and (n > one.parts or parts[n] < one.segments)
        and (n > one.segments or literal == NONE or strings[literal])
    end
    need(is_known and one.from + one.to <= replacements, "form N makes no sense")
    one.parts, one.to = in_order(parts, 1, one.parts), one.from + one.to - 1
  end)
  T.replacements = rows(replacements, "segment:1 from:s to:s")
  local elses_at = at

  -- WIKI and HOST: what finds a key's slot, and gives a slot's key and value. @param values are below this
  local function keys(name, values)
    enter(name, 24)
    local number, slots, buckets, seed = u(4), u(4), u(4), u(4)
    local displacement, width, stem_bits, suffix_bits, suffix, suffixes = u(1), u(1), u(1), u(1), u(2), u(2)
    local value_bits, displacements, entries = 8 * width - stem_bits - suffix_bits, at, at + buckets * displacement
    need(number <= 8388608 and number <= slots and slots <= 2 * number and buckets <= slots
      and (slots == 0 or buckets > 0), "has impossible sizes")
    need(displacement == 1 or displacement == 2 or displacement == 4, "has impossible displacements")
    need(width >= 1 and width <= 8 and value_bits >= 1 and value_bits <= 32 and stem_bits >= 1 and stem_bits <= 24
      and suffix_bits >= 1 and suffix_bits <= 16, "has impossible entries")
    need(suffix + suffixes <= strings.count, "has suffixes that are no strings")
    exactly(24 + buckets * displacement + slots * width)
    local function field(slot, shift, bits)
      local low, before = shift % 8, floor(shift / 8)
      return floor(uint(entries + slot * width + before, floor((low + bits + 7) / 8)) / 2 ^ low) % 2 ^ bits
    end
    local empty, set = 2 ^ stem_bits - 1, { slots = slots }
    -- Nothing where the slot holds no key, or is not there.
    local function stem_in(slot)
      local stem = slot >= 0 and slot < slots and field(slot, 0, stem_bits)
      return stem ~= empty and stem or nil
    end
    local function suffix_in(slot) return field(slot, stem_bits, suffix_bits) end
    function set.value(slot) return stem_in(slot) and field(slot, stem_bits + suffix_bits, value_bits) end
    function set.key(slot)
      local stem = stem_in(slot)
      return stem and stem_of(stem) .. strings[suffix + suffix_in(slot)]
    end
    function set.find(key)
      if slots == 0 then return nil end
      local a, b = hash(key, seed)
      local moved = uint(displacements + part(a, buckets) * displacement, displacement)
      local slot = part(mix(bxor(b, multiply(a, 2 * moved + 1))), slots)
      return set.key(slot) == key and slot or nil
    end
    for slot = 0, slots - 1 do
      local stem = stem_in(slot)
      row, number = slot, number - (stem and 1 or 0)
      local is_sound = not stem or stem < stems and suffix_in(slot) < suffixes and set.value(slot) < values
      need(is_sound, "entry N is out of bounds")
    end
    need(number == 0, "does not have as many keys as it says")
    return set
  end
  local wikis = keys("WIKI", placements)
  local nowhere = wikis.slots + forms + elses -- the destination of a host without a wiki
  local hosts = keys("HOST", nowhere + 1)
  T.wikis, T.hosts = wikis, hosts
  local function leads(to)
    need(wikis.value(to) or to >= wikis.slots and to <= nowhere, "leads to a wiki that is not there")
  end
  section, at = "PATH", elses_at
  rows(elses, "form:2 wiki:4", function(one)
    need(one.form < forms and wikis.value(one.wiki), "wiki beside a form N is not there")
    T.forms[forms + row] = { form = T.forms[one.form], wiki = one.wiki }
  end)
  section = "HOST"
  for slot = 0, hosts.slots - 1 do leads(hosts.value(slot) or nowhere) end

  local has_suffix = false
  T.rewrites = list("RWRT", 64, 9, "of:1 labels:2", function(one)
    need(one.of <= 1, "entry N is of an unknown kind")
    one.of_path = one.of == 1
    need(not one.of_path or not has_suffix, "entry N comes after a suffix entry")
    need(one.of_path or one.labels > 0, "entry N has no labels")
    has_suffix = not one.of_path
    fields("from:s to:s prefix:?", one)
    local before = one.of_path and byte(one.from) == 46 and ".*" or ""
    if not one.of_path then before = quoted(one.prefix or "") .. "(.*)" end
    one.shape = "^" .. before .. quoted(one.from) .. "$"
  end)
  T.patterns = list("PATT", 256, 12, "kind:1 flags:1", function(one)
    need(one.kind <= FAMILY and one.flags <= DASHES, "pattern N is of an unknown kind")
    one.suffix, one.tail = text(u(2)), text(u(2), one.kind ~= JOIN)
    fields("to:4 prefix:?", one)
    if one.kind == FIXED then leads(one.to) end
    local is_form = one.to == NO_DESTINATION or one.to >= wikis.slots and one.to < wikis.slots + forms
    need(one.kind == FIXED or is_form, "pattern N has no such path form")
    local prefix = one.kind == FIXED and "" or quoted(one.prefix or "")
    one.shape = "^" .. prefix .. STEMS[one.kind] .. quoted(one.suffix) .. "$"
  end)

  enter("DEPL", 2)
  local deployments = u(2, 256, "has too many deployments")
  exactly(2 + 4 * deployments + 2 * deployments * releases)
  T.deployments = rows(deployments, "name:s read_only:2", function(one)
    local other = one.read_only
    one.read_only = other < deployments and uint(start.DEPL + 4 + 4 * other, 2) == NONE and other
    need(one.read_only or other == NONE, "deployment N has no proper read-only deployment")
  end)
  T.clusters = rows(deployments * releases, "name:s")

  local has_header = {}
  list("HDRS", 32, 2, "name:s", function(one)
    need(find(one.name, "^[a-z0-9-]+$") and not has_header[one.name], "header N has no proper name")
    headers[row], has_header[one.name] = one.name, true
  end)

  enter("JOBS", 0)
  exactly(15)
  local job_field, _ = text(u(2), true), u(1, 2, "has an unknown mode for Host")
  local limit, held = u(4, 16777216, "has too large a limit"), u(4, 1073741824, "holds too many bytes")
  need(held >= limit, "holds fewer bytes than one body may have")
  local streams, seconds = u(2), u(2, 3600, "holds for too many seconds")
  need(not job_field or streams > 0 and seconds > 0, "holds no job")

  enter("RULE", 8)
  local rules, predicates = u(4, 1024, "has too many rules"), u(4, 4096, "has too many predicates")
  exactly(8 + 7 * rules + 8 * predicates)
  local limits = { deployments, 65536, releases, replies, 10001 } -- the values of each outcome are below
  local all = rows(rules, "from:2 asks:1 flags:1 outcome:1 value:2", function(one)
    one.number, one.wiki = row, one.flags - band(one.flags, DEBUG)
    need(one.from + one.asks <= predicates, "rule N has predicates that are not there")
    need(one.value < (limits[one.outcome] or 0), "rule N has an unknown outcome")
    need(one.wiki <= BODY and (one.wiki == 0 or one.outcome == DEPLOYMENT), "rule N has flags that make no sense")
    need(one.wiki ~= BODY or job_field, "rule N reads bodies, and JOBS names no field")
  end)
  -- Headers whose copies are read.
  T.interest = { ["x-forwarded-for"] = has_header["x-forwarded-for"], cookie = has_header.cookie }
  local names_of = { [HEADER] = headers, [COOKIE] = strings, [QUERY] = strings }
  local asks = rows(predicates, "subject:1 code:1 named:2 value:2 values:2", function(one)
    local subject, test, names, values = one.subject, one.code % 128, names_of[one.subject], {}
    local name, least_of_test = names and names[one.named], LEAST[test]
    need((TESTS[subject] or NOTHING)[test], "predicate N is unknown to this reader")
    need(names and (name or "") ~= "" or not names and one.named == NONE, "predicate N has no proper name")
    need(subject ~= COOKIE or has_header.cookie, "predicate N is about a cookie, and HDRS has no cookie")
    if subject == HEADER then T.interest[name] = true end
    need(test ~= SHARE or one.values <= 10000, "predicate N has a share of more than all")
    local is_enough = one.values >= least_of_test and (least_of_test > 0 or one.values == 0)
    need(test == SHARE or is_enough, "predicate N has too few values, or too many")
    for n = 1, test == SHARE and 1 or one.values do values[n] = text(one.value + n - 1) end
    one.holds, one.is_negated = predicate(subject, test, name, values, one.values), one.code > 127
    one.is_of_client = subject == HEADER or subject == COOKIE or subject == CLIENT
  end)
  for i = 0, rules - 1 do
    all[i].asks = in_order(asks, all[i].from, all[i].asks)
    for _, one in ipairs(all[i].asks) do all[i].is_of_client = all[i].is_of_client or one.is_of_client end
  end

  enter("LSTN", 4)
  local listeners, cookie, is_taken = u(2, 256, "has too many listeners"), u(2), { [""] = true }
  need(listeners > 0, "has no listener")
  exactly(4 + 20 * listeners)
  T.share_cookie = strings[cookie]
  need(cookie == NONE or (T.share_cookie or "") ~= "", "has no proper name of the share's cookie")
  need(cookie == NONE or has_header.cookie, "cuts shares by a cookie, and HDRS has no cookie")
  -- A range of rules with such outcomes.
  local function range(...)
    local from, count, allowed = u(2), u(2), set_of { ... }
    need(from + count <= rules, "listener N has rules that are not there")
    for i = from, from + count - 1 do
      need(allowed[all[i].outcome], "listener N has rules of a kind that is not allowed there")
    end
    return in_order(all, from, count)
  end
  T.listeners = rows(listeners, "name:2", function(one)
    local is_named = one.name ~= NONE
    one.name = strings[one.name]
    need(not is_named and listeners == 1 or one.name and not is_taken[one.name], "listener N has no name of its own")
    is_taken[one.name or ""], one.is_internal = true, u(1, 1, "listener N has an unknown flag") == 1
    one.datacentre, one.deployment = text(u(2), true), u(2, deployments - 1, "listener N has no such deployment")
    one.hops = uint(at + 12, 1) -- after the rules
    need(one.is_internal or one.hops == 0, "listener N is an edge and trusts hops")
    one.routes, one.assets, one.reads = range(DEPLOYMENT, PASS, REPLY), range(RELEASE), range(READ_ONLY)
    one.otherwise = { number = -1, outcome = DEPLOYMENT, value = one.deployment, flags = 0, wiki = 0 }
    at = at + 1
  end)

  local is_emitted, has_kind = {}, {}
  T.emit = list("EMIT", 6, 2, "kind:1 name:1", function(one)
    local kind, name = KINDS[one.kind], headers[one.name]
    need(kind and not has_kind[kind], "header N is of a kind that is unknown or occurs twice")
    need(name and not is_emitted[name], "header N is not in HDRS, or occurs twice")
    need(not NEVER_EMITTED[name], "header N has no proper name")
    one.kind, one.name, has_kind[kind], is_emitted[name] = kind, name, true, true
  end)
  need(has_kind.cluster, "has no header for the cluster")

  enter("CANO", 6) -- no answer here depends on it
  local canonical, exceptions = u(2, 64, "has too many rules"), u(4)
  exactly(6 + 5 * canonical + 8 * exceptions)
  rows(canonical, "tail:s suffix:s", function() u(1, 1, "rule N has an unknown flag") end)
  last = -1
  rows(exceptions, "slot:4 value:4", function(one)
    need(one.slot > last, "exception N is out of order")
    local is_there = one.value == NO_DESTINATION or one.value < canonical or hosts.value(one.value - canonical)
    need(is_there and wikis.value(one.slot), "exception N is out of bounds")
    last = one.slot
  end)
  for _, name in ipairs { "rewrites", "patterns", "listeners", "emit" } do T[name] = in_order(T[name]) end
  return T
end

-- ---- From a request to a decision -----------------------------------------------------------------------------------

local function rewrite(T, asked)
  for _, one in ipairs(T.rewrites) do
    local found = match(asked.host, one.shape)
    if found and one.of_path then
      local segment, path = match(asked.target, "^/([^/?]+)(/[^?]*)")
      if segment and not asked.is_carried and begins(path .. "/", one.to .. "/") then
        asked.host, asked.is_address = host_of(segment)
        asked.target, asked.is_carried = sub(asked.target, #segment + 2), true
      end
    elseif found then
      local rest, labels = gsub("." .. found, "%.[^.]+", "")
      if rest == "" and labels == one.labels then
        asked.host = found .. one.to
        return
      end
    end
  end
end

local function find_wiki(T, key, flags)
  return T.wikis.find(has(flags, DASHES) and gsub(key, "-", "_") or key) or MISSING
end

-- The wiki that a form of path names. @param texts the path, whether it has its `%2F`, the target
local function wiki_of_form(T, form, texts)
  local is_target, is_closed, is_lower = has(form.flags, TARGET), has(form.flags, CLOSED), has(form.flags, LOWER)
  local text, key = is_target and texts.target or texts.path, ""
  local is_kept = texts.is_kept and not is_target
  if is_kept and find(match(text, "^" .. ("/?[^/]*"):rep(form.segments)), "%%2[Ff]") then return TWO_WIKIS end
  local segments = { match(is_closed and text or text .. "/", "^" .. ("/([^/]*)"):rep(form.segments) .. "/") }
  for i = 1, form.segments do
    if not segments[i] or (form.literals[i] or segments[i]) ~= segments[i] then return UNKNOWN end
  end
  for _, segment in ipairs(form.parts) do
    local piece = is_lower and lower(segments[segment + 1]) or segments[segment + 1]
    for i = form.from, form.to do
      local one = T.replacements[i]
      if one.segment == segment and one.from == piece then
        piece = one.to
        break
      end
    end
    key = key .. piece
  end
  return find_wiki(T, key, form.flags)
end

-- The wiki of a destination, or why there is none.
local function follow(T, to, texts)
  if to < T.wikis.slots then return to end
  local form = T.forms[to - T.wikis.slots]
  local found = form and wiki_of_form(T, form.form or form, texts) or MISSING
  return found < 0 and form and form.wiki or found
end

local function look_up(T, host, texts)
  local exact = T.hosts.find(host)
  if exact then return follow(T, T.hosts.value(exact), texts) end
  for _, one in ipairs(T.patterns) do
    local stem, family -- most hosts end otherwise, which is seen faster
    if ends(host, one.suffix) then stem, family = match(host, one.shape) end
    if stem then
      local found = one.to == NO_DESTINATION and UNKNOWN or follow(T, one.to, texts)
      if found >= 0 or one.kind == FIXED then return found end
      return find_wiki(T, stem .. (family or one.tail), one.flags)
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
  return (other == found or other < 0 and found < 0) and found or TWO_WIKIS
end

local function first_rule(rules, asked)
  for _, rule in ipairs(rules) do
    local failed
    for _, one in ipairs(rule.asks) do
      failed = one.holds(asked) == one.is_negated
      if failed then break end
    end
    if not failed then return rule end
  end
end

-- Who asks: on an internal listener by the word of our own proxies, counted from the right.
local function client_of(listener, asked)
  local copies, entries = listener.is_internal and asked.headers["x-forwarded-for"] or NOTHING, {}
  for entry in concat(copies, ","):gmatch("[^, \t][^,]*") do entries[#entries + 1] = trim(entry) end
  return entries[#entries - listener.hops] or asked.client
end

-- What becomes of a request: { kind = "route", … }, { kind = "reply", … } or { kind = "pass" }.
-- @param asked authority, target, method, client, and headers: of those in T.interest, every copy by name
local function decide(T, listener, asked, is_secondary)
  asked.host, asked.is_address = host_of(asked.authority)
  rewrite(T, asked)
  asked.raw_path = match(asked.target, "^[^?]*")
  asked.path, asked.client = normalised(asked.raw_path), client_of(listener, asked)
  local route = first_rule(listener.routes, asked) or listener.otherwise
  local answer = { kind = "route", rule = route.number, is_debug = has(route.flags, DEBUG) }
  local function ends_with(kind, reply)
    answer.kind, answer.status, answer.body = kind, reply.status, reply.body
    return answer
  end
  if route.outcome == REPLY then return ends_with("reply", T.replies[route.value]) end
  if route.outcome == PASS then return ends_with("pass", NOTHING) end
  local deployment, slot = route.value, route.wiki == NO_WIKI and UNKNOWN or wiki_of(T, asked)
  local placement, wikiless = T.placements[T.wikis.value(slot)], NOTHING
  if route.wiki == 0 then
    if placement and placement.is_missing then slot, placement = NOT_INSTALLED, nil end
    if not placement then answer.why, wikiless = slot, T.wikiless[slot] end
  end
  local asset = slot ~= TWO_WIKIS and route.wiki ~= BODY and first_rule(listener.assets, asked)
  if wikiless.reply and not asset then return ends_with("reply", wikiless.reply) end
  -- A cache that goes by the URL must not hand the answer to everybody.
  answer.is_private = answer.is_debug or asset and asset.is_of_client
  local release = asset and asset.value or (placement or wikiless).release or T.default
  local read_only = is_secondary and T.deployments[deployment].read_only
  local read = read_only and first_rule(listener.reads, asked)
  if read and is_in_share(asked, "", COOKIE, T.share_cookie, read.value) then deployment = read_only end
  answer.wiki, answer.group = placement and T.wikis.key(slot) or nil, placement and placement.group or nil
  answer.release, answer.version = T.releases[release].name, T.releases[release].version
  answer.deployment = T.deployments[deployment].name
  answer.cluster = T.clusters[deployment * T.releases.count + release].name
  return answer
end

-- ---- In Traffic Server: each of its Lua states has a table of its own -----------------------------------------------

local options, stats, looked = {}, {}, nil
local served, addresses = nil, NOTHING -- a table, and of each cluster its origin
local WHY = { [UNKNOWN] = "unknown_hosts", [MISSING] = "missing_wikis", [NOT_INSTALLED] = "not_installed_wikis",
  [TWO_WIKIS] = "two_wikis_paths" }

-- Changes a counter or gauge of ATS's, which all states share; ATS may have no room for one more.
local function change(name, how, number)
  stats[name] = stats[name] or ts.stat_create("pointsman." .. name, TS_LUA_RECORDDATATYPE_INT,
    TS_LUA_STAT_NON_PERSISTENT, TS_LUA_STAT_SYNC_SUM)
  if stats[name].id >= 0 then stats[name][how](stats[name], number) end
end

local function count(name) change(name, "increment", 1) end
local function gauge(name, value) change(name .. ".listener." .. (options.listener or ""), "set_value", value) end
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

-- Of each cluster its origin; of "-" that of requests which pass through, of "*" that of every other cluster.
local function addresses_in(text)
  local of = {}
  for i, line in ipairs(split(text, "\n")) do
    local name, scheme, host, port = match(line, "^%s*(%S+)%s+(https?)://([^%s/]+):(%d+)%s*$")
    if name then of[name] = { scheme = scheme, host = host, port = tonumber(port) }
    elseif find(line, "^%s*[^%s#]") then refuse(CONTENT, "line ", i) end
  end
  return of
end

local FILES = {
  { name = "addresses", peek = "*a", take = function(text) addresses = addresses_in(text) end },
  { name = "table", peek = 36, take = function(bytes) served = table_for(bytes) end },
}

-- Takes up a file that has changed; one that is refused leaves the old one in force, and the log says why, once.
-- @param file `peek`: how much of it tells whether it is the one in force; `take` raises { code, sentence }
local function look_at(file)
  local path = options[file.name]
  local opened, why = io.open(path, "rb")
  local beginning = opened and (opened:read(file.peek) or "")
  local is_same = opened and beginning == file.in_force
  local seen = is_same or opened and beginning .. (opened:read("*a") or "") or why
  if opened then opened:close() end
  if seen == file.seen then return end
  file.seen = seen
  local is_taken, problem = is_same, nil
  if not is_same then
    is_taken, problem = pcall(opened and file.take or refuse, opened and seen or DAMAGED, "cannot be read: ", why)
  end
  if is_taken then
    file.in_force = beginning
  else
    problem = type(problem) == "table" and problem or { code = CONTENT, sentence = tostring(problem) }
    ts.error("pointsman: " .. file.name .. " refused: " .. path .. ": " .. problem.sentence)
  end
  if file.name ~= "table" then return end
  gauge("refused", is_taken and 0 or problem.code)
  if is_taken then gauge("generation", served.generation)
  else count("tables_refused.listener." .. (options.listener or "")) end
end

local function look(now)
  looked, stats = now, {}
  for _, file in ipairs(FILES) do look_at(file) end
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
  look(ts.now())
  return 0
end

function do_remap()
  local now = ts.now()
  if now < looked or now - looked >= 1 then look(now) end
  if not served then return reply(503, "there is no table\n", "without_table") end
  local asked = read_request(served)
  if asked.is_forged then return reply(400, "Connection names a header that only proxies set\n", "forged") end
  local answer = decide(served, served.listener, asked, served.is_secondary)
  if answer.why then count(WHY[answer.why]) end
  if answer.is_debug then count("debug") end
  if answer.kind == "reply" then return reply(answer.status, answer.body, "replies") end
  local address = addresses[answer.cluster or "-"] or answer.cluster and addresses["*"]
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
