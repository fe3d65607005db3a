-- Basic authentication (RFC 7617). A pair that was right is remembered for minutes; wrong ones cost the client waiting.
local limits = require "limits"

local _M = {}
-- Of one client: a few at once, then one in six seconds.
local attempts = { requests = 10, perSeconds = 60, burst = 9 }
local remembered_for = 300
local proven, count = {}, 0
local random = assert(io.open("/dev/urandom", "rb"))
local secret = random:read(20)
random:close()

local function ask(realm)
  ngx.header["WWW-Authenticate"] = 'Basic realm="' .. realm .. '", charset="UTF-8"'
  return 401
end

local function remember(proof)
  if count >= 1024 then
    proven, count = {}, 0
  end
  count = count + 1
  proven[proof] = ngx.now() + remembered_for
end

-- nil when the client may pass, otherwise the status that refuses it.
function _M.check(auth)
  local encoded = (ngx.var.http_authorization or ""):match("^[Bb][Aa][Ss][Ii][Cc] +(%S+)$")
  local user, password = (encoded and ngx.decode_base64(encoded) or ""):match("^([^:]*):(.*)$")
  if not user or #password > 512 then
    return ask(auth.realm)
  end
  local hash = auth.users[user]
  local proof = ngx.hmac_sha1(secret, (hash or "") .. "\0" .. user .. "\0" .. password)
  if hash and (proven[proof] or 0) > ngx.now() then
    return nil
  end
  local client = "auth:" .. ngx.var.binary_remote_addr
  if limits.wait(client, attempts) > 0 then
    return 429
  end
  if not hash then
    return ask(auth.realm)
  end
  local ok, right = ngx.run_worker_thread("passwords", "htpasswd", "verify", password, hash)
  if not ok then
    ngx.log(ngx.ERR, "cannot check a password: ", right)
    return 503
  end
  if not right then
    return ask(auth.realm)
  end
  remember(proof)
  return nil
end

return _M
