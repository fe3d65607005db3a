-- Lists of networks, compared with the client's address as bytes.
local bit = require "bit"

local _M = {}

local function v4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and string.char(a, b, c, d)
end

local function groups(text)
  local out = {}
  for group in text:gmatch("[^:]+") do
    if group:find(".", 1, true) then
      out[#out + 1] = v4(group)
    else
      local value = tonumber(group, 16)
      out[#out + 1] = string.char(bit.rshift(value, 8), bit.band(value, 255))
    end
  end
  return table.concat(out)
end

-- An address as 4 or 16 bytes; nil when it is none.
function _M.parse(text)
  if not text:find(":", 1, true) then
    return v4(text)
  end
  local left, right = text:match("^(.-)::(.*)$")
  if not left then
    return groups(text)
  end
  local head, tail = groups(left), groups(right)
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

function _M.compile(list)
  local networks = {}
  for _, text in ipairs(list) do
    local address, length = text:match("^([^/]+)/?(%d*)$")
    local bytes = _M.parse(address)
    local bits = tonumber(length) or #bytes * 8
    local whole = math.floor(bits / 8)
    local mask = bits % 8 > 0 and bit.band(bit.lshift(0xff, 8 - bits % 8), 0xff) or 0
    networks[#networks + 1] = {
      size = #bytes,
      whole = whole,
      start = bytes:sub(1, whole),
      mask = mask,
      rest = mask > 0 and bit.band(bytes:byte(whole + 1), mask) or 0,
    }
  end
  return networks
end

-- `address` is binary; an IPv4 address within IPv6 counts as IPv4.
function _M.contains(networks, address)
  if #address == 16 and address:sub(1, 12) == "\0\0\0\0\0\0\0\0\0\0\255\255" then
    address = address:sub(13)
  end
  for index = 1, #networks do
    local each = networks[index]
    if
      each.size == #address
      and address:sub(1, each.whole) == each.start
      and (each.mask == 0 or bit.band(address:byte(each.whole + 1), each.mask) == each.rest)
    then
      return true
    end
  end
  return false
end

return _M
