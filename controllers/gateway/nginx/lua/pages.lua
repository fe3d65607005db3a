-- What a visitor sees when there is nothing to route to: a page for browsers, a line for programs.
local _M = {}
local template

local texts = {
  [401] = { "Who are you?", "This address asks for a name and a password." },
  [403] = { "Not from here", "This address does not answer your network." },
  [413] = { "Too much at once", "The request is larger than this address takes." },
  [429] = { "Too many requests", "Wait a moment, then try again." },
  [404] = { "Nothing lives here", "No app is routed at this address. If you expected one, check its routes." },
  [502] = { "The app did not answer", "The app is running but closed the connection. Its log may say why." },
  [503] = { "The app is not ready", "It is stopped, starting or failing. Try again in a moment." },
  [504] = { "The app took too long", "It accepted the request but did not answer in time." },
}

-- https://grpc.github.io/grpc/core/md_doc_statuscodes.html: the others are UNAVAILABLE.
local grpc_codes = { [401] = 16, [403] = 7, [404] = 12, [413] = 8, [429] = 8, [504] = 4 }

-- Read once, by the master process.
function _M.load(file)
  local handle = assert(io.open(file))
  template = handle:read("*a")
  handle:close()
end

-- Ends the request. gRPC clients read a status of their own instead of a page.
function _M.send(status)
  local text = texts[status] or texts[502]
  if (ngx.var.http_content_type or ""):find("application/grpc", 1, true) == 1 then
    ngx.header["Content-Type"] = "application/grpc"
    ngx.header["grpc-status"] = grpc_codes[status] or 14
    ngx.header["grpc-message"] = text[1]
    ngx.status = 200
    return ngx.exit(200)
  end
  ngx.status = status
  if status == 204 or (status >= 300 and status < 400) then
    return ngx.exit(status)
  end
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
