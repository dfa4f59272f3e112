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
local byte, sub, find, gsub, match, lower = string.byte, string.sub, string.find, string.gsub, string.match, string.lower
local floor, concat, format = math.floor, table.concat, string.format
ffi.cdef("int inet_pton(int family, const char *text, void *address);")

local NONE, NO_DESTINATION, U32 = 0xffff, 0xffffffff, 2 ^ 32
local DEPLOYMENT, PASS, RELEASE, REPLY, READ_ONLY = 1, 2, 3, 4, 5 -- outcomes
local NO_WIKI, BODY, DEBUG = 1, 2, 4 -- flags of a rule
local UNKNOWN, MISSING, NOT_INSTALLED, TWO_WIKIS = -1, -2, -3, -4 -- why there is no slot of WIKI
local HOST, HEADER, COOKIE, QUERY, CLIENT, IS_ADDRESS = 1, 4, 5, 6, 7, 8 -- subjects, and one for TEST_ADDRESS
local EXACT, PREFIX, SUFFIX, UNDER, ADDRESS, PRESENT, CONTAINS, OPTION, SHARE = 1, 2, 3, 4, 5, 6, 7, 8, 9 -- tests
local DAMAGED, LAYOUT, CONTENT, NO_LISTENER = 2, 3, 4, 5 -- why a table is refused: docs/operations.md
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
  local a, b, length = tobit(seed), bxor(seed, 0x9e3779b9), #key
  for i = 1, length - 3, 4 do
    local c, d, e, f = byte(key, i, i + 3)
    local word = c + d * 2 ^ 8 + e * 2 ^ 16 + f * 2 ^ 24
    a, b = multiply(bxor(a, word), 0x9e3779b1), multiply(bxor(b, word), 0x2c1b3c6d)
    a, b = bxor(a, rshift(a, 15)), bxor(b, rshift(b, 15))
  end
  local c, d, e = byte(key, length - length % 4 + 1, length)
  local word = (c or 0) + (d or 0) * 2 ^ 8 + (e or 0) * 2 ^ 16
  a, b = multiply(bxor(a, word), 0x9e3779b1), multiply(bxor(b, word), 0x2c1b3c6d)
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

local function host_of(authority)
  local text = lower(authority)
  if byte(text) == 91 then return text, true end
  local host = gsub(gsub(text, ":%d*$", ""), "%.$", "")
  return host, host == "" or find(host, "^%d%d?%d?%.%d%d?%d?%.%d%d?%d?%.%d%d?%d?$") ~= nil
end

-- An address in digits, of which a network is a beginning; nil of what is none.
local function digits_of(text)
  local is_six = find(text, ":", 1, true)
  local address = ffi.new("uint8_t[16]")
  local before = find(text, "%z") and "" or is_six and match(text, "^[^%%]*") or text
  if ffi.C.inet_pton(is_six and 10 or 2, before, address) ~= 1 then return nil end
  local digits = gsub(ffi.string(address, is_six and 16 or 4), ".", function(c) return format("%02x", byte(c)) end)
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

