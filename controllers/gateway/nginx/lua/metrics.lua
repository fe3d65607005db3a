-- Counts in each worker's own memory; once a second what changed is written to the shared dict `metrics`, one text
-- of numbers for each series and worker: a request pays no lock. A series is `<ingress>|<backend>`.
--   1-5 answers by status class; 6 bytes sent; 7 milliseconds; 8 failed tries; 9 and on: latency buckets
-- Zeros at the end are left out, so that thousands of series stay small.
local base = require "resty.core.base"
local ffi = require "ffi"

local _M = {}
local shared = ngx.shared.metrics
local bounds = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30 }
local first_bucket = 9
local width = first_bucket + #bounds
local nobody = "-|-" -- requests that no rule took, so that the number of series is bounded

local floor = math.floor
local now = ngx.now
local start_time = ngx.req.start_time
local get_request = base.get_request
local cast = ffi.cast
local tonumber = tonumber

-- How nginx's records of a request and its connection begin (src/http/ngx_http_request.h, src/core/ngx_connection.h).
-- ngx.var.bytes_sent reads the same number, but writes it out and makes a string of it for each request.
ffi.cdef[[
struct gateway_connection {
  void *data, *read, *write;
  int fd;
  void *recv, *send, *recv_chain, *send_chain, *listening;
  int64_t sent;
};
struct gateway_request {
  uint32_t signature;
  struct gateway_connection *connection;
};
]]
local request_pointer = ffi.typeof "struct gateway_request *"
local signature = 0x50545448 -- "HTTP"

local function sent_by_record()
  return tonumber(cast(request_pointer, get_request()).connection.sent)
end

local function sent_by_variable()
  return tonumber(ngx.var.bytes_sent)
end

-- The first request of a worker tells whether this nginx keeps its records so.
local bytes_sent
local function first_sent()
  local is_known = cast(request_pointer, get_request()).signature == signature
    and sent_by_record() == sent_by_variable()
  bytes_sent = is_known and sent_by_record or sent_by_variable
  return bytes_sent()
end
bytes_sent = first_sent

-- What this worker counts: the series of this second, and those of the last one.
local changed, series = {}, {}
local suffix

local function load(name)
  local counts = {}
  local kept = shared:get(name .. suffix)
  if kept then
    for number in kept:gmatch("[^,]+") do
      counts[#counts + 1] = tonumber(number)
    end
  end
  for index = #counts + 1, first_bucket - 1 do
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
  local status = ngx.status
  local class = (status - status % 100) / 100
  if class >= 1 and class <= 5 then
    counts[class] = counts[class] + 1
  end
  local seconds = now() - start_time()
  counts[6] = counts[6] + bytes_sent()
  counts[7] = counts[7] + floor(seconds * 1000 + 0.5)
  local bucket = first_bucket
  while bucket < width and seconds > bounds[bucket - first_bucket + 1] do
    bucket = bucket + 1
  end
  counts[bucket] = (counts[bucket] or 0) + 1
end

function _M.upstream_failed(name)
  local counts = series[name] or load(name)
  changed[name] = counts
  counts[8] = counts[8] + 1
end

-- Collecting costs what is kept, not what is dropped, and every request drops a little: so much may pile up between.
local garbage_kb = 256

local function text_of(counts)
  local text, last = {}, 1
  for index = 1, width do
    text[index] = counts[index] or 0
    last = text[index] ~= 0 and index or last
  end
  return table.concat(text, ",", 1, last)
end

local function flush()
  collectgarbage("setpause", 100 + floor(100 * garbage_kb / collectgarbage("count")))
  series, changed = changed, {}
  for name, counts in pairs(series) do
    shared:set(name .. suffix, text_of(counts))
  end
end

function _M.start()
  suffix = "\0" .. ngx.worker.pid()
  assert(ngx.timer.every(1, flush))
end

_M.flush = flush

-- Everything counted so far, by series, of all workers since nginx started; times in seconds.
function _M.dump()
  flush()
  local all = {}
  for _, key in ipairs(shared:get_keys(0)) do
    local name = key:match("^[^%z]*")
    local sums = all[name]
    if not sums then
      sums = {}
      for index = 1, width do
        sums[index] = 0
      end
      all[name] = sums
    end
    local index = 0
    for number in (shared:get(key) or ""):gmatch("[^,]+") do
      index = index + 1
      sums[index] = sums[index] + tonumber(number)
    end
  end
  for _, sums in pairs(all) do
    sums[7] = sums[7] / 1000
  end
  return { bounds = bounds, series = all }
end

return _M
