-- Checks a password against its hash. Runs in a thread of its own Lua, as slow hashes must not hold up requests.
local bit = require "bit"
local ffi = require "ffi"

ffi.cdef [[
  char *crypt_r(const char *phrase, const char *setting, void *data);
  unsigned char *MD5(const unsigned char *data, size_t length, unsigned char *digest);
]]

local _M = {}
local data_size = 32768 -- sizeof(struct crypt_data), crypt_r(3)
local digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function md5(text)
  local digest = ffi.new("unsigned char[16]")
  ffi.C.MD5(text, #text, digest)
  return ffi.string(digest, 16)
end

local function encode(value, length)
  local out = {}
  for index = 1, length do
    local digit = bit.band(value, 63)
    out[index] = digits:sub(digit + 1, digit + 1)
    value = bit.rshift(value, 6)
  end
  return table.concat(out)
end

-- Apache's variant of MD5-based crypt.
local function apr1(password, salt)
  local inner = md5(password .. salt .. password)
  local text = { password, "$apr1$", salt }
  for left = #password, 1, -16 do
    text[#text + 1] = inner:sub(1, math.min(16, left))
  end
  local length = #password
  while length > 0 do
    text[#text + 1] = bit.band(length, 1) == 1 and "\0" or password:sub(1, 1)
    length = bit.rshift(length, 1)
  end
  local digest = md5(table.concat(text))
  for round = 0, 999 do
    local odd = round % 2 == 1
    digest = md5(
      (odd and password or digest)
        .. (round % 3 > 0 and salt or "")
        .. (round % 7 > 0 and password or "")
        .. (odd and digest or password)
    )
  end
  local byte = { digest:byte(1, 16) }
  local out = {}
  for _, at in ipairs({ { 1, 7, 13 }, { 2, 8, 14 }, { 3, 9, 15 }, { 4, 10, 16 }, { 5, 11, 6 } }) do
    local value = bit.bor(bit.lshift(byte[at[1]], 16), bit.lshift(byte[at[2]], 8), byte[at[3]])
    out[#out + 1] = encode(value, 4)
  end
  return "$apr1$" .. salt .. "$" .. table.concat(out) .. encode(byte[12], 2)
end

-- In time that does not tell how far two texts of one length agree.
local function equal(left, right)
  if #left ~= #right then
    return false
  end
  local different = 0
  for index = 1, #left do
    different = bit.bor(different, bit.bxor(left:byte(index), right:byte(index)))
  end
  return different == 0
end

function _M.verify(password, hash)
  if password:find("\0", 1, true) then
    return false
  end
  local salt = hash:match("^%$apr1%$([^$]+)%$")
  if salt then
    return equal(apr1(password, salt), hash)
  end
  local data = ffi.new("char[?]", data_size)
  local made = ffi.C.crypt_r(password, hash, data)
  return made ~= nil and equal(ffi.string(made), hash)
end

return _M
