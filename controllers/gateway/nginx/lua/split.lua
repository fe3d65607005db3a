-- Draws the target of a split. A draw is a number in [0, 1): sticky clients bring theirs, so that shares stay those of
-- the weights and a change of weights moves as few clients as it must.
local match = require "match"
local store = require "store"

local _M = {}
local crc32 = ngx.crc32_long

local function has_endpoints(backend)
  local endpoints = store.read("u:" .. backend)
  return endpoints and #endpoints > 0
end

function _M.compile(split)
  for _, target in ipairs(split.targets) do
    target.match = match.compile(target.match)
  end
  return split
end

-- Share of each target, by weight, of those that have endpoints; and their sum.
function _M.weights(split)
  local weights, sum = {}, 0
  for index, target in ipairs(split.targets) do
    local weight = not target.match and has_endpoints(target.backend) and target.weight or 0
    weights[index] = weight
    sum = sum + weight
  end
  return weights, sum
end

-- A number that the client brings, or a new one to be kept in its cookie (second value).
local function draw(sticky, view)
  if not sticky then
    return math.random()
  elseif sticky.by == "COOKIE" then
    local kept = tonumber(view.cookie(sticky.name) or "", 16)
    if kept and kept >= 0 and kept < 0x100000000 then
      return kept / 0x100000000
    end
    local fresh = math.random(0, 0xffffffff)
    return fresh / 0x100000000, ("%08x"):format(fresh)
  elseif sticky.by == "HEADER" then
    local value = view.header(sticky)
    return value and crc32(value) / 0x100000000 or math.random()
  end
  return crc32(view.ip() or "") / 0x100000000
end

-- The backend that takes a request, why, and the value of a cookie to set; nil: the rule's own backend does.
function _M.take(split, view)
  for _, target in ipairs(split.targets) do
    if target.match and match.test(target.match, view) and has_endpoints(target.backend) then
      return target.backend, "match"
    end
  end
  local weights, sum = _M.weights(split)
  if sum == 0 then
    return nil
  end
  local drawn, cookie = draw(split.sticky, view)
  local place = drawn * sum
  for index, target in ipairs(split.targets) do
    place = place - weights[index]
    if place < 0 then
      return target.backend, "weight", cookie
    end
  end
  return nil
end

return _M
