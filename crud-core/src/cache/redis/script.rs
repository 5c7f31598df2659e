//! The protocol's steps as Lua scripts: each runs as one and sees nobody else's half done.
//!
//! The epoch stands in the text of each script. A Redis that restarted or was replaced has lost its scripts, whatever
//! data it still has, and answers NOSCRIPT: that is the fence. They are loaded when an epoch begins and at no other
//! time, least of all because one is missing. A Redis that was emptied still has them, but not the epoch's own key.
//!
//! All keys of a table are in one slot, and in the epoch's own name space: `{c:T}:E:ep` the epoch lives, `{c:T}:E:s:D`
//! the stamp of `D` with what holds it in doubt, `{c:T}:E:b:F` a body, `{c:T}:E:l:F` who loads it. The first says also when a
//! reader last found something in doubt, in milliseconds: [`crowd`](super::crowd).
//!
//! A stamp is 16 bytes. Behind it stand the writes that hold it in doubt, 29 bytes each: the token, and its deadline as 13
//! digits of milliseconds. So a reader asks one key a dependency, and a mark takes the same time however many writes are
//! under way. The newest is the last, and ends last. A stamp in doubt has no expiry, or a Redis that is full could evict
//! it; what a writer left who died is taken away by whoever reads or writes it next.

use redis::Script;

use super::crowd::READ_ELSEWHERE;
use crate::cache::mutant::{Mutant, lives};

/// How long a token keeps what it marks in doubt, if nothing ends it: longer than any transaction lasts that still
/// may commit.
pub(crate) const TOKEN_MS: u64 = 15_000;
/// How long a stamp lasts: longer than any body.
pub(crate) const STAMP_S: u64 = 7_200;
/// How long others wait for the one who loads.
pub(crate) const LEASE_MS: u64 = 2_000;

/// KEYS ep, body, lease, stamp… ARGV nonce, wants a body
const READ: &str = r"
local stamps = redis.call('MGET', KEYS[1], unpack(KEYS, 4))
if not table.remove(stamps, 1) then return {'F'} end
local n = #KEYS - 3
local now
for i = 1, n do
  local stamp = stamps[i]
  if not stamp then
    stamp = ARGV[1]
  elseif #stamp > 16 then
    if not now then local t = redis.call('TIME'); now = string.format('%013.0f', t[1] * 1000 + math.floor(t[2] / 1000)) end
    if string.sub(stamp, -13) > now then redis.call('SET', KEYS[1], now); return {'D'} end
    stamp = string.sub(stamp, 1, 16)
  end
  if stamp ~= stamps[i] then
    stamps[i] = stamp
    redis.call('SET', KEYS[3 + i], stamp, 'EX', STAMP_S)
  end
