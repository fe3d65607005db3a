-- Rates and requests in flight, in the shared memory `limits`: all workers of a gateway count together.
local _M = {}
local limits = ngx.shared.limits

-- GCRA: one number per key, the time at which its bucket is full again. Seconds until a request may be made; 0 now.
function _M.wait(key, rate)
  local now = ngx.now()
  local step = rate.perSeconds / rate.requests
  local full_at = limits:get(key) or now
  if full_at < now then
    full_at = now
  end
  local ahead = full_at + step - now
  if ahead > step * (rate.burst + 1) + 1e-6 then
    return ahead - step * (rate.burst + 1)
  end
  limits:set(key, full_at + step, ahead + 1)
  return 0
end

local function suffix(worker)
  return "\0" .. worker
end

-- Counts are kept by worker under its process id: those of a worker that died do not stay.
local own
function _M.start()
  own = suffix(ngx.worker.pid())
  limits:set("pid:" .. ngx.worker.id(), ngx.worker.pid())
end

-- Begins a request of `key` unless `most` run; true when it may.
function _M.enter(key, most)
  local sum = limits:incr(key .. own, 1, 0) or 1
  for worker = 0, ngx.worker.count() - 1 do
    local pid = worker ~= ngx.worker.id() and limits:get("pid:" .. worker)
    if pid then
      sum = sum + (limits:get(key .. suffix(pid)) or 0)
    end
  end
  if sum > most then
    _M.leave(key)
    return false
  end
  return true
end

function _M.leave(key)
  if (limits:incr(key .. own, -1, 0) or 0) <= 0 then
    limits:delete(key .. own)
  end
end

return _M
