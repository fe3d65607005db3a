-- Answers which rule would take a request, with the very code that routes requests.
--   question { host, path, method, headers: {lower-case name: value}, query: {name: value}, clientIp }
local addresses = require "addresses"
local match = require "match"
local router = require "router"
local split = require "split"
local store = require "store"

local _M = {}

local function view_of(question)
  local headers = question.headers or {}
  return {
    method = function()
      return question.method or "GET"
    end,
    header = function(condition)
      return headers[condition.name:lower()]
    end,
    cookie = function(name)
      return match.cookie(headers.cookie, name)
    end,
    query = function(name)
      return (question.query or {})[name]
    end,
    ip = function()
      return question.clientIp
    end,
  }
end

local function describe(rule)
  return { ingress = rule.ingress, host = rule.host, pathType = rule.kind, path = rule.path ~= "" and rule.path or "/" }
end

local function endpoints_of(backend)
  return #(store.read("u:" .. backend) or {})
end

-- Each backend with the share of requests like this one that it gets.
local function shares_of(policy, rule, view)
  local sole = { { backend = rule.backend, share = 1, endpoints = endpoints_of(rule.backend) } }
  if not policy or not policy.split then
    return sole, "the only backend"
  end
  local backend, why, fresh = split.take(policy.split, view)
  if not backend then
    return sole, "no target of the split has endpoints"
  end
  local sticky = policy.split.sticky
  if why == "match" or (sticky and not fresh and (sticky.by ~= "HEADER" or view.header(sticky))) then
    local reason = why == "match" and "the target's conditions hold" or "the client stays where it was drawn"
    return { { backend = backend, share = 1, endpoints = endpoints_of(backend) } }, reason
  end
  local shares = {}
  local weights, sum = split.weights(policy.split)
  for index, target in ipairs(policy.split.targets) do
    if weights[index] > 0 then
      shares[#shares + 1] =
        { backend = target.backend, share = weights[index] / sum, endpoints = endpoints_of(target.backend) }
    end
  end
  return shares, "drawn by weight"
end

-- What else the policy does to the request before it reaches an app.
local function refused(policy, question)
  local address = question.clientIp and addresses.parse(question.clientIp)
  if not policy then
    return nil
  elseif policy.broken then
    return "503: the route's settings cannot be applied"
  elseif policy.httpsRedirect and question.scheme ~= "https" then
    return "308: redirected to HTTPS"
  elseif address and policy.ipDeny and addresses.contains(policy.ipDeny, address) then
    return "403: the client's network is denied"
  elseif address and policy.ipAllow and not addresses.contains(policy.ipAllow, address) then
    return "403: the client's network is not allowed"
  elseif policy.auth and not (question.headers or {}).authorization then
    return "401: a name and a password are asked for"
  elseif policy.redirect then
    return policy.redirect.status .. ": redirected"
  end
end

function _M.answer(question)
  store.refresh()
  local view, passed = view_of(question), {}
  local rule, policy = router.find(question.host or "", question.path or "/", view, passed)
  for index, each in ipairs(passed) do
    passed[index] = describe(each.rule)
    passed[index].reason = each.reason
  end
  if not rule then
    return { passedOver = passed, why = "404: no rule takes this host and path" }
  end
  policy = policy or (rule.policy and store.read(rule.policy)) or nil
  local shares, why = shares_of(policy, rule, view)
  local refusal = refused(policy, question)
  if not refusal and #shares == 1 and shares[1].endpoints == 0 then
    refusal = "503: the backend has no ready endpoint"
  end
  return { rule = describe(rule), targets = shares, why = why, refused = refusal, passedOver = passed }
end

return _M
