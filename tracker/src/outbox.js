/**
 * The outbox: what waits for the Box's 2xx. One key for each envelope, so that tabs never rewrite each other's; adding is one write,
 * removing one delete. Nothing leaves it uncounted: an envelope is delivered, parked, or told by reason.
 *
 * The bare key is a mirror for people and older scripts. It is read only for what somebody else put there.
 */

import { contentId, isUuid } from './ids.js';
import { say } from './log.js';
import { count, giveBack } from './losses.js';
import { MOST, rankOf } from './ranks.js';
import { del, get, keys, PREFIX, read, write } from './store.js';

/** @typedef {import('./types.js').Envelope} Envelope */
/** @typedef {import('./types.js').Payload} Payload */

const MIRROR = PREFIX + 'outbox_v2';
const BOX = MIRROR + ':';
const PARKED = PREFIX + 'parked:';
const QUEUE_V1 = PREFIX + 'evtq_v1';

const MAX_ITEMS = 100;
const KEPT_ITEMS = 80;
const MAX_SIZE = 256 * 1024;
const MAX_ITEM = 16 * 1024;
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

/** @param {any} payload @returns {payload is Payload} */
const isPayload = (payload) => !!payload?.s && typeof payload.s + typeof payload.u + typeof (payload.meta || {}) === 'stringstringobject';

/** Once: what the Box needs to count it stays. @param {Payload} payload @returns {Payload} */
const cut = (payload) => {
  const { fp, gclid, wbraid, gbraid, intent_stamp, intent_action, consent } = payload.meta || {};
  const label = payload.el && String(payload.el).slice(0, 512);
  return { ...payload, u: payload.u.slice(0, 2048), r: '', el: label, meta: { fp, gclid, wbraid, gbraid, intent_stamp, intent_action, consent } };
};

/** @param {Envelope} one */
const put = (one) => write(BOX + one.id, one);

/** @param {{id: string}} one */
const has = (one) => get(BOX + one.id);

/** Writes anew what still waits; what was trimmed meanwhile stays away. @param {Envelope} one */
export const update = (one) => has(one) && put(one);

/** @param {string} key @returns {Envelope | undefined} */
const open = (key) => {
  const one = read(key);
  if (isPayload(one?.payload) && BOX + one.id === key && one.ts > 0 && one.attempts >= 0) return one;
  if (get(key)) {
    del(key);
    count('lost', 'bad');
  }
  return undefined;
};

/** The least precious first, of those the oldest. @returns {Envelope[]} */
export const held = () => /** @type {any} */ (keys(BOX).map(open).filter(Boolean)).sort(byRank);

/** @param {Envelope} a @param {Envelope} b */
const byRank = (a, b) => rankOf(a.payload) - rankOf(b.payload) || a.ts - b.ts;

/** Counted as lost (with -1: not lost after all), with what it was to tell. @param {Envelope} one @param {string} [reason] @param {number} [sign] */
const lose = (one, reason = rankOf(one.payload) === MOST ? 'intent' : 'trim', sign) => {
  count('lost', reason, sign);
  giveBack(one.payload.meta, sign);
};

/** @param {Envelope} one @param {string} [reason] */
const drop = (one, reason) => {
  del(BOX + one.id);
  lose(one, reason);
};

const trim = () => {
  const all = keys(BOX);
  let left = all.length;
  let size = left * MAX_ITEM > MAX_SIZE ? all.reduce((sum, key) => sum + (get(key) || '').length, 0) : 0;
  if (left > MAX_ITEMS || size > MAX_SIZE) {
    for (const one of held()) {
      if (left <= KEPT_ITEMS && size <= MAX_SIZE) return;
      left--;
      size -= sizeOf(one);
      drop(one);
    }
  }
};

/** Adds a signal that has its id and time. Undefined: it was too long even when cut. @param {any} payload @returns {Envelope | undefined} */
export const add = (payload) => {
  /** @type {Envelope} */
  let one = { id: payload.id, ts: payload.ts, payload, attempts: 0 };
  if (sizeOf(one) > MAX_ITEM) one = { ...one, payload: cut(payload), cut: 1 };
  if (sizeOf(one) > MAX_ITEM) return void lose(one, 'size');
  put(one);
  say('queued', one);
  trim();
  return one;
};

/** Takes in what somebody else wrote: envelopes, or bare signals. @param {any} list @param {(item: any) => any} [wanted] */
export const adopt = (list, wanted = () => 1) =>
  Array.isArray(list) &&
  list.forEach((item, n) => {
    if (!wanted(item)) return;
    const payload = item?.payload || item;
    if (!isPayload(payload)) return count('lost', 'bad');
    const id = [payload.id, item.id].find(isUuid) || contentId(n + JSON.stringify(item));
    const ts = Number(payload.ts || item.ts) || Date.now();
    if (!has({ id })) add({ ...payload, id, ts });
  });

/** What may be sent now, the most precious first, of those the oldest. @param {any} [all] also what should wait */
export const due = (all) => {
  const now = Date.now();
  return held()
    .filter((one) => {
      if (one.attempts > DROP_ATTEMPTS && now - one.ts > DROP_MS) return drop(one, 'old');
      const wait = (one.notBefore || 0) - now;
      return all || wait <= 0 || wait > MAX_WAIT;
    })
    .sort((a, b) => rankOf(b.payload) - rankOf(a.payload) || a.ts - b.ts);
};

/** Not lost, only superseded: it was never sent, and says no more than the one that comes after it. @param {Envelope} one */
export const supersede = (one) => {
  const still = read(BOX + one.id);
  if (!still || still.notBefore) return;
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
  if (reason === 413 && !one.cut) return put({ ...one, payload: cut(one.payload), cut: 1 });
  del(BOX + one.id);
  write(PARKED + one.id, { ...one, at: Date.now(), reason });
  count('parked', reason);
  giveBack(one.payload.meta);
  say('parked', one, reason);
  const age = (/** @type {string} */ key) => Date.now() - (read(key)?.at || 0);
  keys(PARKED)
    .sort((a, b) => age(a) - age(b))
    .forEach((key, n) => (n >= MAX_PARKED || age(key) > PARKED_MS) && del(key));
};

/** Reads what is not ours, then writes the mirror anew. */
export const mirror = () => {
  adopt(read(QUEUE_V1));
  del(QUEUE_V1);
  const found = read(MIRROR);
  /** @param {any} item */
  const isYoung = (item) => Math.abs(Date.now() - item?.ts) < FOREIGN_MS;
  adopt(found, (item) => !item?.m && !isYoung(item));
  const theirs = Array.isArray(found) ? found.filter((item) => !item?.m && isYoung(item)) : [];
  const all = [...held().map((one) => ({ ...one, m: 1 })), ...theirs];
  if (all.length) write(MIRROR, all);
  else del(MIRROR);
};
