-- Counts in each worker's own memory and adds up in the shared dict once a second: a request pays no lock.
local _M = {}
local shared = ngx.shared.metrics
local bounds = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 }
local pending = {}

local function add(key, by)
  pending[key] = (pending[key] or 0) + by
end

-- `host` is the pattern of a known route, so the number of series is bounded; nil is "-".
function _M.request(host, status, seconds)
  host = host or "-"
  add("requests|" .. host .. "|" .. status, 1)
  local bucket = #bounds + 1
  for index = 1, #bounds do
    if seconds <= bounds[index] then
      bucket = index
      break
    end
  end
  add("duration|" .. host .. "|" .. bucket, 1)
  add("seconds|" .. host, seconds)
end

function _M.upstream_failed(host)
  add("failures|" .. (host or "-"), 1)
end

local function flush()
  local counts = pending
  pending = {}
  for key, by in pairs(counts) do
    shared:incr(key, by, 0)
  end
end

function _M.start()
  assert(ngx.timer.every(1, flush))
end

_M.flush = flush

-- Everything counted so far, flat.
function _M.dump()
  flush()
  local all = {}
  for _, key in ipairs(shared:get_keys(0)) do
    all[key] = shared:get(key)
  end
  return { bounds = bounds, counts = all }
end

return _M
