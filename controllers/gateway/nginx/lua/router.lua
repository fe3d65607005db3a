-- Finds the rule of a request. Hosts: exact, then `*.` and all but the first label, then any. Paths: Exact, then
-- regular expressions (oldest Ingress first), then the longest Prefix. Rules of one path are in the order that the
-- controller gave them: most conditions first. A rule whose conditions do not hold is passed over for the next.
--   h:<host>  {"e":{path:[rule]},"p":{path without end slash:[rule]},"r":[[pattern,[rule]]]}
--   rule      [ingress, backend, 1 when the Ingress has a policy]
local match = require "match"
local store = require "store"

local _M = {}
local re_find = ngx.re.find

local function compile_rules(list, host, kind, path)
  for index, each in ipairs(list) do
    local ingress, backend = each[1], each[2]
    list[index] = {
      host = host,
      kind = kind,
      path = path,
      ingress = ingress,
      backend = backend,
      upstream = "u:" .. backend,
      policy = each[3] == 1 and "p:" .. ingress or nil,
      series = ingress .. "|" .. backend,
    }
  end
  return list
end

store.register("h:", function(record, host)
  local prefixes = 0
  for path, list in pairs(record.e or {}) do
    compile_rules(list, host, "EXACT", path)
  end
  for path, list in pairs(record.p or {}) do
    compile_rules(list, host, "PREFIX", path)
    prefixes = prefixes + 1
  end
  for _, each in ipairs(record.r or {}) do
    compile_rules(each[2], host, "REGEX", each[1])
    each[1] = "^(?:" .. each[1] .. ")"
  end
  record.host = host
  record.e = record.e or {}
  record.p = record.p or {}
  -- Most hosts have one rule for every path: they need not know the path.
  local all = record.p[""]
  if not next(record.e) and prefixes == 1 and not record.r and all and #all == 1 and not all[1].policy then
    record.only = all[1]
  end
  return record
end)

-- Host records by the Host header as it was sent, so that most requests find theirs by one look.
local chains, chain_count = {}, 0
store.on_change(function(key)
  if not key or key:byte(1) == 104 then
    chains, chain_count = {}, 0
  end
end)

local function canonical(host)
  local name = host:lower()
  if name:byte(1) ~= 91 then
    name = name:gsub(":%d*$", "")
  end
  return (name:gsub("%.$", ""))
end

local function chain_of(header)
  local host = canonical(header)
  local dot = host:find(".", 1, true)
  local exact = host ~= "" and store.read("h:" .. host) or nil
  local wildcard = dot and store.read("h:*" .. host:sub(dot)) or nil
  local chain = {}
  chain[#chain + 1] = exact
  chain[#chain + 1] = wildcard
  chain[#chain + 1] = store.read("h:")
  -- Hosts that nobody routes are not remembered.
  if exact or wildcard then
    if chain_count >= 512 then
      chains, chain_count = {}, 0
    end
    chains[header] = chain
    chain_count = chain_count + 1
  end
  return chain
end

-- The first rule whose conditions hold. `trace` collects what was passed over.
local function pick(rules, view, trace)
  for index = 1, #rules do
    local rule = rules[index]
    if not rule.policy then
      return rule
    end
    local policy = store.read(rule.policy)
    if not policy or not policy.match then
      return rule, policy
    end
    local holds, what = match.test(policy.match, view)
    if holds then
      return rule, policy
    end
    if trace then
      trace[#trace + 1] = { rule = rule, reason = what .. " does not match" }
    end
  end
end

local function find_path(record, uri, view, trace)
  local rules = record.e[uri]
  local rule, policy
  if rules then
    rule, policy = pick(rules, view, trace)
    if rule then
      return rule, policy
    end
  end
  for _, each in ipairs(record.r or {}) do
    if re_find(uri, each[1], "jo") then
      rule, policy = pick(each[2], view, trace)
      if rule then
        return rule, policy
      end
    end
  end
  local path = uri
  while true do
    if path:byte(-1) == 47 then
      path = path:gsub("/+$", "")
    end
    rules = record.p[path]
    if rules then
      rule, policy = pick(rules, view, trace)
      if rule then
        return rule, policy
      end
    end
    if path == "" then
      return nil
    end
    path = path:match("^(.*)/") or ""
  end
end

-- The rule of a request and its policy, if it has one; nil when nothing takes it.
function _M.find(host, uri, view, trace)
  local chain = chains[host] or chain_of(host)
  for index = 1, #chain do
    local rule, policy = find_path(chain[index], uri, view, trace)
    if rule then
      return rule, policy
    end
  end
end

-- Of the request that is handled. By the Host header alone, which is also what the app is told: an absolute request
-- target that says otherwise cannot make the two differ.
function _M.find_live()
  local var = ngx.var
  local host = var.http_host or ""
  local chain = chains[host] or chain_of(host)
  local first = chain[1]
  if first and first.only then
    return first.only
  end
  return _M.find(host, var.uri, match.live)
end

return _M
