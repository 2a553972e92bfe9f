"""The script that Redis or Valkey runs for every exchange: whole or not at all, on the server's clock."""

from __future__ import annotations

from typing import Final

from cc_async.session.book import LEASE, PROVEN
from cc_async.session.quota import FLIGHT

HOLD: Final = 10.0
"""Seconds of a window that are waited out, at most, on a server that knows nothing: new, or data lost."""
MEMBER: Final = 5.0
"""Seconds after its last word for which a process counts as a member."""
_MICRO: Final = 1_000_000

SCRIPT: Final = f"""
local t = redis.call('TIME')
local now = t[1] * {_MICRO} + t[2]
local token = ARGV[1]
local call = redis.call
local function int(x) return string.format('%.0f', x) end
local function num(x) return tonumber(x or 0) or 0 end

local members, born = KEYS[1], KEYS[2]
if ARGV[2] == 'bye' then
  call('ZREM', members, token)
else
  call('ZADD', members, int(now + {MEMBER * _MICRO:.0f}), token)
  call('ZREMRANGEBYSCORE', members, '-inf', int(now))
  call('PEXPIRE', members, 60000)
end
local since = call('GET', born)
if not since then
  since = int(now)
  call('SET', born, since)
end

local function fields(c, names)
  local found = call('HMGET', c, unpack(names))
  return found
end
local function keep(c) call('EXPIRE', c, 90000) end

local function lock_of(c, scope)
  local f = fields(c, {{'since:' .. scope, 'until:' .. scope, 'why:' .. scope}})
  if num(f[2]) > now then
    return {{scope, int(num(f[1]) - now), int(num(f[2]) - now), f[3] or ''}}
  end
end

local does = {{}}

function does.take(op)
  local window, pause, credential, asking = KEYS[op[2]], KEYS[op[3]], KEYS[op[4]], KEYS[op[5]]
  local interface, limit, per, count, name, again = op[6], op[7], op[8], op[9], op[10], op[11]
  local answer = {{locks = {{}}, slots = {{}}, granted = 0, rivals = 0, counted = 0}}
  for _, scope in ipairs({{'', interface}}) do
    local lock = lock_of(credential, scope)
    if lock then answer.locks[#answer.locks + 1] = lock end
  end
  local f = fields(credential, {{'doubts', 'doubted:' .. interface}})
  answer.doubts, answer.doubted = num(f[1]), f[2] == '1'
  answer.paused = math.max(0, num(call('GET', pause)) - now)
  local closed = answer.paused
  if limit then
    call('ZREMRANGEBYSCORE', window, '-inf', int(now))
    answer.counted = call('ZCARD', window)
    closed = math.max(closed, num(since) + math.min(per, {HOLD * _MICRO:.0f}) + {FLIGHT * _MICRO:.0f} - now)
  end
  if #answer.locks > 0 or count == 0 then return answer end
  if closed > 0 then
    answer.wait = closed
    return answer
  end
  if not limit then
    answer.granted = count
    return answer
  end
  call('ZREMRANGEBYSCORE', asking, '-inf', int(now))
  call('ZREM', asking, token)
  answer.rivals = call('ZCARD', asking)
  local free = limit - answer.counted
  local mine = math.max(0, math.min(count, math.ceil(free / (answer.rivals + 1))))
  local left = mine
  for number = 1, count do
    local slot = token .. ':' .. name .. ':' .. number
    if again and call('ZSCORE', window, slot) then
      answer.slots[#answer.slots + 1] = number
    elseif left > 0 then
      call('ZADD', window, int(now + per + {LEASE * _MICRO:.0f}), slot)
      answer.slots[#answer.slots + 1] = number
      left = left - 1
      answer.counted = answer.counted + 1
    end
  end
  answer.granted = #answer.slots
  if answer.granted > 0 then
    call('PEXPIRE', window, math.ceil(per / 1000) + {(LEASE + 60) * 1000:.0f})
  end
  if answer.granted < count then
    call('ZADD', asking, int(now + {_MICRO // 2}), token)
    call('PEXPIRE', asking, 60000)
    if free > mine then
      answer.wait = 2000
    else
      local first = call('ZRANGE', window, 0, 0, 'WITHSCORES')
      if first[2] then answer.wait = math.max(0, num(first[2]) - now) end
    end
  end
  return answer
end

local function count_until(window, slot, life, per)
  if life > 0 then
    call('ZADD', window, int(now + life), slot)
    call('PEXPIRE', window, math.ceil(per / 1000) + {(LEASE + 60) * 1000:.0f})
  else
    call('ZREM', window, slot)
  end
end
function does.land(op) count_until(KEYS[op[2]], op[3], op[4], op[5]) end
function does.drop(op) call('ZREM', KEYS[op[2]], op[3]) end
function does.renew(op) count_until(KEYS[op[2]], op[3], op[4] + {LEASE * _MICRO:.0f}, op[4]) end
function does.count(op)
  for number = 1, op[4] do count_until(KEYS[op[2]], op[3] .. ':' .. number, op[5], op[6]) end
end

function does.pause(op)
  if now + op[3] > num(call('GET', KEYS[op[2]])) then
    call('SET', KEYS[op[2]], int(now + op[3]), 'PX', math.max(1, math.ceil(op[3] / 1000)))
  end
end

function does.lock(op)
  local c, scope, life, why = KEYS[op[2]], op[3], op[4], op[5]
  local f = fields(c, {{'since:' .. scope, 'until:' .. scope}})
  local begin, past = now, num(f[2])
  if past > now then begin = num(f[1]) end
  call('HSET', c, 'since:' .. scope, int(begin), 'until:' .. scope, int(math.max(past, now + life)),
    'why:' .. scope, why)
  keep(c)
end
function does.unlock(op)
  local c = KEYS[op[2]]
  for _, field in ipairs(op[3] and {{'until:' .. op[3]}} or call('HKEYS', c)) do
    if string.sub(field, 1, 6) == 'until:' then call('HDEL', c, field) end
  end
end

function does.prove(op)
  local c, scope = KEYS[op[2]], op[3]
  if scope == '' then
    call('HSET', c, 'proven', int(now + {PROVEN * _MICRO:.0f}))
  else
    call('HDEL', c, 'doubted:' .. scope)
  end
  keep(c)
end
function does.doubt(op)
  local c, scope = KEYS[op[2]], op[3]
  if scope == '' then
    call('HDEL', c, 'proven')
    call('HINCRBY', c, 'doubts', 1)
  else
    call('HSET', c, 'doubted:' .. scope, '1')
  end
  keep(c)
end

function does.claim(op)
  local c, scope = KEYS[op[2]], op[3]
  for _, each in ipairs(scope == '' and {{''}} or {{'', scope}}) do
    local lock = lock_of(c, each)
    if lock then return {{state = 'theirs', lock = lock}} end
  end
  local f = fields(c, {{'proven', 'doubted:' .. scope, 'turn:' .. scope, 'turn_until:' .. scope}})
  if (scope == '' and num(f[1]) > now) or (scope ~= '' and f[2] ~= '1') then return {{state = 'proven'}} end
  if f[3] and f[3] ~= token and num(f[4]) > now then return {{state = 'theirs'}} end
  call('HSET', c, 'turn:' .. scope, token, 'turn_until:' .. scope, int(now + {LEASE * _MICRO:.0f}))
  keep(c)
  return {{state = 'ours'}}
end
function does.leave(op)
  local c, scope = KEYS[op[2]], op[3]
  if call('HGET', c, 'turn:' .. scope) == token then call('HDEL', c, 'turn:' .. scope) end
end

local answers = {{}}
for place, op in ipairs(cjson.decode(ARGV[3])) do
  answers[place] = does[op[1]](op) or 0
end
return cjson.encode({{call('ZCARD', members), answers}})
"""
"""KEYS: members, birth, then what the operations name by number. ARGV: token, ``bye`` or nothing, JSON."""
