-- What becomes of the path, and where a redirect leads.
local _M = {}

-- The path that the app sees instead of `uri`.
function _M.path(rewrite, rule, uri)
  if rewrite.kind == "REGEX" then
    return (ngx.re.sub(uri, rewrite.pattern, rewrite.replacement, "jo")) or uri
  end
  local rest = ""
  if rule.kind == "PREFIX" then
    rest = uri:sub(#rule.path + 1)
  elseif rule.kind == "REGEX" then
    local _, last = ngx.re.find(uri, "^(?:" .. rule.path .. ")", "jo")
    rest = uri:sub((last or 0) + 1)
  end
  local path = rewrite.to
  if path:byte(-1) == 47 and rest:byte(1) == 47 then
    rest = rest:sub(2)
  elseif path:byte(-1) ~= 47 and rest ~= "" and rest:byte(1) ~= 47 then
    rest = "/" .. rest
  end
  return path .. rest
end

-- The address of a redirect; parts that it leaves out are those of the request.
function _M.location(redirect, scheme, http_host, request_uri)
  local host, port = http_host:match("^(.-):?(%d*)$")
  if http_host:byte(1) == 91 then
    host, port = http_host:match("^(%[.-%]):?(%d*)$")
  end
  local wanted = redirect.scheme and redirect.scheme:lower() or scheme
  if redirect.host then
    host, port = redirect.host:match("^(.-):?(%d*)$")
  elseif wanted ~= scheme then
    port = ""
  end
  port = redirect.port and tostring(redirect.port) or port
  if port == "" or (wanted == "http" and port == "80") or (wanted == "https" and port == "443") then
    port = nil
  end
  local target = request_uri
  if redirect.path then
    target = redirect.path .. (request_uri:match("%?.*$") or "")
  end
  return wanted .. "://" .. host .. (port and ":" .. port or "") .. target
end

return _M
