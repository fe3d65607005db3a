-- Balancer phase: an endpoint for a request; called again when one failed before anything was answered.
local balancer = require "ngx.balancer"
local endpoints = require "endpoints"
local metrics = require "metrics"
local requests = require "requests"
local router = require "router"
local store = require "store"

local _M = {}
local get_last_failure = balancer.get_last_failure
local get_method = ngx.req.get_method
-- What may be sent again, so that it may use kept connections.
local is_repeatable = { GET = true, HEAD = true, OPTIONS = true, DELETE = true }

local function use(endpoint)
  local ok, reason = balancer.set_current_peer(endpoint.address, endpoint.port)
  if not ok then
    ngx.log(ngx.ERR, "cannot use endpoint ", endpoint.name, ": ", reason)
    return ngx.exit(502)
  end
end

local function find(list, name)
  for index = 1, #list do
    if list[index].name == name then
      return list[index]
    end
  end
end

-- What nginx tried for this request so far, by name.
local function tried_before(list, series)
  local tried, last = {}, nil
  for name in (ngx.var.upstream_addr or ""):gmatch("[^, ]+") do
    tried[name], last = true, name
  end
  local endpoint = last and find(list, last)
  if endpoint then
    endpoints.failed(endpoint)
  end
  metrics.upstream_failed(series)
  return tried
end

-- The rule of a request that nobody has looked at yet and its endpoints; nil when the straight way is not its own.
local function begin()
  store.refresh()
  local rule = router.find_live()
  if not rule or not is_repeatable[get_method()] then
    return nil
  end
  if rule.policy then
    requests.set(rule) -- so that it need not be found again
    return nil
  end
  local list = store.read(rule.upstream)
  if not list or #list == 0 then
    return nil
  end
  requests.set(rule)
  return rule, list
end

-- Of a rule without policy. What `location /` has to leave to @entry is declined: nginx takes that for an error that may
-- not be tried again there, and says nothing of it in its log.
function _M.plain()
  local rule, list = requests.get(), nil
  if rule then
    list = store.read(rule.upstream)
  else
    rule, list = begin()
  end
  if not rule then
    return ngx.exit(ngx.DECLINED)
  end
  if not list or #list == 0 then
    return ngx.exit(503)
  end
  local tried = get_last_failure() and tried_before(list, rule.series)
  -- While the controller is away the cluster may have replaced every pod that is known here: its own address
  -- of the service leads to the new ones.
  return use(endpoints.in_turn(list, tried) or store.read("s:" .. rule.backend) or list[math.random(#list)])
end

-- What was tried in `location /`, when a request comes from there to @entry.
function _M.failed(rule)
  tried_before(store.read(rule.upstream) or {}, rule.series)
end

-- Whether a failure is one that the policy wants tried again: 504 is a timeout, 502 a broken connection.
local function may_retry(policy, ctx, code)
  local retries = policy.retries
  if retries and retries.timeoutMs and ngx.now() - ctx.started > retries.timeoutMs / 1000 then
    return false
  end
  local on = retries and retries.on
  if not on then
    return true
  end
  return (on.TIMEOUT and code == 504) or (on.ERROR and code == 502) or (on.HTTP_5XX and code >= 500) or false
end

local function first_try(policy, ctx)
  ctx.started = ngx.now()
  ctx.tried = {}
  local tries = policy.retries and policy.retries.tries or 2
  if tries > 0 then
    balancer.set_more_tries(tries)
  end
  local timeouts = policy.timeouts
  if timeouts then
    balancer.set_timeouts(timeouts.connectSeconds, timeouts.sendSeconds, timeouts.readSeconds)
  end
end

-- Of a request in a lane.
function _M.with_policy()
  local ctx = requests.get()
  local policy = ctx.policy
  local list = store.read(ctx.upstream)
  if not list or #list == 0 then
    return ngx.exit(503)
  end
  local failure, code = get_last_failure()
  if not failure then
    first_try(policy, ctx)
  else
    endpoints.finish(ctx.endpoint)
    endpoints.failed(ctx.endpoint)
    ctx.endpoint = nil
    metrics.upstream_failed(ctx.rule.ingress .. "|" .. ctx.backend)
    if not may_retry(policy, ctx, code) then
      return ngx.exit(code)
    end
  end
  local endpoint = ctx.preferred
  if not endpoint or not endpoints.is_usable(endpoint, ctx.tried) then
    endpoint = endpoints.choose(list, ctx.tried, policy.balance, ctx.hash_key)
      or store.read("s:" .. ctx.backend)
      or list[math.random(#list)]
  end
  ctx.endpoint = endpoint
  ctx.tried[endpoint.name] = true
  endpoints.begin(endpoint)
  return use(endpoint)
end

return _M
