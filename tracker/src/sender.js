/**
 * Sending: at least once, one request at a time, one tab at a time, and never in the page's way. An envelope leaves the outbox by the
 * Box's word only; what a beacon took with it stays until then.
 */

import * as breaker from './breaker.js';
import { api, site } from './config.js';
import { say } from './log.js';
import { due, held, mirror, park, settle, update } from './outbox.js';
import { rankOf, URGENT } from './ranks.js';
import { mayTalk } from './recorder.js';
import { PREFIX } from './store.js';
import { DONE, judge, RETRY } from './verdict.js';

/** @typedef {import('./types.js').Envelope} Envelope */

const MAX_BATCH = 20;
const FEW = 3;
/** Bytes of a batch, and of all we let outlive the page at a time: the browser has 64 KiB for everybody. */
const BUDGET = 48e3;
const TIMEOUT = 5e3;
/** A refusal as quick as this was nobody's network. */
const INSTANT = 300;
const FIRST_RETRY = 5e3;
const MAX_RETRY = 3e5;
/** Longer than the timeout: until then no other tab sends what is on its way. */
const FLIGHT = 6e3;
const URGE_MS = 3e4;
const SPREAD = 3e3;
const SOON = 500;
/** Requests of one run. */
const MAX_RUN = 60;

/** Addresses that took something since this page began. @type {Set<string>} */
const known = new Set();
/** What a beacon took since the page was last seen: one flush, however many events say that the page ends. @type {Set<string>} */
const beaconed = new Set();
/** @type {Set<string>} */
const flying = new Set();
let flight = 0;
let busy = false;
let alone = false; // batches are not understood, or one item spoils them
let urged = 0;
let wakeAt = 0;
/** @type {any} */
let timer;

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

export const canSend = () => mayTalk() && navigator.onLine;

/** @param {Envelope[]} list */
const wrap = (list) => {
  const st = Date.now();
  return JSON.stringify(list[1] ? { v: 2, st, s: site, e: list.map(({ payload }) => ({ ...payload, s: undefined })) } : { ...list[0].payload, st });
};

/** As many as fit, in their order. Items of another site travel alone. @param {Envelope[]} list @param {number} [budget] */
const fit = (list, budget = BUDGET) => {
  let size = 200;
  return list
    .filter((one) => one.payload.s === site)
    .slice(0, MAX_BATCH)
    .filter((one) => (size += bytes(JSON.stringify(one.payload))) < budget);
};

/** @param {string} url @param {string} body a text: sent as text/plain, which needs no preflight @returns {Promise<import('./types.js').Outcome>} */
const post = async (url, body) => {
  const size = bytes(body);
  const keepalive = flight + size < BUDGET;
  const begun = Date.now();
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT);
  flight += size;
  try {
    const answer = await fetch(url, { method: 'POST', body, keepalive, signal: stop.signal });
    return [answer.status, answer.headers.get('Retry-After'), answer.ok && (await answer.json().catch(() => 0))];
  } catch {
    return [0, Date.now() - begun < INSTANT];
  } finally {
    clearTimeout(timer);
    flight -= size;
  }
};

/** @param {Envelope} one */
const retry = (one) => {
  const delay = Math.min(MAX_RETRY, FIRST_RETRY * 2 ** one.attempts) * (0.5 + Math.random() / 2);
  update({ ...one, attempts: one.attempts + 1, notBefore: Date.now() + delay });
  say('retry', one);
};

/** Does what the answer says; false: nothing more for now. @param {Envelope[]} list @param {string} url @param {import('./types.js').Outcome} outcome */
const obey = (list, url, outcome) => {
  const [status, more, told] = outcome;
  const word = judge(outcome, known.has(url));
  if (word > 0) breaker.pause(Number(word));
  if (status && status < 500) breaker.answered(url, word === DONE);
  else if (navigator.onLine) breaker.failed(url, !status && more);
  if (word === RETRY) list.forEach(retry);
  else if (word > 0) list.forEach((one) => say('blocked', one, status));
  else if (list[1] && !told.results) alone = true;
  else {
    if (word === DONE) known.add(url);
    list.forEach((one, n) => {
      const result = told.results ? told.results.find((/** @type {any} */ each) => each.id === one.id) || told.results[n] : told;
      if (result?.ok) {
        settle(one, result.status);
        say('sent', one, result);
      } else park(one, told ? 'item' : status);
    });
  }
  return word !== RETRY && !(word > 0);
};

