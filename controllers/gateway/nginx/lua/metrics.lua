-- Counts in each worker's own memory; once a second what changed is written to the shared dict `metrics`, one text
-- of numbers for each series and worker: a request pays no lock. A series is `<ingress>|<backend>`.
--   1-5 answers by status class; 6 bytes sent; 7 seconds; 8 failed tries; 9 and on: latency buckets
local _M = {}
local shared = ngx.shared.metrics
local bounds = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 }
local first_bucket = 9
local width = first_bucket + #bounds
local idle_after = 600 -- flushes, after which a worker forgets a series
local nobody = "-|-" -- requests that no rule took, so that the number of series is bounded

local series, changed = {}, {}
local flushes = 0
local suffix

local function load(name)
  local counts = {}
  local kept = shared:get(name .. suffix)
  if kept then
    for number in kept:gmatch("[^,]+") do
      counts[#counts + 1] = tonumber(number)
    end
  end
  for index = #counts + 1, width do
    counts[index] = 0
  end
  series[name] = counts
  return counts
end

-- Log phase.
function _M.request(name)
  name = name or nobody
  local counts = series[name] or load(name)
  changed[name] = counts
  local class = (ngx.status - ngx.status % 100) / 100
  if class >= 1 and class <= 5 then
    counts[class] = counts[class] + 1
  end
  local seconds = ngx.now() - ngx.req.start_time()
  counts[6] = counts[6] + tonumber(ngx.var.bytes_sent)
  counts[7] = counts[7] + seconds
  local bucket = first_bucket
  while bucket < width and seconds > bounds[bucket - first_bucket + 1] do
    bucket = bucket + 1
  end
  counts[bucket] = counts[bucket] + 1
end

function _M.upstream_failed(name)
  local counts = series[name] or load(name)
  changed[name] = counts
  counts[8] = counts[8] + 1
end

local function flush()
  flushes = flushes + 1
  local written = changed
  changed = {}
  for name, counts in pairs(written) do
    counts.flushed = flushes
    shared:set(name .. suffix, table.concat(counts, ","))
  end
  if flushes % idle_after == 0 then
    for name, counts in pairs(series) do
      if not changed[name] and (counts.flushed or 0) < flushes - idle_after then
        series[name] = nil
      end
    end
  end
end

function _M.start()
  suffix = "\0" .. ngx.worker.pid()
  assert(ngx.timer.every(1, flush))
end

_M.flush = flush

-- Everything counted so far, by series, of all workers since nginx started.
function _M.dump()
  flush()
  local all = {}
  for _, key in ipairs(shared:get_keys(0)) do
    local name = key:match("^[^%z]*")
    local sums = all[name] or {}
    all[name] = sums
    local index = 0
    for number in (shared:get(key) or ""):gmatch("[^,]+") do
      index = index + 1
      sums[index] = (sums[index] or 0) + tonumber(number)
    end
  end
  return { bounds = bounds, series = all }
end

return _M
