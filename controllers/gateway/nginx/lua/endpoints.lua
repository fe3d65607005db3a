-- Chooses endpoints: in turn, by fewest requests in flight of this worker, or by a consistent hash.
local store = require "store"

local _M = {}
local crc32 = ngx.crc32_long
local now = ngx.now
local random = math.random
local failed_for = 2 -- seconds that an endpoint which failed is passed over

store.register("u:", function(list)
  for _, each in ipairs(list) do
    each.address, each.port = each[1], each[2]
    each.name = each[1] .. ":" .. each[2]
  end
  return list
end)
store.register("s:", function(each)
  return { address = each[1], port = each[2], name = each[1] .. ":" .. each[2] }
end)

local failed_until, failures = {}, 0
local in_flight = {}

function _M.failed(endpoint)
  if failures > 4096 then
    failed_until, failures = {}, 0
  end
  failures = failures + 1
  failed_until[endpoint.name] = now() + failed_for
end

function _M.begin(endpoint)
  in_flight[endpoint.name] = (in_flight[endpoint.name] or 0) + 1
end

function _M.finish(endpoint)
  local left = (in_flight[endpoint.name] or 1) - 1
  in_flight[endpoint.name] = left > 0 and left or nil
end

local function is_usable(endpoint, tried)
  if tried and tried[endpoint.name] then
    return false
  end
  local until_ = failed_until[endpoint.name]
  return not until_ or until_ <= now()
end

-- The next in turn that did not fail a moment ago and was not tried by this request; or nil.
local function in_turn(endpoints, tried)
  local count = #endpoints
  local turn = endpoints.turn or random(count)
  for _ = 1, count do
    turn = turn % count + 1
    local endpoint = endpoints[turn]
    if is_usable(endpoint, tried) then
      endpoints.turn = turn
      return endpoint
    end
  end
end
_M.in_turn = in_turn

local function least(endpoints, tried)
  local count = #endpoints
  local start = random(count)
  local best, fewest
  for step = 1, count do
    local endpoint = endpoints[(start + step) % count + 1]
    local flying = in_flight[endpoint.name] or 0
    if (not fewest or flying < fewest) and is_usable(endpoint, tried) then
      best, fewest = endpoint, flying
    end
  end
  return best
end

-- Rendezvous: each endpoint's own draw for the key, the highest wins; one more or less moves only its share.
local function by_hash(endpoints, tried, key)
  local best, highest
  for index = 1, #endpoints do
    local endpoint = endpoints[index]
    -- Twice, through decimals: one CRC is linear, so that names alike would win or lose together.
    local draw = crc32(tostring(crc32(key .. "\0" .. endpoint.name)))
    if (not highest or draw > highest) and is_usable(endpoint, tried) then
      best, highest = endpoint, draw
    end
  end
  return best
end

function _M.choose(endpoints, tried, balance, key)
  local kind = balance and balance.kind
  if kind == "LEAST_CONNECTIONS" then
    return least(endpoints, tried)
  elseif kind == "HASH" then
    return by_hash(endpoints, tried, key or "")
  end
  return in_turn(endpoints, tried)
end

-- Whether a client may stay where it was.
_M.is_usable = is_usable

-- The name that a client's cookie holds for an endpoint: says nothing about addresses.
function _M.id(endpoint)
  local id = endpoint.id
  if not id then
    id = ngx.md5("skyarc " .. endpoint.name):sub(1, 16)
    endpoint.id = id
  end
  return id
end

function _M.by_id(endpoints, id)
  for index = 1, #endpoints do
    if _M.id(endpoints[index]) == id then
      return endpoints[index]
    end
  end
end

return _M
