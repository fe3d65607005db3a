-- Certificate phase; without a certificate for the name the default one of the configuration stays.
local ssl = require "ngx.ssl"
local store = require "store"

local _M = {}

store.register("c:", function(entry)
  entry.chain = assert(ssl.parse_pem_cert(entry.cert))
  entry.private = assert(ssl.parse_pem_priv_key(entry.key))
  entry.cert, entry.key = nil, nil
  return entry
end)

function _M.certificate()
  local name = ssl.server_name()
  if not name then
    return
  end
  name = name:lower()
  store.refresh()
  local dot = name:find(".", 1, true)
  local entry = store.read("c:" .. name) or (dot and store.read("c:*" .. name:sub(dot)))
  if not entry then
    return
  end
  assert(ssl.clear_certs())
  assert(ssl.set_cert(entry.chain))
  assert(ssl.set_priv_key(entry.private))
end

return _M
