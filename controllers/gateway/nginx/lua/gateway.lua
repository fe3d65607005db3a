-- The data plane's phases. A request whose rule has no policy stays in `location /`, or @fresh, where nothing is
-- allocated for it; any other goes to a named location, a lane, that has the directives it needs.
local balance = require "balance"
local endpoints = require "endpoints"
local metrics = require "metrics"
local pages = require "pages"
local policies = require "policy"
local router = require "router"
local store = require "store"
local tls = require "tls"

local _M = {}
-- Contexts of requests in lanes by number, in $context: an internal redirect to a page loses ngx.ctx.
local contexts, last_context = {}, 0
local default_policy
local default_lane

-- `max_body` is the limit of routes that have none of their own; 0 is none.
function _M.init(max_body)
  default_policy = max_body > 0 and { maxBodyBytes = max_body, lane = "@lane_http_0000", ingress = "" } or nil
  default_lane = default_policy and default_policy.lane or ""
end

-- A body of unknown length has to be counted before it is passed on.
local function is_unsized()
  local var = ngx.var
  return not var.http_content_length and (var.http_transfer_encoding or ngx.req.http_version() == 2)
end

-- Rewrite phase (set_by_lua): the lane of a request; empty for the straight way.
function _M.lane()
  store.refresh()
  local rule, policy = router.find_live()
  if not rule then
    return "@none"
  end
  if rule.policy then
    policy = policy or store.read(rule.policy)
    if not policy or policy.broken then
      return "@unready"
    end
    if policy.maxBodyBytes and is_unsized() then
      return policy.bodyLane
    end
    return policy.lane
  end
  local list = store.read(rule.upstream)
  if not list or #list == 0 then
    return "@unready"
  end
  return default_lane
end

-- Access phase of lanes.
function _M.enter()
  local rule, policy = router.find_live()
  if not rule then
    return pages.send(404)
  end
  policy = policy or (rule.policy and store.read(rule.policy)) or default_policy or {}
  local ctx = { rule = rule, policy = policy, backend = rule.backend }
  ngx.ctx = ctx
  last_context = last_context + 1
  contexts[last_context] = ctx
  ngx.var.context = last_context
  local status = policies.begin(policy, rule, ctx)
  if status then
    return pages.send(status)
  end
end

-- Access phase of the lanes that read a body to count it.
function _M.count_body()
  local _, policy = router.find_live()
  if not policy or not policy.maxBodyBytes then
    return ngx.exec("@lane_http_0000")
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
  local ctx = contexts[tonumber(ngx.var.context)]
  if ctx then
    policies.answer(ctx.policy, ctx)
  end
end

-- Log phase without policy.
function _M.log_plain()
  local rule = router.find_live()
  metrics.request(rule and rule.series)
end

-- Log phase of lanes, and of pages, which may stand in for either.
function _M.log()
  local number = tonumber(ngx.var.context)
  local ctx = contexts[number]
  if not ctx then
    return _M.log_plain()
  end
  contexts[number] = nil
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
