-- Each worker's decoded copies of what it needs of the shared memory `state`, written by admin.lua:
--   h:<host>      rules of a host ("" = any; `*.` first for a wildcard), see router.lua
--   p:<ingress>   the policy of an Ingress's rules, see policy.lua
--   u:<backend>   [[address, port], ...]   endpoints that take requests
--   s:<backend>   [address, port]          the service itself, for when all of those refuse
--   c:<host>      {"cert":PEM,"key":PEM}
--   a:<token>     "key authorization"       of an ACME challenge, see acme.lua
--   version       counts changes; #<version> lists the keys of that change, for a minute
-- Copies are bounded: two generations, of which the older is dropped when the younger is full.
local cjson = require "cjson.safe"

local _M = {}
local state = ngx.shared.state
local now = ngx.now
local capacity = 192
local max_behind = 200

local version = -1
local young, old, count = {}, {}, 0
local compilers = {}
local listeners = {}

-- `compile(value, name)` turns the decoded JSON of keys that begin with `kind` into what `read` returns.
function _M.register(kind, compile)
  compilers[kind] = compile
end

-- `forget(key)` is called when a copy is dropped because its key changed; with nil when all were.
function _M.on_change(forget)
  listeners[#listeners + 1] = forget
end

local function tell(key)
  for index = 1, #listeners do
    listeners[index](key)
  end
end

local function forget_all()
  young, old, count = {}, {}, 0
  tell(nil)
end

local function catch_up(current)
  if version < 0 or current < version or current - version > max_behind then
    version = current
    return forget_all()
  end
  for each = version + 1, current do
    local keys = state:get("#" .. each)
    if not keys or keys == "*" then
      version = current
      return forget_all()
    end
    for key in keys:gmatch("[^\n]+") do
      young[key], old[key] = nil, nil
      tell(key)
    end
  end
  version = current
end

-- Once at the beginning of a request; more often than once a millisecond shows nothing new.
local checked_at = 0
function _M.refresh()
  local at = now()
  if at == checked_at then
    return
  end
  checked_at = at
  local current = state:get("version") or 0
  if current ~= version then
    catch_up(current)
  end
end

-- The value of a key, or nil. Absent keys are not remembered: anyone can ask for any host.
function _M.read(key)
  local value = young[key]
  if value then
    return value
  end
  value = old[key]
  if not value then
    local text = state:get(key)
    local decoded = text and cjson.decode(text)
    if not decoded then
      return nil
    end
    local compile = compilers[key:sub(1, 2)]
    value = compile and compile(decoded, key:sub(3)) or decoded
  end
  if count >= capacity then
    old, young, count = young, {}, 0
  end
  count = count + 1
  young[key] = value
  return value
end

return _M
