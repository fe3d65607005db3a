-- The policy of an Ingress (lib/contracts/route.ts, rendered by render/policy.ts), in the order in which it works.
local addresses = require "addresses"
local auth = require "auth"
local cors = require "cors"
local endpoints = require "endpoints"
local headers = require "headers"
local limits = require "limits"
local match = require "match"
local rewrite = require "rewrite"
local split = require "split"
local store = require "store"

local _M = {}

local function name_variable(key)
  if key and key.name then
    key.var = "http_" .. key.name:lower():gsub("-", "_")
  end
end

store.register("p:", function(policy, ingress)
  policy.ingress = ingress
  policy.match = match.compile(policy.match)
  policy.split = policy.split and split.compile(policy.split)
  policy.cors = policy.cors and cors.compile(policy.cors)
  policy.ipAllow = policy.ipAllow and addresses.compile(policy.ipAllow)
  policy.ipDeny = policy.ipDeny and addresses.compile(policy.ipDeny)
  name_variable(policy.rateLimit and policy.rateLimit.key)
  name_variable(policy.balance and policy.balance.of)
  name_variable(policy.split and policy.split.sticky)
  return policy
end)

-- What a limit or a hash is taken of; IPv6 clients count by their /64.
local function key_of(key)
  local by = key.by
  if by == "IP" then
    return ngx.var.binary_remote_addr:sub(1, 8)
  elseif by == "HEADER" then
    return ngx.var[key.var] or ""
  elseif by == "COOKIE" then
    return match.cookie(ngx.var.http_cookie, key.name) or ""
  elseif by == "URI" then
    return ngx.var.request_uri
  end
  return ""
end

local function check_addresses(policy)
  local address = ngx.var.binary_remote_addr
  if policy.ipDeny and addresses.contains(policy.ipDeny, address) then
    return 403
  end
  if policy.ipAllow and not addresses.contains(policy.ipAllow, address) then
    return 403
  end
end

local function check_rate(policy)
  local rate = policy.rateLimit
  local wait = limits.wait("rate:" .. policy.ingress .. "\0" .. key_of(rate.key), rate)
  if wait > 0 then
    ngx.header["Retry-After"] = math.ceil(wait)
    return rate.status
  end
end

local function check_connections(policy, ctx)
  local limit = policy.connectionLimit
  ctx.entered = {}
  local function enter(key, most)
    if not most then
      return true
    end
    local ok = limits.enter(key, most)
    if ok then
      table.insert(ctx.entered, key)
    end
    return ok
  end
  local of_client = "ip:" .. policy.ingress .. "\0" .. ngx.var.binary_remote_addr
  if not enter("all:" .. policy.ingress, limit.total) or not enter(of_client, limit.perIp) then
    return limit.status
  end
end

local function redirect(policy, code)
  local var = ngx.var
  ngx.header["Location"] = rewrite.location(policy, var.forwarded_proto, var.http_host or "", var.request_uri)
  return code
end

-- The status that ends the request here, or nil.
local function refuse(policy, ctx)
  if policy.broken then
    return 503
  end
  if policy.httpsRedirect and ngx.var.forwarded_proto ~= "https" then
    return redirect({ scheme = "HTTPS", port = policy.httpsPort }, 308)
  end
  local status = (policy.ipAllow or policy.ipDeny) and check_addresses(policy)
  status = status or (policy.rateLimit and check_rate(policy))
  status = status or (policy.connectionLimit and check_connections(policy, ctx))
  if status then
    return status
  end
  if policy.cors and cors.begin(policy.cors, ctx) then
    return cors.preflight(policy.cors, ctx)
  end
  status = policy.auth and auth.check(policy.auth)
  if status then
    return status
  end
  if policy.redirect then
    return redirect(policy.redirect, policy.redirect.status)
  end
  local length = policy.maxBodyBytes and tonumber(ngx.var.http_content_length)
  if length and length > policy.maxBodyBytes then
    return 413
  end
end
_M.refuse = refuse

local function choose_target(policy, rule, ctx)
  local backend = rule.backend
  if policy.split then
    local taken, _, cookie = split.take(policy.split, match.live)
    backend = taken or backend
    ctx.split_cookie = cookie
  end
  ctx.backend = backend
  ctx.upstream = "u:" .. backend
  local list = store.read(ctx.upstream)
  if not list or #list == 0 then
    return 503
  end
  local session = policy.stickySession
  if session then
    ctx.session = match.cookie(ngx.var.http_cookie, session.cookieName)
    ctx.preferred = ctx.session and endpoints.by_id(list, ctx.session)
  end
  if policy.balance and policy.balance.of then
    ctx.hash_key = key_of(policy.balance.of)
  end
end

local function prepare_request(policy, rule)
  if policy.gatherBody then
    ngx.req.read_body()
  end
  if policy.rewrite then
    ngx.req.set_uri(rewrite.path(policy.rewrite, rule, ngx.var.uri), false, true)
  end
  if policy.requestHeaders then
    headers.edit_request(policy.requestHeaders)
  end
  if policy.protocol == "HTTPS" then
    ngx.var.target = "https://" .. ngx.var.upstream_group_tls
  elseif policy.protocol == "GRPCS" then
    ngx.var.target = "grpcs://kept_grpcs"
  end
  if policy.upstreamHost then
    ngx.var.upstream_host = policy.upstreamHost
  end
end

-- Access phase: fills `ctx`; a status ends the request.
function _M.begin(policy, rule, ctx)
  local status = refuse(policy, ctx) or choose_target(policy, rule, ctx)
  if not status then
    prepare_request(policy, rule)
  end
  return status
end

-- Header filter.
function _M.answer(policy, ctx)
  if policy.compress then
    headers.vary("Accept-Encoding")
  else
    -- Every lane can compress, and each needless one costs memory. The app has the header by now.
    ngx.req.clear_header("Accept-Encoding")
  end
  local https = ngx.var.forwarded_proto == "https"
  local session = policy.stickySession
  if session and ctx.endpoint and endpoints.id(ctx.endpoint) ~= ctx.session then
    headers.set_cookie(session.cookieName, endpoints.id(ctx.endpoint), session.ttlSeconds, https)
  end
  if ctx.split_cookie then
    local sticky = policy.split.sticky
    headers.set_cookie(sticky.name, ctx.split_cookie, sticky.ttlSeconds, https)
  end
  if policy.responseHeaders then
    headers.edit_answer(policy.responseHeaders)
  end
  if policy.cors then
    cors.finish(policy.cors, ctx)
  end
  if policy.hsts and https then
    ngx.header["Strict-Transport-Security"] = policy.hsts
  end
end

-- Log phase.
function _M.finish(ctx)
  for _, key in ipairs(ctx.entered or {}) do
    limits.leave(key)
  end
end

return _M
