-- The data plane: finds the backend of a request, balances over its endpoints, picks certificates.
-- Everything it knows is in the shared dict `state`, written by the controller (see admin.lua):
--   h:<host>     {"exact":{path:backend},"prefix":{path without end slash:backend}}; host "" = any
--   u:<backend>  [[address, port], ...]
--   s:<backend>  [address, port] of the service itself, for when all of those refuse
--   c:<host>     {"cert":PEM,"key":PEM}
--   version      counts changes; each nginx worker forgets its decoded copy when it moves
local balancer = require "ngx.balancer"
local cjson = require "cjson.safe"
local metrics = require "metrics"
local pages = require "pages"
local ssl = require "ngx.ssl"

local _M = {}
local state = ngx.shared.state
local failed_for = 2 -- seconds that an endpoint which refused a connection is passed over

local version = -1
local decoded = {}
local failed_until = {}

-- The decoded value of a key, or nil. Absent keys are not remembered: anyone can ask for any host.
local function read(key)
  local current = state:get("version") or 0
  if current ~= version then
    version, decoded, failed_until = current, {}, {}
  end
  local value = decoded[key]
  if value == nil then
    local text = state:get(key)
    value = text and cjson.decode(text)
    decoded[key] = value
  end
  return value
end

-- The value of a host: its own, or that of `*.` and all but its first label, which is all a wildcard covers.
local function candidates(prefix, host)
  local dot = host:find(".", 1, true)
  return prefix .. host, dot and (prefix .. "*" .. host:sub(dot))
end

-- Longest path wins, Exact before Prefix; Prefix compares whole path elements (networking.k8s.io/v1).
local function match_path(rules, uri)
  local backend = rules.exact[uri]
  if backend then
    return backend
  end
  local path = uri
  while true do
    if path:byte(-1) == 47 then
      path = path:gsub("/+$", "")
    end
    backend = rules.prefix[path]
    if backend or path == "" then
      return backend
    end
    path = path:match("^(.*)/") or ""
  end
end

-- The backend of a request and the host pattern that it came by: exact host, then wildcard, then any.
local function find(host, uri)
  local exact, wildcard = candidates("h:", host)
  for _, key in ipairs({ exact, wildcard or "h:", "h:" }) do
    local rules = read(key)
    local backend = rules and match_path(rules, uri)
    if backend then
      return backend, key:sub(3)
    end
  end
  return nil, read(exact) and exact:sub(3) or nil
end

-- Access phase.
function _M.route()
  local ctx = ngx.ctx
  local backend, host = find(ngx.var.host, ngx.var.uri)
  ctx.host = host
  if not backend then
    return pages.send(404)
  end
  ctx.backend = backend
  local endpoints = read("u:" .. backend)
  if not endpoints or #endpoints == 0 then
    return pages.send(503)
  end
end

-- The next endpoint in turn that did not fail a moment ago and was not tried by this request; or nil.
local function choose(endpoints, tried)
  local count = #endpoints
  local now = ngx.now()
  local turn = endpoints.turn or math.random(count)
  for _ = 1, count do
    turn = turn % count + 1
    local endpoint = endpoints[turn]
    if not tried[endpoint] and (failed_until[endpoint] or 0) <= now then
      endpoints.turn = turn
      return endpoint
    end
  end
end

-- Balancer phase; called again when an endpoint failed before anything was answered.
function _M.balance()
  local ctx = ngx.ctx
  local endpoints = read("u:" .. ctx.backend)
  if not endpoints or #endpoints == 0 then
    return ngx.exit(503)
  end
  local tried = ctx.tried
  if not tried then
    tried = {}
    ctx.tried = tried
    balancer.set_more_tries(2)
  elseif ctx.endpoint then
    failed_until[ctx.endpoint] = ngx.now() + failed_for
    metrics.upstream_failed(ctx.host)
  end
  -- While the controller is away the cluster may have replaced every pod that is known here: its own address
  -- of the service leads to the new ones.
  local endpoint = choose(endpoints, tried) or read("s:" .. ctx.backend) or endpoints[math.random(#endpoints)]
  ctx.endpoint = endpoint
  tried[endpoint] = true
  local ok, reason = balancer.set_current_peer(endpoint[1], endpoint[2])
  if not ok then
    ngx.log(ngx.ERR, "cannot use endpoint ", endpoint[1], ": ", reason)
    return ngx.exit(502)
  end
end

-- Certificate phase; without a certificate for the name the default one of the configuration stays.
function _M.certificate()
  local name = ssl.server_name()
  if not name then
    return
  end
  local exact, wildcard = candidates("c:", name:lower())
  local entry = read(exact) or (wildcard and read(wildcard))
  if not entry then
    return
  end
  if not entry.chain then
    entry.chain = assert(ssl.parse_pem_cert(entry.cert))
    entry.private = assert(ssl.parse_pem_priv_key(entry.key))
  end
  assert(ssl.clear_certs())
  assert(ssl.set_cert(entry.chain))
  assert(ssl.set_priv_key(entry.private))
end

-- Log phase.
function _M.log()
  local host = ngx.ctx.host
  if not host then
    -- An internal redirect to an error page loses the context.
    local _, found = find(ngx.var.host, ngx.var.uri)
    host = found
  end
  metrics.request(host, ngx.status, tonumber(ngx.var.request_time))
end

return _M
