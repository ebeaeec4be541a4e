/**
 * The outbox: what waits for the Box's 2xx. One key for each envelope, so that tabs never rewrite each other's; adding is one write,
 * removing one delete. Nothing leaves it uncounted: an envelope is delivered, parked, or told by reason.
 *
 * The bare key is a mirror for people and older scripts. It is read only for what somebody else put there.
 */

import { now, until } from './clock.js';
import { contentId } from './ids.js';
import { say } from './log.js';
import { count, giveBack } from './losses.js';
import { MOST, rankOf } from './ranks.js';
import { del, get, keys, PREFIX, read, write } from './store.js';

/** @typedef {import('./types.js').Envelope} Envelope */
/** @typedef {import('./types.js').Payload} Payload */

const MIRROR = PREFIX + 'outbox_v2';
const BOX = MIRROR + ':';
const PARKED = PREFIX + 'parked';
const QUEUE_V1 = PREFIX + 'evtq_v1';

const MAX_ITEMS = 100;
const KEPT_ITEMS = 80;
const MAX_SIZE = 256 * 1024;
const MAX_ITEM = 16 * 1024;
/** Of a text, when it is cut: no click id is longer. */
const MAX_TEXT = 512;
const MAX_PARKED = 20;
const PARKED_MS = 7 * 864e5;
const DROP_MS = 864e5;
const DROP_ATTEMPTS = 10;
/** An older script may have an item of its own on its way for this long; importing it then would count it twice. */
const FOREIGN_MS = 15e3;
/** No back-off is longer: a not-before time beyond it comes from a clock that jumped. */
const MAX_WAIT = 6e5;

/** @param {any} value */
const sizeOf = (value) => JSON.stringify(value).length;

/** Are site and address there, as texts? The Box judges the rest. @param {any} payload */
const isPayload = (payload) => payload?.s?.slice && payload.u?.slice;

/** The same with every text cut. @param {Envelope} one @returns {Envelope} */
const cut = (one) => ({ ...JSON.parse(JSON.stringify(one, (_, value) => (value?.slice ? value.slice(0, MAX_TEXT) : value))), cut: 1 });

/** @param {any} value @returns {any[]} */
const asList = (value) => [].concat(value || []);

/** @param {Envelope} one */
const put = (one) => write(BOX + one.id, one);

/** @param {{id: string}} one */
const has = (one) => get(BOX + one.id);

/** Writes anew what still waits; what was trimmed meanwhile stays away. @param {Envelope} one */
export const update = (one) => has(one) && put(one);

/** @param {string} key @returns {Envelope | undefined} */
const open = (key) => {
  const one = read(key);
  if (isPayload(one?.payload) && BOX + one.id === key && one.ts + one.attempts > 0) return one;
  if (get(key)) {
    del(key);
    count('bad');
  }
  return undefined;
};

/** @param {Envelope} a @param {Envelope} b */
export const byTime = (a, b) => a.ts - b.ts;

/** The most precious first. @param {Envelope} a @param {Envelope} b */
const byRank = (a, b) => rankOf(b.payload) - rankOf(a.payload);

/** The oldest first. @returns {Envelope[]} */
export const held = () => /** @type {any} */ (keys(BOX).map(open).filter(Boolean)).sort(byTime);

/** Counted as lost (with -1: not lost after all), with what it was to tell. @param {Envelope} one @param {string} [reason] @param {number} [sign] */
const lose = (one, reason = rankOf(one.payload) === MOST ? 'intent' : 'trim', sign) => {
  count(reason, sign);
  giveBack(one.payload.meta, sign);
};

/** @param {Envelope} one @param {string} [reason] */
const drop = (one, reason) => {
  del(BOX + one.id);
  lose(one, reason);
};

/** So many fit for certain, however long they are: until then a tap looks at nothing but itself. */
let room = 0;

const trim = () => {
  if (--room >= 0) return;
  const all = keys(BOX);
  room = Math.min(MAX_ITEMS - all.length, (MAX_SIZE - all.map(get).join('').length) / MAX_ITEM);
  if (room >= 0) return;
  let left = MAX_SIZE;
  held()
    .reverse()
    .sort(byRank)
    .forEach((one, n) => {
      left -= sizeOf(one);
      if (n >= KEPT_ITEMS || left < 0) drop(one);
    });
};

/** Adds a signal that has its id and time. Undefined: it was too long.
 * @param {any} payload @param {number} [away] it is about to leave @returns {Envelope | undefined} */
export const add = (payload, away) => {
  /** @type {Envelope} */
  const one = { id: payload.id, ts: payload.ts, payload, attempts: 0, away };
  if (sizeOf(one) > MAX_ITEM) return void lose(one, 'size');
  put(one);
  say('queued', one);
  trim();
  return one;
};

/** Takes in what somebody else wrote: envelopes, or bare signals. @param {any} list */
export const adopt = (list) =>
  asList(list).forEach((item) => {
    const payload = item?.payload || item;
    if (!isPayload(payload)) return count('bad');
    const ts = Number(payload.ts || item.ts) || now();
    const id = payload.id || contentId(item.ts + JSON.stringify(payload));
    if (!has({ id })) add({ ...payload, id, ts });
  });

/** What may be sent now, the most precious first, of those the oldest. @param {any} [all] also what failed and should wait; never what is on its way */
export const due = (all) =>
  held()
    .sort(byRank)
    .filter((one) => {
      if (one.attempts > DROP_ATTEMPTS && now() - one.ts > DROP_MS) return drop(one, 'old');
      return !until(one.away, MAX_WAIT) && (all || !until(one.notBefore, MAX_WAIT));
    });

/** Not lost, only superseded: it was never sent, and says no more than the one that comes after it. @param {Envelope} one */
export const supersede = (one) => {
  const still = read(BOX + one.id);
  if (!still || still.away || still.notBefore) return;
  del(BOX + one.id);
  giveBack(one.payload.meta);
};

/** The Box has it. One that was trimmed while it was on its way was not lost after all. @param {Envelope} one @param {string} status */
export const settle = (one, status) => {
  if (has(one)) del(BOX + one.id);
  else if (status === 'synced') lose(one, undefined, -1);
};

/** The Box will never take it; after the first 413, it is cut instead. @param {Envelope} one @param {string | number} reason */
export const park = (one, reason) => {
  if (!has(one)) return;
  if (reason === 413 && !one.cut) return put(cut(one));
  del(BOX + one.id);
  const at = now();
  const before = asList(read(PARKED)).filter((each) => at - each?.at < PARKED_MS);
  write(PARKED, [...before, { ...one, at, reason }].slice(-MAX_PARKED));
  count(reason, 1, 'parked');
  giveBack(one.payload.meta);
  say('parked', one, reason);
};

/** Reads what is not ours, then writes the mirror anew. */
export const mirror = () => {
  adopt(read(QUEUE_V1));
  del(QUEUE_V1);
  const young = asList(read(MIRROR)).filter((item) => !item?.m && (Math.abs(now() - item?.ts) < FOREIGN_MS || adopt(item)));
  write(MIRROR, [...held().map((one) => ({ ...one, m: 1 })), ...young]);
};