-- PHP reads a name up to a NUL, without blanks before it, and makes a variable of it.
local function parameters_of(asked)
  local query = match(asked.target, "^[^#]*", #asked.raw_path + 2)
  local list = pairs_in(query, "&", function(text) return decoded((gsub(text, "%+", " "))) end)
  for _, one in ipairs(list) do
    one.read = match(one[1], "^ *([^%z]*)")
    one[1] = gsub(one.read, "[ .[]", "_")
  end
  return list
end

-- Every text of that part of the request.
local function texts_of(asked, subject, name)
  if subject == HEADER then return asked.headers[name] or NOTHING end
  if subject == CLIENT then asked[CLIENT] = asked[CLIENT] or { digits_of(asked.client) } end
  if subject == COOKIE and not asked[COOKIE] then
    asked[COOKIE] = pairs_in(concat(asked.headers.cookie or NOTHING, ";"), ";", trim)
  end
  if subject == QUERY and not asked[QUERY] then asked[QUERY] = parameters_of(asked) end
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
    local wanted = set_of { unpack(values, 2) }
    return function(asked) return wanted[option_in(texts_of(asked, subject, name), values[1])] == true end
  end
  if test == ADDRESS then subject = IS_ADDRESS end
  local known, fits = set_of(values), FITS[test]
  local from = subject == HOST and test == SUFFIX and 2 or 1 -- something stands before a host's suffix
  return function(asked)
    for _, text in ipairs(texts_of(asked, subject, name)) do
      if test == EXACT and known[text] or test == ADDRESS or test == PRESENT then return true end
      for i = 1, fits and #values or 0 do
        if fits(from == 2 and sub(text, 2) or text, values[i]) then return true end
      end
    end
    return false
  end
end

-- ---- A table, checked while it is read ------------------------------------------------------------------------------

local SECTIONS = {
  "STRS", "STEM", "WIKI", "HOST", "RWRT", "PATT", "PATH", "HDRS", "RULE", "LSTN", "REPL", "DEPL", "RLSE", "EMIT", "JOBS", "CANO",
}
local IS_SECTION = set_of(SECTIONS)
local NEVER_EMITTED = set_of {
  "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
}
local KINDS = { [0] = "cluster", "release", "wiki", "group", "version", "deployment" }
-- The outcomes of rules of routes, assets and reads.
local ALLOWED = { set_of { DEPLOYMENT, PASS, REPLY }, set_of { RELEASE }, set_of { READ_ONLY } }

local function refuse(code, ...) error({ code = code, sentence = concat({ ... }) }, 0) end

local function need(condition, section, ...)
  if not condition then refuse(CONTENT, "section ", gsub(section, "[^!-~]", "?") .. " ", ...) end
end

-- A table of these bytes. Raises { code, sentence }: the sentence says what is wrong and where.
local function open(bytes)
  local T, start, size, strings, string_count = { bytes = bytes }, {}, {}, {}, 0
  local function uint(at, width)
    local number = 0
    for i = at + width, at + 1, -1 do number = number * 256 + byte(bytes, i) end
    return number
  end
  -- Numbers that lie one after the other, and where they end. @param widths their bytes, a digit each
  local function read(at, widths)
    local numbers = {}
    for i = 1, #widths do
      local width = byte(widths, i) - 48
      numbers[i], at = uint(at, width), at + width
    end
    return unpack(numbers)
  end
  local function width_of(widths)
    local sum = 0
    for digit in widths:gmatch(".") do sum = sum + digit end
    return sum
  end
  local function rows(at, count, widths, each)
    local width = width_of(widths)
    for i = 0, count - 1 do each(i, read(at + i * width, widths)) end
    return at + count * width
  end
  local function exactly(section, length) need(size[section] == length, section, "is not as long as its entries") end
  local function room(section, length) need(size[section] >= length, section, "is cut short") end
  -- Where the section lies, and the numbers at its beginning. @param ... of each of them the most, and what there are
  local function head(section, widths, ...)
    room(section, width_of(widths))
    for i = 1, select("#", ...), 2 do
      local most, what = select(i, ...)
      local number = select((i + 1) / 2, read(start[section], widths))
      need(number <= most, section, "has too many ", what)
    end
    return start[section], read(start[section], widths)
  end
  local function list(section, width, widths, most, what, each)
    local at, count = head(section, tostring(width), most, what)
    exactly(section, width + width_of(widths) * count)
    rows(at + width, count, widths, each)
    return count
  end
  -- The text of a string's number; nil of NONE, where that is allowed.
  local function text(section, number, may_be_none)
    need(number < string_count or may_be_none and number == NONE, section, "refers to a string that is not there")
    return strings[number]
  end
  local function printable(section, at, stop)
    local found = find(bytes, "[^ -~]", at + 1)
    need(not found or found > stop, section, "holds a byte that is not printable ASCII")
  end

  if #bytes < 36 then refuse(DAMAGED, #bytes, " bytes: too short for a table") end
  local _, checksum, length, version, sections, generation = read(0, "444224")
  if not begins(bytes, "PNTS") then refuse(DAMAGED, 'does not begin with "PNTS": not a table') end
  if version ~= 5 then refuse(LAYOUT, "layout version ", version, ": this reader knows 5") end
  if #bytes > 67108864 then refuse(DAMAGED, #bytes, " bytes: too large for a table") end
  if length ~= #bytes then refuse(DAMAGED, #bytes, " bytes, but its header says ", length, ": cut short or padded") end
  if checksum ~= crc32(bytes, 9) then refuse(DAMAGED, "the checksum is wrong: the table is damaged") end
  local body = 36 + 12 * sections
  if sections > 64 or body > #bytes then refuse(CONTENT, sections, " sections: too many") end
  rows(36, sections, "444", function(i, _, from, room_of_it)
    local name = sub(bytes, 37 + 12 * i, 40 + 12 * i)
    need(from >= body and from <= #bytes and room_of_it <= #bytes - from, name, "lies outside the table")
    need(not start[name], name, "occurs twice")
    need(IS_SECTION[name] or band(byte(name), 0x20) ~= 0, name, "is unknown to this reader")
    start[name], size[name] = from, room_of_it
  end)
  for _, name in ipairs(SECTIONS) do need(start[name], name, "is missing") end
  T.head, T.generation, T.digest = sub(bytes, 1, 36), generation, gsub(sub(bytes, 21, 36), ".", function(c) return format("%02x", byte(c)) end)

  local at, count = head("STRS", "4", 65535, "strings")
  room("STRS", 4 + 4 * count)
  local first, last, stop = at + 4 + 4 * count, 0, size.STRS - 4 - 4 * count
  rows(at + 4, count, "4", function(i, to)
    need(to >= last and to <= stop and to - last <= 255, "STRS", "string ", i, " is out of bounds")
    strings[i], last = sub(bytes, first + last + 1, first + to), to
  end)
  need(last == stop, "STRS", "has bytes left over")
  printable("STRS", first, first + last)
  string_count = count

  at, count = head("STEM", "4", 256, "groups")
  room("STEM", 4 + 4 * count)
  local groups, stems, least = {}, 0, 0
  first, stop = at + 4 + 4 * count, at + 4 + 4 * count
  rows(at + 4, count, "4", function(i, group)
    local one = { width = group % 256, count = floor(group / 256), first = stems, at = stop }
    need(one.count <= 16777215 - stems, "STEM", "has too many stems")
    need(one.width >= least, "STEM", "has groups that are not in order")
    groups[i + 1], stems, stop, least = one, stems + one.count, stop + one.count * one.width, one.width + 1
  end)
  need(stop == at + size.STEM, "STEM", "is not as long as its stems")
  printable("STEM", first, stop)

  T.replies, T.releases, T.placements, T.wikiless = {}, {}, {}, {}
  local replies = list("REPL", 2, "22", 64, "replies", function(i, status, reply)
    need(status >= 400 and status <= 599, "REPL", "reply ", i, " has no proper status")
    T.replies[i] = { status = status, body = text("REPL", reply) }
  end)

  local releases, placements
  at, releases, T.default, placements = head("RLSE", "222121212", 256, "releases", NONE, "", 4096, "placements")
  exactly("RLSE", 15 + 4 * releases + 5 * placements)
  need(T.default < releases, "RLSE", "has no such default release")
  rows(at + 6, 3, "12", function(i, outcome, value)
    local is_there = outcome == RELEASE and value < releases or outcome == REPLY and value < replies
    need(is_there, "RLSE", "has no outcome for a request without a wiki")
    T.wikiless[-1 - i] = { outcome = outcome, value = value }
  end)
  at = rows(at + 15, releases, "22", function(i, name, runs)
    T.releases[i] = { name = text("RLSE", name), version = text("RLSE", runs) }
  end)
  rows(at, placements, "221", function(i, release, group, flags)
    need(release < releases, "RLSE", "placement ", i, " has no release")
    T.placements[i] = { release = release, group = text("RLSE", group, true), is_missing = flags == 1 }
    need(flags <= 1, "RLSE", "placement ", i, " has an unknown flag")
  end)

  local forms, elses, replacements, replaced = {}, {}, nil, nil
  at, forms.count, replacements, elses.count =
    head("PATH", "444", 65535, "forms", 65535, "replacements", 65535, "wikis beside forms")
  exactly("PATH", 12 + 19 * forms.count + 5 * replacements + 6 * elses.count)
  replaced = rows(at + 12, forms.count, "1111111222222", function(i, flags, segments, parts, a, b, c, d, from, number, ...)
    local form = { segments = segments, parts = { a, b, c, d }, literals = {}, from = from, to = from + number - 1 }
    local is_known = flags < 16 and segments >= 1 and segments <= 4 and parts >= 1 and parts <= 4
    for n = 1, 4 do
      local literal = select(n, ...)
      is_known = is_known and (n > parts or form.parts[n] < segments)
      is_known = is_known and (n > segments or literal == NONE or literal < string_count)
      form.parts[n], form.literals[n] = n <= parts and form.parts[n] or nil, n <= segments and strings[literal] or nil
    end
    need(is_known and from + number <= replacements, "PATH", "form ", i, " makes no sense")
    form.dashes, form.target = band(flags, 1) ~= 0, band(flags, 2) ~= 0
    form.closed, form.lower = band(flags, 4) ~= 0, band(flags, 8) ~= 0
    forms[i] = form
  end)
  rows(replaced, replacements, "122", function(_, _, from, to) return text("PATH", from), text("PATH", to) end)
  -- What the first of a form's replacements that fits puts in place of a segment's text.
  function T.replace(form, segment, found)
    for i = form.from, form.to do
      local of, from, to = read(replaced + 5 * i, "122")
      if of == segment and strings[from] == found then return strings[to] end
    end
    return found
  end

  -- WIKI and HOST. Of an entry, `bits` bits from bit `shift` on.
  local function field(set, slot, shift, bits)
    local place, width = set.entries + slot * set.width, set.width
    local low, high = uint(place, width < 4 and width or 4), width > 4 and uint(place + 4, width - 4) or 0
    if shift >= 32 then return floor(high / 2 ^ (shift - 32)) % 2 ^ bits end
    if bits <= 32 - shift then return floor(low / 2 ^ shift) % 2 ^ bits end
    return floor(low / 2 ^ shift) + high % 2 ^ (bits - 32 + shift) * 2 ^ (32 - shift)
  end
  local function is_filled(set, slot) return slot < set.slots and field(set, slot, 0, set.stem_bits) ~= set.empty end
  function T.value(set, slot) return field(set, slot, set.stem_bits + set.suffix_bits, set.value_bits) end
  local function keys(section, values)
    local set, filled, from, keys_of_it = { values = values }, 0, nil, nil
    from, keys_of_it, set.slots, set.buckets, set.seed, set.displacement, set.width, set.stem_bits, set.suffix_bits, set.first,
      set.suffixes = head(section, "4444111122")
    need(keys_of_it <= 8388608 and keys_of_it <= set.slots and set.slots <= 2 * keys_of_it and set.buckets <= set.slots
      and (set.slots == 0 or set.buckets > 0), section, "has impossible sizes")
    need(set.displacement == 1 or set.displacement == 2 or set.displacement == 4, section, "has impossible displacements")
    set.value_bits, set.empty = 8 * set.width - set.stem_bits - set.suffix_bits, 2 ^ set.stem_bits - 1
    need(set.width >= 1 and set.width <= 8 and set.value_bits >= 1 and set.value_bits <= 32 and set.stem_bits >= 1
      and set.stem_bits <= 24 and set.suffix_bits >= 1 and set.suffix_bits <= 16, section, "has impossible entries")
    need(set.first + set.suffixes <= string_count, section, "has suffixes that are no strings")
    set.displacements, set.entries = from + 24, from + 24 + set.buckets * set.displacement
    exactly(section, 24 + set.buckets * set.displacement + set.slots * set.width)
    for slot = 0, set.slots - 1 do
      local stem = field(set, slot, 0, set.stem_bits)
      if stem ~= set.empty then
        local suffix = field(set, slot, set.stem_bits, set.suffix_bits)
        local is_sound = stem < stems and suffix < set.suffixes and T.value(set, slot) < values
        need(is_sound, section, "entry ", slot, " is out of bounds")
        filled = filled + 1
      end
    end
    need(filled == keys_of_it, section, "does not have as many keys as it says")
    return set
  end
  local wikis = keys("WIKI", placements)
  local hosts = keys("HOST", wikis.slots + forms.count + elses.count + 1)
  T.wikis, T.hosts, T.forms, T.elses = wikis, hosts, forms, elses
  -- Of a slot that is filled.
  function T.key(set, slot)
    local stem, suffix = field(set, slot, 0, set.stem_bits), field(set, slot, set.stem_bits, set.suffix_bits)
    for _, group in ipairs(groups) do
      local place = group.at + (stem - group.first) * group.width
      if stem < group.first + group.count then
        return sub(bytes, place + 1, place + group.width) .. strings[set.first + suffix]
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
  local function leads(section, to)
    local is_there = to >= wikis.slots and to < hosts.values or is_filled(wikis, to)
    need(is_there, section, "leads to a wiki that is not there")
  end
  rows(start.PATH + size.PATH - 6 * elses.count, elses.count, "24", function(i, form, wiki)
    need(form < forms.count and is_filled(wikis, wiki), "PATH", "wiki beside a form ", i, " is not there")
    elses[i] = { form = forms[form], wiki = wiki }
  end)
  for slot = 0, hosts.slots - 1 do
    if is_filled(hosts, slot) then leads("HOST", T.value(hosts, slot)) end
  end

  T.rewrites, T.patterns = {}, {}
  local has_suffix = false
  list("RWRT", 4, "12222", 64, "entries", function(i, kind, labels, from, to, prefix)
    need(kind <= 1, "RWRT", "entry ", i, " is of an unknown kind")
    need(kind == 0 or not has_suffix, "RWRT", "entry ", i, " comes after a suffix entry")
    has_suffix = kind == 0
    need(kind == 1 or labels > 0, "RWRT", "entry ", i, " has no labels")
    T.rewrites[i + 1] = { of_path = kind == 1, labels = labels, from = text("RWRT", from), to = text("RWRT", to),
      prefix = text("RWRT", prefix, true) or "" }
  end)
  list("PATT", 4, "112242", 256, "entries", function(i, kind, flags, suffix, tail, to, prefix)
    need(kind <= 2 and flags <= 1, "PATT", "pattern ", i, " is of an unknown kind")
    T.patterns[i + 1] = { kind = kind, dashes = flags == 1, suffix = text("PATT", suffix),
      tail = text("PATT", tail, kind ~= 1), prefix = text("PATT", prefix, true) or "", to = to }
    if kind == 0 then leads("PATT", to) end
    local is_form = to == NO_DESTINATION or to >= wikis.slots and to < wikis.slots + forms.count
    need(kind == 0 or is_form, "PATT", "pattern ", i, " has no such path form")
  end)

  T.deployments, T.clusters = {}, {}
  local deployments
  at, deployments = head("DEPL", "2", 256, "deployments")
  exactly("DEPL", 2 + 4 * deployments + 2 * deployments * releases)
  stop = rows(at + 2, deployments, "22", function(i, name, other)
    T.deployments[i] = { name = text("DEPL", name), read_only = other ~= NONE and other or nil }
    local is_proper = other == NONE or other < deployments and uint(at + 4 + 4 * other, 2) == NONE
    need(is_proper, "DEPL", "deployment ", i, " has no proper read-only deployment")
  end)
  rows(stop, deployments * releases, "2", function(i, name) T.clusters[i] = text("DEPL", name) end)

  local headers, has_header = {}, {}
  local header_count = list("HDRS", 4, "2", 32, "entries", function(i, number)
    local name = text("HDRS", number)
    need(find(name, "^[a-z0-9-]+$") and not has_header[name], "HDRS", "header ", i, " has no proper name")
    headers[i], has_header[name] = name, true
  end)

  exactly("JOBS", 15)
  local _, job_field, mode, limit, held, streams, seconds = head("JOBS", "214422")
  local has_jobs = text("JOBS", job_field, true) ~= nil
  need(mode <= 2, "JOBS", "has an unknown mode for Host")
  need(limit <= 16777216, "JOBS", "has too large a limit")
  need(held <= 1073741824, "JOBS", "holds too many bytes")
  need(held >= limit, "JOBS", "holds fewer bytes than one body may have")
  need(seconds <= 3600, "JOBS", "holds for too many seconds")
  need(not has_jobs or streams > 0 and seconds > 0, "JOBS", "holds no job")

  local rules, predicates
  at, rules, predicates = head("RULE", "44", 1024, "rules", 4096, "predicates")
  exactly("RULE", 8 + 7 * rules + 8 * predicates)
  local below, all, asks = { deployments, 65536, releases, replies, 10001 }, {}, {}
  at = rows(at + 8, rules, "21112", function(i, from, number, flags, outcome, value)
    need(from + number <= predicates, "RULE", "rule ", i, " has predicates that are not there")
    need(value < (below[outcome] or 0), "RULE", "rule ", i, " has an unknown outcome")
    local wiki = flags - band(flags, DEBUG)
    need(wiki <= BODY and (wiki == 0 or outcome == DEPLOYMENT), "RULE", "rule ", i, " has flags that make no sense")
    need(wiki ~= BODY or has_jobs, "RULE", "rule ", i, " reads bodies, and JOBS names no field")
    all[i] = { number = i, from = from, to = from + number - 1, flags = flags, outcome = outcome, value = value }
  end)
  -- Headers whose copies are read.
  T.interest = { ["x-forwarded-for"] = has_header["x-forwarded-for"], cookie = has_header.cookie }
  rows(at, predicates, "11222", function(i, subject, code, number, value, values)
    local test, name, wanted = band(code, 0x7f), nil, {}
    need((TESTS[subject] or NOTHING)[test], "RULE", "predicate ", i, " is unknown to this reader")
    if subject >= HEADER and subject <= QUERY then
      name = subject == HEADER and headers[number] or subject ~= HEADER and strings[number] or ""
    end
    need(name and name ~= "" or not name and number == NONE, "RULE", "predicate ", i, " has no proper name")
    need(subject ~= COOKIE or has_header.cookie, "RULE", "predicate ", i, " is about a cookie, and HDRS has no cookie")
    if test == SHARE then
      need(values <= 10000, "RULE", "predicate ", i, " has a share of more than all")
      wanted = text("RULE", value)
    else
      local least, most = test == OPTION and 2 or 1, 65535
      if test == ADDRESS or test == PRESENT then least, most = 0, 0 end
      need(values >= least and values <= most, "RULE", "predicate ", i, " has too few values, or too many")
      need(values == 0 or value + values <= string_count, "RULE", "refers to a string that is not there")
      for n = value, value + values - 1 do wanted[#wanted + 1] = strings[n] end
    end
    if subject == HEADER then T.interest[name] = true end
    asks[i] = { holds = predicate(subject, test, name, wanted, values), negated = code > 0x7f }
  end)
  for _, rule in pairs(all) do
    for i = rule.from, rule.to do rule[#rule + 1] = asks[i] end
  end

  T.listeners = {}
  local cookie
  at, count, cookie = head("LSTN", "22", 256, "listeners")
  need(count > 0, "LSTN", "has no listener")
  exactly("LSTN", 4 + 20 * count)
  T.share_cookie = strings[cookie]
  need(cookie == NONE or (T.share_cookie or "") ~= "", "LSTN", "has no proper name of the share's cookie")
  need(cookie == NONE or has_header.cookie, "LSTN", "cuts shares by a cookie, and HDRS has no cookie")
  local is_taken = { [""] = true }
  rows(at + 4, count, "21222222221", function(i, number, flags, datacentre, deployment, ...)
    local name, ranges, hops = strings[number], { {}, {}, {} }, select(7, ...)
    local is_named = number == NONE and count == 1 or name and not is_taken[name]
    need(is_named, "LSTN", "listener ", i, " has no name of its own")
    need(flags <= 1, "LSTN", "listener ", i, " has an unknown flag")
    datacentre = text("LSTN", datacentre, true)
    need(deployment < deployments, "LSTN", "listener ", i, " has no such deployment")
    need(flags == 1 or hops == 0, "LSTN", "listener ", i, " is an edge and trusts hops")
    for which, allowed in ipairs(ALLOWED) do
      local from, number_of_rules = select(2 * which - 1, ...)
      need(from + number_of_rules <= rules, "LSTN", "listener ", i, " has rules that are not there")
      for rule = from, from + number_of_rules - 1 do
        need(allowed[all[rule].outcome], "LSTN", "listener ", i, " has rules of a kind that is not allowed there")
        table.insert(ranges[which], all[rule])
      end
    end
    is_taken[name or ""] = true
    T.listeners[i + 1] = { name = name, is_internal = flags == 1, datacentre = datacentre, deployment = deployment,
      routes = ranges[1], assets = ranges[2], reads = ranges[3], hops = hops }
  end)

  T.emit = {}
  local is_emitted, has_kind = {}, {}
  list("EMIT", 4, "11", 6, "entries", function(i, kind, header)
    need(KINDS[kind] and not has_kind[kind], "EMIT", "header ", i, " is of a kind that is unknown or occurs twice")
    need(header < header_count and not is_emitted[header], "EMIT", "header ", i, " is not in HDRS, or occurs twice")
    need(not NEVER_EMITTED[headers[header]], "EMIT", "header ", i, " has no proper name")
    has_kind[kind], is_emitted[header], T.emit[i + 1] = true, true, { kind = KINDS[kind], name = headers[header] }
  end)
  need(has_kind[0], "EMIT", "has no header for the cluster")

  local canonical, exceptions -- no answer here depends on them
  at, canonical, exceptions = head("CANO", "24", 64, "rules")
  exactly("CANO", 6 + 5 * canonical + 8 * exceptions)
  at = rows(at + 6, canonical, "221", function(i, tail, suffix, flags)
    need(text("CANO", tail) and text("CANO", suffix) and flags <= 1, "CANO", "rule ", i, " has an unknown flag")
  end)
  last = -1
  rows(at, exceptions, "44", function(i, slot, value)
    need(slot > last, "CANO", "exception ", i, " is out of order")
    local is_there = value == NO_DESTINATION or value < canonical or is_filled(hosts, value - canonical)
    need(is_there and is_filled(wikis, slot), "CANO", "exception ", i, " is out of bounds")
    last = slot
  end)
  return T
end

-- ---- From a request to a decision -----------------------------------------------------------------------------------

local function rewrite(T, asked)
  for _, one in ipairs(T.rewrites) do
    if one.of_path and not asked.is_carried then
      local is_meant = asked.host == one.from
      if byte(one.from) == 46 then is_meant = #asked.host > #one.from and ends(asked.host, one.from) end
      local segment, path = match(asked.target, "^/([^/?]+)(/[^?]*)")
      if is_meant and segment and (one.to == "" or path == one.to or begins(path, one.to .. "/")) then
        asked.host, asked.is_address = host_of(segment)
        asked.target, asked.is_carried = sub(asked.target, #segment + 2), true
      end
    elseif not one.of_path and #asked.host >= #one.prefix + #one.from and begins(asked.host, one.prefix) and ends(asked.host, one.from) then
      local labels = sub(asked.host, #one.prefix + 1, #asked.host - #one.from)
      local _, dots = gsub(labels, "%.", "")
      if dots + 1 == one.labels and not find("." .. labels .. ".", "..", 1, true) then
        asked.host = labels .. one.to
        return
      end
    end
  end
end

local function find_wiki(T, key, dashes)
  return T.find(T.wikis, dashes and gsub(key, "-", "_") or key) or MISSING
end

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
  for _, i in ipairs(form.parts) do
    key = key .. T.replace(form, i, form.lower and lower(segments[i + 2]) or segments[i + 2])
  end
  return find_wiki(T, key, form.dashes)
end

local function follow(T, to, texts)
  local number, other = to - T.wikis.slots, MISSING
  if number < 0 then return to end
  local form = T.forms[number]
  if number >= T.forms.count then
    local pair = T.elses[number - T.forms.count]
    if not pair then return MISSING end
    form, other = pair.form, pair.wiki
    local found = wiki_of_form(T, form, texts)
    return (found >= 0 or found == TWO_WIKIS) and found or other
  end
  return wiki_of_form(T, form, texts)
end

local function look_up(T, host, texts)
  local exact = T.find(T.hosts, host)
  if exact then return follow(T, T.value(T.hosts, exact), texts) end
  for _, one in ipairs(T.patterns) do
    if ends(host, one.suffix) then
      local stem = sub(host, 1, #host - #one.suffix)
      if one.kind == 0 and stem ~= "" then return follow(T, one.to, texts) end
      if one.kind ~= 0 and begins(stem, one.prefix) then
        local key = sub(stem, #one.prefix + 1)
        local before, family = match(key, "^(.*)%.([a-z]+)$")
        if one.kind == 1 then key = key .. one.tail else key = before and before .. family end
        if key then
          local found = one.to == NO_DESTINATION and UNKNOWN or follow(T, one.to, texts)
          return (found >= 0 or found == TWO_WIKIS) and found or find_wiki(T, key, one.dashes)
        end
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

local function first_rule(rules, asked)
  for _, rule in ipairs(rules) do
    local holds = true
    for i = 1, #rule do
      holds = rule[i].holds(asked) ~= rule[i].negated
      if not holds then break end
    end
    if holds then return rule end
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
  asked[1], asked[2], asked[3], asked[IS_ADDRESS] = { asked.host }, { asked.path }, { asked.method }, { asked.is_address and "" or nil }
  local route = first_rule(listener.routes, asked) or { outcome = DEPLOYMENT, value = listener.deployment, flags = 0, number = -1 }
  local answer = { kind = "route", rule = route.number, is_debug = band(route.flags, DEBUG) ~= 0 }
  local function reply(one)
    answer.kind, answer.status, answer.body = "reply", one.status, one.body
    return answer
  end
  if route.outcome == REPLY then return reply(T.replies[route.value]) end
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
    if slot == TWO_WIKIS then return reply({ status = 400, body = "the request's path can be read as that of two wikis\n" }) end
    outcome = T.wikiless[slot]
  end
  local asset = not is_body and first_rule(listener.assets, asked)
  if outcome and outcome.outcome == REPLY and not asset then return reply(T.replies[outcome.value]) end
  local release = asset and asset.value or placement and placement.release or outcome and outcome.value or T.default
  local read_only = is_secondary and T.deployments[deployment].read_only
  local read = read_only and first_rule(listener.reads, asked)
  if read and is_in_share(asked, "", COOKIE, T.share_cookie, read.value) then deployment = read_only end
  answer.wiki, answer.group = placement and T.key(T.wikis, slot) or nil, placement and placement.group or nil
  answer.release, answer.version = T.releases[release].name, T.releases[release].version
  answer.deployment, answer.cluster = T.deployments[deployment].name, T.clusters[deployment * (#T.releases + 1) + release]
  return answer
end

-- ---- In Traffic Server: each of its Lua states has a table of its own -------------------------------------------------

local options, served, refused, addresses, looked, stats = {}, nil, nil, { text = "" }, nil, {}
local WHY = { [UNKNOWN] = "unknown_hosts", [MISSING] = "missing_wikis", [NOT_INSTALLED] = "not_installed_wikis",
  [TWO_WIKIS] = "two_wikis_paths" }

-- A counter or gauge of ATS's, which all states share; nil where ATS has no room for one more.
local function stat(name)
  stats[name] = stats[name] or ts.stat_create("pointsman." .. name, TS_LUA_RECORDDATATYPE_INT, TS_LUA_STAT_NON_PERSISTENT,
    TS_LUA_STAT_SYNC_SUM)
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
    if options.listener == nil or one.name == nil or one.name == options.listener then T.listener = T.listener or one end
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
  if is_same or (bytes or why) == refused then return end
  refused = bytes or why
  local is_taken, found = pcall(bytes and table_for or error, bytes or { code = DAMAGED, sentence = "cannot be read: " .. why })
  if is_taken then
    served, refused = found, nil
    gauge("generation", found.generation)
  else
    local sentence = type(found) == "table" and found.sentence or tostring(found)
    ts.error("pointsman: table refused: " .. options.table .. ": " .. sentence)
    count("tables_refused.listener." .. (options.listener or ""))
  end
  gauge("refused", is_taken and 0 or type(found) == "table" and found.code or CONTENT)
end

-- Of each cluster its origin; of "-" that of requests which pass through, of "*" that of every other cluster.
local function addresses_in(text)
  local all, line = { text = text }, 0
  for one in (text .. "\n"):gmatch("([^\n]*)\n") do
    line = line + 1
    local name, scheme, host, port = match(one, "^%s*(%S+)%s+(https?)://([^%s/]+):(%d+)%s*$")
    if name then all[name] = { scheme = scheme, host = host, port = tonumber(port) }
    elseif not find(one, "^%s*#") and not find(one, "^%s*$") then return nil, line end
  end
  return all
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
  ts.http.config_int_set(TS_LUA_CONFIG_HTTP_CACHE_HTTP, 0)
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
  local address = addresses[answer.kind == "pass" and "-" or answer.cluster] or answer.cluster and addresses["*"]
  if not address then return reply(503, "there is no address for this cluster\n", "without_address") end
  for _, one in ipairs(served.emit) do
    if answer[one.kind] then ts.client_request.header[one.name] = answer[one.kind] end
  end
  if answer.is_debug then say_in_response(served, answer) end
  count(answer.cluster and "requests.deployment." .. answer.deployment .. ".release." .. answer.release or "passed")
  ts.client_request.set_url_scheme(address.scheme)
  ts.client_request.set_url_host((gsub(address.host, "{(%l+)}", answer)))
  ts.client_request.set_url_port(address.port)
  return TS_LUA_REMAP_DID_REMAP
end

return { open = open, decide = decide, hash = hash, share_of = share_of }
