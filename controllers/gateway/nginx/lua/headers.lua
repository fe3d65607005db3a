-- Edits of headers, and cookies of the gateway's own.
local _M = {}

local function appended(present, value)
  if not present then
    return value
  elseif type(present) == "table" then
    present[#present + 1] = value
    return present
  end
  return { present, value }
end
_M.appended = appended

function _M.edit_request(edits)
  for _, each in ipairs(edits.set or {}) do
    ngx.req.set_header(each.name, each.value)
  end
  if edits.add then
    local present = ngx.req.get_headers(0)
    for _, each in ipairs(edits.add) do
      ngx.req.set_header(each.name, appended(present[each.name], each.value))
    end
  end
  for _, name in ipairs(edits.remove or {}) do
    ngx.req.clear_header(name)
  end
end

function _M.edit_answer(edits)
  local header = ngx.header
  for _, name in ipairs(edits.remove or {}) do
    header[name] = nil
  end
  for _, each in ipairs(edits.set or {}) do
    header[each.name] = each.value
  end
  for _, each in ipairs(edits.add or {}) do
    header[each.name] = appended(header[each.name], each.value)
  end
end

-- Says that the answer depends on a header of the request.
function _M.vary(name)
  local present = ngx.header["Vary"]
  if type(present) == "table" then
    present = table.concat(present, ", ")
  end
  ngx.header["Vary"] = present and present .. ", " .. name or name
end

function _M.set_cookie(name, value, ttl, secure)
  local text = name .. "=" .. value .. "; Path=/; HttpOnly; SameSite=Lax"
  if ttl then
    text = text .. "; Max-Age=" .. ttl
  end
  if secure then
    text = text .. "; Secure"
  end
  ngx.header["Set-Cookie"] = appended(ngx.header["Set-Cookie"], text)
end

return _M
