-- The data plane's phases. A request whose rule has no policy stays in `location /`, or @entry: the straight way. Any
-- other goes to a named location, a lane, that has the directives it needs.
local balance = require "balance"
local endpoints = require "endpoints"
local metrics = require "metrics"
local pages = require "pages"
local policies = require "policy"
local requests = require "requests"
local router = require "router"
local store = require "store"
local tls = require "tls"

local _M = {}
local default_policy
local default_lane

-- `max_body` is the limit of routes that have none of their own; 0 is none.
function _M.init(max_body)
  default_policy = max_body > 0 and { maxBodyBytes = max_body, lane = "@lane_http_00", ingress = "" } or nil
  default_lane = default_policy and default_policy.lane
end

-- A body of unknown length has to be counted before it is passed on.
local function is_unsized()
  local var = ngx.var
  return not var.http_content_length and (var.http_transfer_encoding or ngx.req.http_version() == 2)
end

-- Rewrite phase of @entry (set_by_lua): the lane of a request; empty for the straight way.
function _M.lane()
  store.refresh()
  local rule, policy = requests.get(), nil
  if rule and not rule.policy then
    balance.failed(rule)
    rule = nil
  end
  if not rule then
    rule, policy = router.find_live()
  end
  if not rule then
    return "@page"
  end
  if rule.policy then
    requests.set(rule)
    policy = policy or store.read(rule.policy)
    if not policy or policy.broken then
      return "@page"
    end
    if policy.maxBodyBytes and is_unsized() then
      return policy.bodyLane
    end
    return policy.lane
  end
  local list = store.read(rule.upstream)
  if not list or #list == 0 then
    return "@page"
  end
  if default_lane then
    return default_lane
  end
  requests.set(rule)
  return ""
end

-- Content phase of @page.
function _M.page()
  return pages.send(router.find_live() and 503 or 404)
end

-- Access phase of lanes.
function _M.enter()
  local rule, policy = requests.get(), nil
  if not rule then
    rule, policy = router.find_live()
  end
  if not rule then
    return pages.send(404)
  end
  policy = policy or (rule.policy and store.read(rule.policy)) or default_policy or {}
  local ctx = { rule = rule, policy = policy, backend = rule.backend }
  requests.set(ctx)
  local status = policies.begin(policy, rule, ctx)
  if status then
    return pages.send(status)
  end
end

-- Access phase of the lanes that read a body to count it.
function _M.count_body()
  local _, policy = router.find_live()
  if not policy or not policy.maxBodyBytes then
    return ngx.exec("@lane_http_00")
  end
  ngx.req.read_body()
  local data = ngx.req.get_body_data()
  local size = data and #data or 0
  local file = not data and ngx.req.get_body_file()
  if file then
    local handle = assert(io.open(file))
    size = handle:seek("end")
    handle:close()
  end
  if size > policy.maxBodyBytes then
    return pages.send(413)
  end
  return ngx.exec(policy.lane)
end

-- Header filter of lanes and of the page that stands in for them.
function _M.answer()
  local ctx = requests.get()
  if ctx and ctx.rule then
    policies.answer(ctx.policy, ctx)
  end
end

-- Log phase.
function _M.log()
  local known = requests.take() or router.find_live()
  local ctx = known and known.rule and known
  if not ctx then
    return metrics.request(known and known.series)
  end
  policies.finish(ctx)
  if ctx.endpoint then
    endpoints.finish(ctx.endpoint)
  end
  metrics.request(ctx.rule.ingress .. "|" .. ctx.backend)
end

_M.balance_plain = balance.plain
_M.balance = balance.with_policy
_M.certificate = tls.certificate

return _M
