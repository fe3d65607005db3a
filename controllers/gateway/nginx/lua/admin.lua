-- The controller's door, on a unix socket that only its user can open.
local cjson = require "cjson.safe"
local explain = require "explain"
local metrics = require "metrics"

local _M = {}
local state = ngx.shared.state
local listed_for = 60 -- seconds that the keys of a change are kept for workers to catch up
local most_listed = 500

-- Of an entry in the digest (render/table.ts).
local function sum_of(key, value)
  return value and ngx.crc32_long(key .. "\0" .. value) or 0
end

-- Sets or (nil) deletes; what does not fit is an error and nothing else goes for it. Keeps the digest's parts.
local function put(key, value)
  local before = state:get(key)
  if before == value then
    return
  end
  if value then
    local ok, reason = state:safe_set(key, value)
    if not ok then
      error("cannot keep " .. key:sub(1, 64) .. ": " .. reason)
    end
  else
    state:delete(key)
  end
  state:incr("sum", sum_of(key, value) - sum_of(key, before), 0)
  state:incr("count", (value and 1 or 0) - (before and 1 or 0), 0)
end

local function is_upstream(key)
  local kind = key:sub(1, 2)
  return kind == "u:" or kind == "s:"
end

-- Upstreams and policies before hosts, so that no route is ever ahead of its endpoints; removals last. A value that
-- does not fit keeps no other from being served; it fails the change at the end.
local function apply(change)
  local keys, failure = {}, nil
  for pass = 1, 3 do
    for key, value in pairs(change.set or {}) do
      local turn = is_upstream(key) and 1 or (key:sub(1, 2) == "p:" and 2 or 3)
      if turn == pass then
        local ok, reason = pcall(put, key, value)
        failure = failure or (not ok and reason) or nil
        keys[#keys + 1] = key
      end
    end
  end
  for _, key in ipairs(change.delete or {}) do
    put(key, nil)
    keys[#keys + 1] = key
  end
  local version = (state:get("version") or 0) + 1
  -- Without the list workers forget everything, which is right too.
  state:safe_set("#" .. version, #keys <= most_listed and table.concat(keys, "\n") or "*", listed_for)
  state:safe_set("version", version)
  if failure then
    error(failure, 0)
  end
end

-- The last state, kept by the controller in a file of `key value` lines; read by the master before the first request.
function _M.restore(file)
  if state:get("version") then
    return -- a reload: the shared dict outlives it
  end
  local handle = io.open(file)
  if not handle then
    return
  end
  for line in handle:lines() do
    local key, value = line:match("^(%S+) (.+)$")
    if key then
      local ok, reason = pcall(put, key, value)
      if not ok then
        ngx.log(ngx.ERR, "cannot restore the last state: ", reason)
      end
    end
  end
  handle:close()
  state:safe_set("version", 1)
end

local function body()
  ngx.req.read_body()
  local data = ngx.req.get_body_data()
  if data then
    return data
  end
  local handle = assert(io.open(ngx.req.get_body_file()))
  data = handle:read("*a")
  handle:close()
  return data
end

local function keys()
  local list = {}
  for _, key in ipairs(state:get_keys(0)) do
    if key:sub(2, 2) == ":" then
      list[#list + 1] = key
    end
  end
  return list
end

local function digest()
  return ("%d-%d"):format(state:get("count") or 0, (state:get("sum") or 0) % 0x1000000000000)
end

-- The digest of what is really there, by reading all of it.
local function recount()
  local sum, count = 0, 0
  for _, key in ipairs(keys()) do
    sum = sum + sum_of(key, state:get(key))
    count = count + 1
  end
  state:safe_set("sum", sum)
  state:safe_set("count", count)
  return digest()
end

local actions = {}

actions["POST /apply"] = function()
  apply(assert(cjson.decode(body())))
  return { version = state:get("version") }
end

actions["GET /state"] = function()
  return { version = state:get("version"), freeBytes = state:free_space() }
end

actions["GET /digest"] = function()
  return { digest = digest() }
end

actions["POST /recount"] = function()
  return { digest = recount() }
end

actions["GET /keys"] = function()
  return { keys = keys() }
end

actions["GET /metrics"] = function()
  local dump = metrics.dump()
  dump.connections = tonumber(ngx.var.connections_active)
  return dump
end

actions["POST /explain"] = function()
  return explain.answer(assert(cjson.decode(body())))
end

function _M.serve()
  local action = actions[ngx.req.get_method() .. " " .. ngx.var.uri]
  if not action then
    return ngx.exit(404)
  end
  local ok, answer = pcall(action)
  ngx.status = ok and 200 or 500
  ngx.header["Content-Type"] = "application/json"
  ngx.print(cjson.encode(ok and answer or { message = tostring(answer) }))
end

return _M