end
local s = table.concat(stamps)
if ARGV[2] == '0' then return {'S', s} end
local body = redis.call('GET', KEYS[2])
if body and string.sub(body, 1, #s) == s then return {'H', body} end
if redis.call('SET', KEYS[3], '1', 'NX', 'PX', LEASE_MS) then return {'L', s} end
return {'W', s}
";

/// KEYS ep, body, lease, stamp… ARGV stamps, milliseconds, body
///
/// A stamp in doubt is longer, and none of the caller's.
const FILL: &str = r"
redis.call('DEL', KEYS[3])
local stamps = redis.call('MGET', KEYS[1], unpack(KEYS, 4))
if not table.remove(stamps, 1) then return {'F'} end
for i = 1, #KEYS - 3 do
  if stamps[i] ~= string.sub(ARGV[1], 16 * i - 15, 16 * i) then return {'R'} end
end
redis.call('SET', KEYS[2], ARGV[1] .. ARGV[3], 'PX', ARGV[2])
return {'K'}
";

/// KEYS ep, stamp… ARGV nonce, the token that comes, to how many of the stamps it comes (the first ones), and for each
/// stamp the tokens that go. `K`: it is done; `A`: and readers have been here
///
/// What others left who died is taken away by the way: the oldest tokens are the first. A stamp that nothing holds in
/// doubt any more is deleted, which is cheaper than a new one: who reads it next makes it. Most stamps that a token comes
/// to are clean, and most that one leaves have no other.
const WRITE: &str = r"
local keys, argv, nonce = KEYS, ARGV, ARGV[1]
local stamps = redis.call('MGET', unpack(keys))
if not stamps[1] then return {'F'} end
local sub, find = string.sub, string.find
local doubtful, d, clean, c = {}, 0, {}, 0
local marked = argv[3] + 1
local now, token, fresh, done = '', '', '', 'K'
if marked > 1 then
  local t = redis.call('TIME')
  t = t[1] * 1000 + math.floor(t[2] / 1000)
  if t - (tonumber(stamps[1]) or 0) < READ_MS then done = 'A' end
  now = string.format('%013.0f', t)
  token = argv[2] .. string.format('%013.0f', t + TOKEN_MS)
  fresh = nonce .. token
end
for i = 2, #keys do
  local stamp, go, value = stamps[i] or '', argv[i + 2], nil
  if i <= marked and #stamp <= 16 then
    value = fresh
  elseif i > marked and #stamp == 45 and sub(stamp, 17, 32) == go then
    value = nil
  else
    local doubt = sub(stamp, 17)
    for t = 1, #go, 16 do
      local token = sub(go, t, t + 15)
      local at = find(doubt, token, 1, true)
      while at do
        doubt = sub(doubt, 1, at - 1) .. sub(doubt, at + 29)
        at = find(doubt, token, at, true)
      end
    end
    if i <= marked then
      local first = 1
      while first < #doubt and sub(doubt, first + 16, first + 28) <= now do first = first + 29 end
      if first > 1 then doubt = sub(doubt, first) end
      doubt = doubt .. token
    end
    if doubt ~= '' then value = nonce .. doubt end
  end
  if value then
    doubtful[d + 1] = keys[i]
    doubtful[d + 2] = value
    d = d + 2
  else
    c = c + 1
    clean[c] = keys[i]
  end
end
if d > 0 then redis.call('MSET', unpack(doubtful)) end
if c > 0 then redis.call('DEL', unpack(clean)) end
return {done}
";

/// The scripts: read, fill and write.
fn scripts() -> [String; 3] {
    let [mut read, mut fill, mut write] = [READ, FILL, WRITE].map(str::to_owned);
    let cut = |script: &mut String, part: &str| {
        assert!(script.contains(part), "there is nothing to take away");
        *script = script.replace(part, "");
    };
    if lives(Mutant::NoDoubt) {
        cut(
            &mut read,
            "if string.sub(stamp, -13) > now then redis.call('SET', KEYS[1], now); return {'D'} end",
        );
    }
    if lives(Mutant::NoEpochKey) {
        for script in [&mut read, &mut fill] {
            cut(
                script,
                "if not table.remove(stamps, 1) then return {'F'} end",
            );
            *script = script.replacen(
                "unpack(KEYS, 4))",
                "unpack(KEYS, 4)) table.remove(stamps, 1)",
                1,
            );
        }
        cut(&mut write, "if not stamps[1] then return {'F'} end");
    }
    if lives(Mutant::DeleteBefore) || lives(Mutant::DoubleDelete) {
        cut(&mut write, "doubt = doubt .. token");
        cut(&mut write, "value = fresh");
    }
    if lives(Mutant::SameStamps) {
        let kept = "sub(stamps[i] or nonce, 1, 16)";
        write = write.replace("value = fresh", &format!("value = {kept} .. token"));
        write = write.replace("nonce .. doubt", &format!("{kept} .. doubt"));
        let set = format!("redis.call('SET', keys[i], {kept}, 'EX', STAMP_S)");
        write = write.replace("clean[c] = keys[i]", &format!("c = 0 {set}"));
    }
    [read, fill, write]
}

/// The scripts of one epoch, with their hashes.
pub(crate) struct Scripts {
    /// See [`READ`].
    pub(super) read: Script,
    /// See [`FILL`].
    pub(super) fill: Script,
    /// See [`WRITE`].
    pub(super) write: Script,
    /// Their texts, to be loaded.
    pub(super) texts: [String; 3],
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
                .replace("TOKEN_MS", &token_ms.to_string())
                .replace("READ_MS", &READ_ELSEWHERE.as_millis().to_string());
            format!("-- {epoch}{script}")
        };
        let texts = scripts().map(|script| text(&script));
        let [read, fill, write] = texts.each_ref().map(|text| Script::new(text));
        Self {
            read,
            fill,
            write,
            texts,
            epoch: epoch.to_owned(),
        }
    }
}
