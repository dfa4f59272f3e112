-- The script for ATS outside of ATS: evaluates one line of input after the other, and prints what it gives as JSON.
local _ = require("ffi").load("libz.so.1", true) -- as in ATS, which is linked with it
local reader = dofile(arg[1])

local function json(value)
  if type(value) == "string" then
    return '"' .. value:gsub('[%c"\\\128-\255]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  end
  if type(value) ~= "table" then return value == nil and "null" or tostring(value) end
  local members = {}
  for name, one in pairs(value) do members[#members + 1] = json(name) .. ":" .. json(one) end
  return "{" .. table.concat(members, ",") .. "}"
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local opened
local known = {
  hash = function(key, seed)
    local a, b = reader.hash(key, seed)
    return { a = a, b = b }
  end,
  share = reader.share_of,
  -- Why the table is refused; nil: it is not.
  open = function(path, bytes)
    local is_taken, found = pcall(reader.open, bytes or read(path))
    opened = is_taken and found or nil
    return not is_taken and (type(found) == "table" and found.sentence or tostring(found)) or nil
  end,
  -- Of each key of a set that is not found where its hash says.
  lost = function(set, keys)
    local lost = {}
    for key in keys:gmatch("[^\n]+") do
      local slot = opened[set].find(key)
      if not slot or opened[set].key(slot) ~= key then lost[#lost + 1] = key end
    end
    return table.concat(lost, " ")
  end,
  decide = function(asked, listener, is_secondary)
    for _, one in ipairs(opened.listeners) do
      if listener == nil or one.name == nil or one.name == listener then
        local copies = {}
        for name in pairs(opened.interest) do copies[name] = asked.headers[name] end
        asked.headers = copies
        return reader.decide(opened, one, asked, is_secondary)
      end
    end
    error("no such listener")
  end,
}

for line in io.lines() do
  local chunk = assert(loadstring("return " .. line))
  setfenv(chunk, known)
  io.write(json(chunk()), "\n")
end
