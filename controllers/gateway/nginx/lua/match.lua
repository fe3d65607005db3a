-- Conditions on a request. A view is where they read: the request itself, or the question of an explanation.
local _M = {}
local re_find = ngx.re.find

-- The value of a cookie by its exact name, or nil.
function _M.cookie(header, name)
  if not header then
    return nil
  end
  local from = 1
  while true do
    local at, last = header:find(name, from, true)
    if not at then
      return nil
    end
    if header:byte(last + 1) == 61 then
      local before = at - 1
      while before > 0 and (header:byte(before) == 32 or header:byte(before) == 9) do
        before = before - 1
      end
      if before == 0 or header:byte(before) == 59 then
        return (header:sub(last + 2, (header:find(";", last, true) or 0) - 1):gsub('^%s*"?', ""):gsub('"?%s*$', ""))
      end
    end
    from = last + 1
  end
end

_M.live = {
  method = function()
    return ngx.req.get_method()
  end,
  header = function(condition)
    return ngx.var[condition.var]
  end,
  cookie = function(name)
    return _M.cookie(ngx.var.http_cookie, name)
  end,
  query = function(name)
    local value = ngx.req.get_uri_args(64)[name]
    if type(value) == "table" then
      value = value[1]
    end
    return value == true and "" or value
  end,
  ip = function()
    return ngx.var.remote_addr
  end,
}

local function holds(condition, value)
  local op = condition.op
  if op == "PRESENT" then
    return value ~= nil
  elseif op == "ABSENT" then
    return value == nil
  elseif value == nil then
    return false
  elseif op == "EXACT" then
    return value == condition.value
  elseif op == "PREFIX" then
    return value:sub(1, #condition.value) == condition.value
  end
  -- An error is a pattern that needed too many steps: it does not match.
  return (re_find(value, condition.value, "jo")) ~= nil
end

-- Prepares a match once, when it is decoded; nil when it has no conditions.
function _M.compile(match)
  if not match then
    return nil
  end
  local methods
  for _, method in ipairs(match.methods or {}) do
    methods = methods or {}
    methods[method] = true
  end
  match.methods = methods
  for _, condition in ipairs(match.headers or {}) do
    condition.var = "http_" .. condition.name:lower():gsub("-", "_")
  end
  return match
end

-- Whether everything holds; otherwise what does not.
function _M.test(match, view)
  if match.methods and not match.methods[view.method()] then
    return false, "method " .. tostring(view.method())
  end
  for _, condition in ipairs(match.headers or {}) do
    if not holds(condition, view.header(condition)) then
      return false, "header " .. condition.name
    end
  end
  for _, condition in ipairs(match.cookies or {}) do
    if not holds(condition, view.cookie(condition.name)) then
      return false, "cookie " .. condition.name
    end
  end
  for _, condition in ipairs(match.query or {}) do
    if not holds(condition, view.query(condition.name)) then
      return false, "query parameter " .. condition.name
    end
  end
  return true
end

return _M
