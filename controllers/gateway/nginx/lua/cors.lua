-- Cross-origin requests (https://fetch.spec.whatwg.org/#http-cors-protocol).
local headers = require "headers"

local _M = {}
local re_find = ngx.re.find

function _M.compile(cors)
  local exact = {}
  for _, origin in ipairs(cors.origins or {}) do
    exact[origin] = true
  end
  cors.exact = exact
  cors.any = exact["*"]
  cors.methods = table.concat(cors.methods, ", ")
  cors.headers = cors.headers and table.concat(cors.headers, ", ")
  cors.exposeHeaders = cors.exposeHeaders and table.concat(cors.exposeHeaders, ", ")
  return cors
end

-- What Access-Control-Allow-Origin says to this origin, or nil.
local function allowed(cors, origin)
  if not origin then
    return nil
  elseif cors.any then
    return "*"
  elseif cors.exact[origin] then
    return origin
  end
  -- Wildcards have become patterns, too.
  for _, pattern in ipairs(cors.originPatterns or {}) do
    if re_find(origin, "^(?:" .. pattern .. ")$", "jo") then
      return origin
    end
  end
end

-- Access: remembers the origin for the answer; true when the request is a preflight, which is answered here.
function _M.begin(cors, ctx)
  ctx.origin = allowed(cors, ngx.var.http_origin)
  return ngx.req.get_method() == "OPTIONS" and ngx.var.http_access_control_request_method ~= nil
end

function _M.preflight(cors, ctx)
  if ctx.origin then
    ngx.header["Access-Control-Allow-Methods"] = cors.methods
    ngx.header["Access-Control-Allow-Headers"] = cors.headers or ngx.var.http_access_control_request_headers
    ngx.header["Access-Control-Max-Age"] = cors.maxAgeSeconds
  end
  return 204
end

-- Header filter: what the app says of it itself is replaced.
function _M.finish(cors, ctx)
  local header = ngx.header
  header["Access-Control-Allow-Origin"] = ctx.origin
  header["Access-Control-Allow-Credentials"] = ctx.origin and cors.credentials and "true" or nil
  header["Access-Control-Expose-Headers"] = ctx.origin and cors.exposeHeaders or nil
  if not cors.any then
    headers.vary("Origin")
  end
end

return _M
