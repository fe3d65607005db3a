-- What a visitor sees when there is nothing to route to: a page for browsers, a line for programs.
local _M = {}
local template

local texts = {
  [404] = { "Nothing lives here", "No app is routed at this address. If you expected one, check its routes." },
  [502] = { "The app did not answer", "The app is running but closed the connection. Its log may say why." },
  [503] = { "The app is not ready", "It is stopped, starting or failing. Try again in a moment." },
  [504] = { "The app took too long", "It accepted the request but did not answer in time." },
}

-- Read once, by the master process.
function _M.load(file)
  local handle = assert(io.open(file))
  template = handle:read("*a")
  handle:close()
end

function _M.send(status)
  local text = texts[status] or texts[502]
  ngx.status = status
  ngx.header["Cache-Control"] = "no-store"
  if status == 503 then
    ngx.header["Retry-After"] = "5"
  end
  if (ngx.var.http_accept or ""):find("text/html", 1, true) then
    ngx.header["Content-Type"] = "text/html; charset=utf-8"
    local values = { status = tostring(status), title = text[1], text = text[2] }
    ngx.print((template:gsub("{{(%w+)}}", values)))
  else
    ngx.header["Content-Type"] = "text/plain; charset=utf-8"
    ngx.say(status, " ", text[1], ". ", text[2])
  end
  return ngx.exit(ngx.OK)
end

return _M
