-- The controller's door, on a unix socket that only its user can open.
local cjson = require "cjson.safe"
local metrics = require "metrics"

local _M = {}
local state = ngx.shared.state

local function set(key, value)
  local ok, reason = state:safe_set(key, value)
  if not ok then
    error("cannot keep " .. key:sub(1, 64) .. ": " .. reason)
  end
end

-- Upstreams before hosts and certificates, so that no route is ever ahead of its endpoints.
local function apply(change)
  for key, value in pairs(change.set or {}) do
    if key:sub(1, 2) == "u:" then
      set(key, value)
    end
  end
  for key, value in pairs(change.set or {}) do
    if key:sub(1, 2) ~= "u:" then
      set(key, value)
    end
  end
  for _, key in ipairs(change.delete or {}) do
    state:delete(key)
  end
  state:incr("version", 1, 0)
  state:set("digest", change.digest)
end

-- The last state, kept by the controller in a file; read by the master before the first request.
function _M.restore(file)
  if state:get("digest") then
    return -- a reload: the shared dict outlives it
  end
  local handle = io.open(file)
  if not handle then
    return
  end
  local kept = cjson.decode(handle:read("*a"))
  handle:close()
  if kept then
    local ok, reason = pcall(apply, { set = kept.table, digest = kept.digest })
    if not ok then
      ngx.log(ngx.ERR, "cannot restore the last state: ", reason)
    end
  end
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

local actions = {}

actions["POST /apply"] = function()
  local change = assert(cjson.decode(body()))
  apply(change)
  return { version = state:get("version") }
end

actions["GET /state"] = function()
  return { digest = state:get("digest"), version = state:get("version"), freeBytes = state:free_space() }
end

actions["GET /keys"] = function()
  local keys = {}
  for _, key in ipairs(state:get_keys(0)) do
    if key:sub(2, 2) == ":" then
      keys[#keys + 1] = key
    end
  end
  return { keys = keys }
end

actions["GET /metrics"] = function()
  local dump = metrics.dump()
  dump.connections = tonumber(ngx.var.connections_active)
  return dump
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
