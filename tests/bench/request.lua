-- wrk's side of bench.py: wrk -s request.lua URL -- METHOD BODY_BYTES
-- The request is built once, so that the load generator costs next to nothing for each one.

function init(args)
  wrk.method = args[1]
  local bytes = tonumber(args[2])
  if bytes > 0 then
    local head, tail = '{"name":"', '","email":"ada@example.com"}'
    wrk.body = head .. string.rep("a", bytes - #head - #tail) .. tail
    wrk.headers["Content-Type"] = "application/json"
  end
end

function done(summary, latency)
  local e = summary.errors
  print(string.format("RESULT requests=%d microseconds=%d failed=%d p50=%.0f p99=%.0f",
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