/** @param {Envelope[]} list @param {string} url */
const send = async (list, url) => {
  list.forEach((one) => flying.add(one.id));
  const outcome = await post(url, wrap(list));
  list.forEach((one) => flying.delete(one.id));
  return obey(list, url, outcome);
};

/** One request; false when this is enough for now. @param {Envelope[]} waiting */
const step = (waiting) => {
  const batch = alone || !waiting[FEW] ? [] : fit(waiting);
  return send(batch[1] ? batch : [waiting[0]], breaker.address());
};

/** The oldest that waits asks main whether it is back; then the rest follows, but not everybody's at once. @param {Envelope[]} waiting */
const probe = async (waiting) => {
  breaker.probing();
  await send([waiting.reduce((a, b) => (b.ts < a.ts ? b : a))], api);
  return breaker.mode() !== 'main';
};

/** @param {any} all @returns {Promise<number>} how long to wait at least before the next run, ms */
const run = async (all) => {
  alone = false;
  for (let n = 0; n < MAX_RUN && canSend(); n++) {
    const waiting = due(all).filter((one) => !flying.has(one.id));
    if (!waiting[0]) break;
    if (breaker.shouldProbe()) {
      if (!(await probe(waiting))) return Math.random() * SPREAD;
    } else if (breaker.rest() || !(await step(waiting))) break;
  }
  return 0;
};

/** Sends what is due; `all` also what should wait for its turn. @param {any} [all] */
export const drain = async (all) => {
  if (busy) return;
  busy = true;
  let least = SPREAD; // another tab does it
  const work = async () => {
    mirror();
    least = await run(all);
    mirror();
  };
  try {
    await navigator.locks.request(PREFIX + 'drain', { ifAvailable: true }, (lock) => lock && work());
  } catch {
    await work(); // no locks here: the Box sorts repeats out
  } finally {
    busy = false;
  }
  const waits = held().map((one) => (one.notBefore || 0) - Date.now());
  if (waits[0] && canSend()) wake(Math.max(1e3, least, breaker.rest(), Math.min(...waits)));
};

/** At the latest in so many milliseconds. @param {number} ms */
export const wake = (ms) => {
  const now = Date.now();
  if (ms === Infinity || (wakeAt > now && wakeAt <= now + ms)) return;
  clearTimeout(timer);
  wakeAt = now + ms;
  timer = setTimeout(() => drain((wakeAt = 0)), ms);
};

/** A new envelope: an intent or a form leaves in this very task, anything else soon. @param {Envelope} one */
export const take = (one) => {
  const rank = rankOf(one.payload);
  if (rank < URGENT || !canSend()) return wake(rank ? SOON : SPREAD);
  update({ ...one, notBefore: Date.now() + FLIGHT });
  send([one], breaker.address()).then(() => wake(0));
};

/** Something says that it may work now: online again, seen again. Once in 30 s. */
export const urge = () => {
  const now = Date.now();
  if (Math.abs(now - urged) < URGE_MS) return wake(SPREAD);
  urged = now;
  breaker.refresh();
  setTimeout(drain, Math.random() * SPREAD, 1);
};

/** The page may end here: one beacon, intents first. */
export const flush = () => {
  const list = canSend() ? fit(due(1).filter(({ id }) => !beaconed.has(id) && !flying.has(id)), BUDGET - flight) : [];
  if (list[0] && navigator.sendBeacon(breaker.address(), wrap(list))) {
    list.forEach((one) => {
      beaconed.add(one.id);
      update({ ...one, notBefore: Date.now() + FLIGHT });
    });
  }
};

/** The page is seen (again): what follows is another leave. */
export const returned = () => beaconed.clear();
