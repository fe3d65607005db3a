-- Finds the rule of a request. Hosts: exact, then `*.` and all but the first label, then any. Paths: Exact, then
-- regular expressions (oldest Ingress first), then the longest Prefix. Rules of one path are in the order that the
-- controller gave them: most conditions first. A rule whose conditions do not hold is passed over for the next.
--   h:<host>  {"e":{path:[rule]},"p":{path without end slash:[rule]},"r":[[pattern,[rule]]]}, or "<ingress>|<backend>"
--             for one rule without policy that takes every path
--   rule      [ingress, backend, 1 when the Ingress has a policy]
local match = require "match"
local store = require "store"

local _M = {}
local re_find = ngx.re.find
local variables = ngx.var
local nothing = {}

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
  if type(record) == "string" then
    local ingress, backend = record:match("^([^|]+)|(.*)$")
    return { only = compile_rules({ { ingress, backend, 0 } }, host, "PREFIX", "")[1] }
  end
  for path, list in pairs(record.e or {}) do
    compile_rules(list, host, "EXACT", path)
  end
  for path, list in pairs(record.p or {}) do
    compile_rules(list, host, "PREFIX", path)
  end
  for _, each in ipairs(record.r or {}) do
    compile_rules(each[2], host, "REGEX", each[1])
    each[1] = "^(?:" .. each[1] .. ")"
  end
  record.e = record.e or nothing
  record.p = record.p or nothing
  record.r = record.r or nothing
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
    if chain_count >= 192 then
      chains, chain_count = {}, 0
    end
    chains[header] = chain
    chain_count = chain_count + 1
  end
  return chain
end

-- The first of a path's rules whose conditions hold, and its policy. `trace` collects what was passed over.
local function pick(rules, view, trace)
  for index = 1, rules and #rules or 0 do
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

local slash = 47

local function without_end_slashes(path)
  local last = #path
  while path:byte(last) == slash do
    last = last - 1
  end
  return path:sub(1, last)
end

local function parent(path)
  local last = #path
  while last > 0 and path:byte(last) ~= slash do
    last = last - 1
  end
  return without_end_slashes(path:sub(1, last))
end

-- The rules to look at after those of the exact path: of each pattern in turn, then of ever shorter prefixes. Answers
-- them (nil: none there), how many patterns were looked at and the prefix; the number is nil at the end.
local function following(record, uri, patterns, prefix)
  if not prefix then
    local each = record.r[patterns + 1]
    if each then
      return re_find(uri, each[1], "jo") and each[2], patterns + 1
    end
    prefix = without_end_slashes(uri)
  elseif prefix == "" then
    return nil
  else
    prefix = parent(prefix)
  end
  return record.p[prefix], patterns, prefix
end

local function find_path(record, uri, view, trace)
  if record.only then
    return record.only
  end
  local rules, patterns, prefix = record.e[uri], 0, nil
  while patterns do
    local rule, policy = pick(rules, view, trace)
    if rule then
      return rule, policy
    end
    rules, patterns, prefix = following(record, uri, patterns, prefix)
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
  local host = variables.http_host or ""
  local chain = chains[host] or chain_of(host)
  local first = chain[1]
  if first and first.only then
    return first.only
  end
  return _M.find(host, variables.uri, match.live)
end

return _M
