/** The functions in Lua that a generated filter calls. */
import { SHARE_WHOLE } from "../scripts/plan.ts";
import { TEXT_HASH } from "../scripts/table/hash.ts";

export const HELPERS = `local find, sub, byte, lower, gsub, match = string.find, string.sub, string.byte, string.lower, string.gsub, string.match
local char, format, rep, tonumber = string.char, string.format, string.rep, tonumber
local band, bxor, lshift, rshift, tobit = bit.band, bit.bxor, bit.lshift, bit.rshift, bit.tobit

local function decode(text)
  return (gsub(gsub(text, "+", " "), "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end))
end

-- Percent-decoded, // as /, without dot segments.
local function normal(path)
  path = gsub(path, "%%(%x%x)", function(digits) return char(tonumber(digits, 16)) end)
  path = gsub(path, "/+", "/")
  if not find(path, "/.", 1, true) then return path end
  local kept, count = {}, 0
  local closed = true
  for segment in string.gmatch(path, "[^/]+") do
    closed = segment == "." or segment == ".."
    if segment == ".." then count = count > 0 and count - 1 or 0
    elseif segment ~= "." then count = count + 1; kept[count] = segment end
  end
  local text = "/" .. table.concat(kept, "/", 1, count)
  if count > 0 and (closed or byte(path, -1) == 47) then text = text .. "/" end
  return text
end

-- Whether PHP may call a decoded name so.
local function called(own, name)
  own = match(own, "^ *([^%z]*)")
  local variable = gsub(own, "[ .[]", "_")
  return variable == name or (sub(variable, 1, #name) == name and byte(own, #name + 1) == 91)
end

-- The next value of a parameter from a place on, and the place after it; nil: no more.
local function parameter(query, name, from)
  local length = #query
  while from <= length do
    local stop = find(query, "&", from, true) or length + 1
    local equals = find(query, "=", from, true)
    if not equals or equals > stop then equals = stop end
    local own = sub(query, from, equals - 1)
    if own == name or (find(own, "[%%+ .[]") and called(decode(own), name)) then
      local value = sub(query, equals + 1, stop - 1)
      if find(value, "[%%+]") then value = decode(value) end
      return value, stop + 1
    end
    from = stop + 1
  end
end

local function cookie(text, name, from)
  while true do
    local start, stop = find(text, name, from, true)
    if not start then return nil end
    local before = start == 1 and 59 or byte(text, start - 1)
    if before == 32 and start > 2 then before = byte(text, start - 2) end
    if before == 59 and byte(text, stop + 1) == 61 then
      local finish = find(text, ";", stop + 2, true) or #text + 1
      return sub(text, stop + 2, finish - 1), finish
    end
    from = stop + 1
  end
end

-- A product of two u32, as a u32.
local function mul(a, b)
  return tobit(band(a, 65535) * b % 4294967296 + lshift(tobit(rshift(a, 16) * b % 4294967296), 16))
end

-- Whether the hash of a text, or of the client's address where there is none, is among the first of 10000 parts.
local function is_in_share(text, client, salt, share)
  text = salt .. ((text and text ~= "") and text or client)
  local h = ${TEXT_HASH.seed}
  for i = 1, #text do h = mul(bxor(h, byte(text, i)), ${TEXT_HASH.step}) end
  h = mul(bxor(h, rshift(h, 16)), ${TEXT_HASH.mix1})
  h = mul(bxor(h, rshift(h, 13)), ${TEXT_HASH.mix2})
  h = bxor(h, rshift(h, 16)) % 4294967296
  return h * ${SHARE_WHOLE} / 4294967296 < share
end

-- The digits of an address, of which a network is a beginning.
local function digits(address)
  local a, b, c, d = match(address, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then return format("4%02x%02x%02x%02x", a, b, c, d) end
  local head, tail = match(address, "^(.-)::(.*)$")
  local function groups(text)
    return (gsub(gsub(text or "", "%x+", function(g) return format("%04x", tonumber(g, 16)) end), ":", ""))
  end
  head, tail = groups(head or address), groups(tail)
  return "6" .. head .. rep("0", 32 - #head - #tail) .. tail
end

-- The option of a header that is a list of \`name\` and \`name=value\` between \`;\`.
local function option(text, name)
  local first = match(text, "^%s*([^;]-)%s*$") or match(text, "^%s*([^;]-)%s*;")
  for part in string.gmatch(text, "[^;]+") do
    local own, value = match(part, "^%s*([^=]-)%s*=%s*(.-)%s*$")
    if own == name then return value end
  end
  if first and not find(first, "=", 1, true) then return first end
end
`;
