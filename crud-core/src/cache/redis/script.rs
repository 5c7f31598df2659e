//! The protocol's steps as Lua scripts: each runs as one and sees nobody else's half done.
//!
//! The epoch stands in the text of each script. A Redis that restarted or was replaced has lost its scripts, whatever
//! data it still has, and answers NOSCRIPT: that is the fence. They are loaded when an epoch begins and at no other
//! time, least of all because one is missing. A Redis that was emptied still has them, but not the epoch's own key.
//!
//! All keys of a table are in one slot, and in the epoch's own name space:
//! `{c:T}:E:ep` the epoch lives, `{c:T}:E:w` what is in doubt (field → `token@deadline …`), `{c:T}:E:s:D` the stamp of
//! `D`, `{c:T}:E:b:F` a body, `{c:T}:E:l:F` who loads it.

use redis::Script;

use crate::cache::mutant::{Mutant, lives};

/// How long a token keeps what it marks in doubt, if nothing ends it: longer than any transaction lasts that still
/// may commit.
pub(crate) const TOKEN_MS: u64 = 15_000;
/// How long a stamp lasts: longer than any body.
pub(crate) const STAMP_S: u64 = 7_200;
/// How long others wait for the one who loads.
pub(crate) const LEASE_MS: u64 = 2_000;

/// KEYS ep, w, body, lease, stamp… ARGV nonce, the caller's stamps, wants a body, dep…
const READ: &str = r"
if not redis.call('GET', KEYS[1]) then return {'F'} end
local n = #ARGV - 3
if redis.call('EXISTS', KEYS[2]) == 1 then
  local held = redis.call('HMGET', KEYS[2], unpack(ARGV, 4))
  local now
  for i = 1, n do
    if held[i] then
      if not now then local t = redis.call('TIME'); now = t[1] * 1000 + math.floor(t[2] / 1000) end
      for deadline in string.gmatch(held[i], '@(%d+)') do
        if tonumber(deadline) > now then return {'D'} end
      end
    end
  end
end
local stamps = redis.call('MGET', unpack(KEYS, 5))
for i = 1, n do
  if not stamps[i] then
    stamps[i] = ARGV[1]
    redis.call('SET', KEYS[4 + i], ARGV[1], 'EX', STAMP_S)
  end
end
local s = table.concat(stamps)
if s == ARGV[2] then return {'V', s} end
if ARGV[3] == '0' then return {'S', s} end
local body = redis.call('GET', KEYS[3])
if body and string.sub(body, 1, #s) == s then return {'H', body} end
if redis.call('SET', KEYS[4], '1', 'NX', 'PX', LEASE_MS) then return {'L', s} end
return {'W', s}
";

/// KEYS ep, w, body, lease, stamp… ARGV stamps, milliseconds, body, dep…
const FILL: &str = r"
redis.call('DEL', KEYS[4])
if not redis.call('GET', KEYS[1]) then return {'F'} end
if table.concat(redis.call('MGET', unpack(KEYS, 5)), '') ~= ARGV[1] then return {'R'} end
redis.call('SET', KEYS[3], ARGV[1] .. ARGV[3], 'PX', ARGV[2])
return {'K'}
";

/// KEYS ep, w, stamp… ARGV token, nonce, dep…
const MARK: &str = r"
if not redis.call('GET', KEYS[1]) then return {'F'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local mine = ARGV[1] .. '@' .. string.format('%.0f', now + TOKEN_MS)
for i = 3, #ARGV do
  local held = redis.call('HGET', KEYS[2], ARGV[i])
  local kept = mine
  if held then
    for token, deadline in string.gmatch(held, '(%x+)@(%d+)') do
      if token ~= ARGV[1] and tonumber(deadline) > now then kept = kept .. ' ' .. token .. '@' .. deadline end
    end
  end
  redis.call('HSET', KEYS[2], ARGV[i], kept)
  redis.call('SET', KEYS[i], ARGV[2], 'EX', STAMP_S)
end
return {'K'}
";

/// KEYS ep, w, stamp… ARGV token, nonce, dep…
const POST: &str = r"
if not redis.call('GET', KEYS[1]) then return {'F'} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 3, #ARGV do
  local held = redis.call('HGET', KEYS[2], ARGV[i])
  if held then
    local kept
    for token, deadline in string.gmatch(held, '(%x+)@(%d+)') do
      if token ~= ARGV[1] and tonumber(deadline) > now then
        kept = (kept and kept .. ' ' or '') .. token .. '@' .. deadline
      end
    end
    if kept then redis.call('HSET', KEYS[2], ARGV[i], kept) else redis.call('HDEL', KEYS[2], ARGV[i]) end
  end
  redis.call('SET', KEYS[i], ARGV[2], 'EX', STAMP_S)
end
return {'K'}
";

/// The scripts: read, fill, mark and post.
fn scripts() -> [String; 4] {
    let [mut read, mut fill, mut mark, mut post] = [READ, FILL, MARK, POST].map(str::to_owned);
    let cut = |script: &mut String, part: &str| {
        assert!(script.contains(part), "there is nothing to take away");
        *script = script.replace(part, "");
    };
    if lives(Mutant::NoDoubt) {
        cut(
            &mut read,
            "if tonumber(deadline) > now then return {'D'} end",
        );
    }
    if lives(Mutant::NoEpochKey) {
        for script in [&mut read, &mut fill, &mut mark, &mut post] {
            cut(
                script,
                "if not redis.call('GET', KEYS[1]) then return {'F'} end",
            );
        }
    }
    if lives(Mutant::DeleteBefore) || lives(Mutant::DoubleDelete) {
        cut(&mut mark, "redis.call('HSET', KEYS[2], ARGV[i], kept)");
    }
    if lives(Mutant::SameStamps) {
        for script in [&mut mark, &mut post] {
            cut(script, "redis.call('SET', KEYS[i], ARGV[2], 'EX', STAMP_S)");
        }
    }
    [read, fill, mark, post]
}

/// The scripts of one epoch, with their hashes.
pub(crate) struct Scripts {
    /// See [`READ`].
    pub(super) read: Script,
    /// See [`FILL`].
    pub(super) fill: Script,
    /// See [`MARK`].
    pub(super) mark: Script,
    /// See [`POST`].
    pub(super) post: Script,
    /// Their texts, to be loaded.
    pub(super) texts: [String; 4],
    /// The epoch, which is a part of every key.
    pub(super) epoch: String,
}

impl Scripts {
    /// The scripts of `epoch`, which is hexadecimal.
    pub(super) fn of(epoch: &str) -> Self {
        let text = |script: &str| {
            let token_ms = if lives(Mutant::ShortDoubt) {
                50
            } else {
                TOKEN_MS
            };
            let script = script
                .replace("STAMP_S", &STAMP_S.to_string())
                .replace("LEASE_MS", &LEASE_MS.to_string())
                .replace("TOKEN_MS", &token_ms.to_string());
            format!("-- {epoch}{script}")
        };
        let texts = scripts().map(|script| text(&script));
        let [read, fill, mark, post] = texts.each_ref().map(|text| Script::new(text));
        Self {
            read,
            fill,
            mark,
            post,
            texts,
            epoch: epoch.to_owned(),
        }
    }
}
