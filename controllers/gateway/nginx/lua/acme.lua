-- Answers challenges of ACME servers (RFC 8555, 8.3), for whatever host they ask.
local store = require "store"

local _M = {}

local function authorization()
  local token = ngx.var.uri:match("^/%.well%-known/acme%-challenge/([%w_-]+)$")
  return token and store.read("a:" .. token)
end

-- Rewrite phase (set_by_lua): where a request below the path of challenges goes.
function _M.lane()
  store.refresh()
  if authorization() then
    return "@challenge"
  end
  return "@entry"
end

-- Content phase of @challenge.
function _M.answer()
  local text = authorization()
  if not text then
    return require("pages").send(404)
  end
  ngx.header["Content-Type"] = "application/octet-stream"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(text)
end

return _M
