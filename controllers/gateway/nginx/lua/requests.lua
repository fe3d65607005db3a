-- What is known of each request, by the address of nginx's own record of it, until its log phase: it outlives internal
-- redirects, which ngx.ctx does not, and nothing is allocated for it. Requests on the straight way have their rule here,
-- those in lanes a context with `rule`.
local base = require "resty.core.base"
local ffi = require "ffi"

local _M = {}
local get_request = base.get_request
local cast = ffi.cast
local address = ffi.typeof "uintptr_t"
local known = {}

local function here()
  return tonumber(cast(address, get_request()))
end

function _M.set(value)
  known[here()] = value
end

function _M.get()
  return known[here()]
end

-- In the log phase, after which the address may be another request's.
function _M.take()
  local at = here()
  local value = known[at]
  known[at] = nil
  return value
end

return _M
