/**
 * Sending: at least once, one request at a time, one tab at a time, and never in the page's way. An envelope leaves the outbox by the
 * Box's word only; what a beacon took with it stays until then.
 */

import * as breaker from './breaker.js';
import { now, once } from './clock.js';
import { api, site } from './config.js';
import { say } from './log.js';
import { add, byTime, due, held, mirror, park, settle, update } from './outbox.js';
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
/** Longer than the timeout: what is on its way is not sent again meanwhile, by no tab and by no second event that says that the page ends. */
const FLIGHT = 6e3;
const URGE_MS = 3e4;
const SPREAD = 3e3;
const SOON = 500;
/** With nothing to do. */
const MAX_SLEEP = 72e5;

/** Addresses that took something since this page began. @type {{[url: string]: any}} */
const known = {};
let flight = 0;
let busy = false;
let alone = false; // batches are not understood, or one item spoils them
/** It failed at an address that is not spoken to any longer: everything leaves for the other one, whatever its back-off. */
let sweeps = false;
let wakeAt = 0;
/** @type {any} */
let timer;
/** Ends our turn, also before what is on its way has its answer. @type {any} */
let letGo = now;

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text).length;

export const canSend = () => mayTalk() && navigator.onLine;

/** @param {Envelope[]} list */
const wrap = (list) => {
  const what = list[1] ? { v: 2, s: site, e: list.map((one) => one.payload) } : list[0].payload;
  return JSON.stringify({ ...what, st: now() });
};

/** As many as fit, in their order. Items of another site travel alone. @param {Envelope[]} list @param {number} [budget] */
const fit = (list, budget = BUDGET) => {
  const own = list.filter((one) => one.payload.s === site).slice(0, MAX_BATCH);
  while (own[0] && bytes(wrap(own)) > budget) own.pop();
  return own;
};

/** @param {string} url @param {string} body a text: sent as text/plain, which needs no preflight @returns {Promise<import('./types.js').Outcome>} */
const post = async (url, body) => {
  const size = bytes(body);
  const begun = now();
  flight += size;
  try {
    const answer = await fetch(url, { method: 'POST', body, keepalive: flight < BUDGET, signal: AbortSignal.timeout?.(TIMEOUT) });
    return [answer.status, answer.headers.get('Retry-After'), answer.ok && (await answer.json())];
  } catch {
    return [0, now() - begun < INSTANT];
  } finally {
    flight -= size;
  }
};

/** It came back: it is not on its way any longer. @param {Envelope} one @param {Partial<Envelope>} [more] */
const back = (one, more) => update({ ...one, away: undefined, ...more });

/** @param {Envelope} one */
const retry = (one) => {
  const delay = Math.min(MAX_RETRY, FIRST_RETRY * 2 ** one.attempts) * (1 + Math.random()) / 2;
  back(one, { attempts: one.attempts + 1, notBefore: now() + delay });
  say('retry', one);
};

/** Does what the answer says; false: nothing more for now. @param {Envelope[]} list @param {string} url @param {import('./types.js').Outcome} outcome */
const obey = (list, url, outcome) => {
  const [status, more, told] = outcome;
  const word = judge(outcome, known[url]);
  const goesOn = word < RETRY;
  const alive = status && status < 500;
  if (word === DONE) known[url] = 1;
  if (alive) breaker.answered(url, word === DONE);
  if (word > RETRY) breaker.pause(word);
  if (!alive && navigator.onLine) breaker.failed(url, !status && more); // opening ends main's pause
  if (!goesOn) sweeps = breaker.address() !== url;
  if (goesOn && list[1] && !told?.results) {
    alone = true;
    list.forEach((one) => back(one));
  } else {
    list.forEach((one, n) => {
      const result = told?.results?.[n] || told;
      if (word > RETRY) {
        back(one);
        say('blocked', one, status);
      } else if (!goesOn) retry(one);
      else if (result?.ok) {
        settle(one, result.status);
        say('sent', one, result);
      } else park(one, told ? 'item' : status);
    });
  }
  return goesOn || sweeps;
};

/** @param {Envelope[]} list */
const markAway = (list) => list.forEach((one) => update({ ...one, away: now() + FLIGHT }));

/** @param {Envelope[]} list @param {string} url */
const send = async (list, url) => {
  markAway(list);
  return obey(list, url, await post(url, wrap(list)));
};

/** One request; false when this is enough for now. @param {Envelope[]} waiting */
const step = (waiting) => {
  const batch = alone || !waiting[FEW] ? [] : fit(waiting);
  return send(batch[1] ? batch : [waiting[0]], breaker.address());
};

/** @param {any} all @returns {Promise<number>} how long to wait at least before the next run, ms */
const run = async (all) => {
  alone = false;
  while (canSend()) {
    const waiting = due(all || sweeps);
    if (breaker.mode() !== 'main') waiting.sort(byTime); // a relay keeps their order
    if (!waiting[0]) break;
    if (breaker.probes()) {
      // the oldest asks main whether it is back; then the rest follows, but not everybody's at once
      if ((await send([waiting[0]], api)) && breaker.mode() === 'main') return Math.random() * SPREAD;
    } else if (breaker.rest() || !(await step(waiting))) break;
  }
  sweeps = false;
  return 0;
};

/** Sends what is due; `all` also what should wait for its turn. @param {any} [all] */
export const drain = async (all) => {
  if (busy) return;
  busy = true;
  wakeAt = 0;
  let least = SPREAD; // another tab does it
  const work = async () => {
    mirror();
    least = await run(all);
    mirror();
  };
  try {
    // let go of, what is on its way is marked so; should it take longer, two tabs send it, and the Box knows its id
    await navigator.locks.request(PREFIX + 'drain', { ifAvailable: true }, (lock) => lock && Promise.race([work(), new Promise((done) => (letGo = done))]));
  } catch {
    await work(); // no locks here: the Box sorts repeats out
  } finally {
    busy = false;
  }
  const first = Math.min(now() + MAX_SLEEP, ...held().map((one) => one.away || one.notBefore || 0));
  if (canSend()) wake(Math.max(1e3, least, breaker.rest(), first - now()));
};

/** At the latest in so many milliseconds. @param {number} ms */
export const wake = (ms) => {
  const at = now();
  if (wakeAt > at && wakeAt <= at + ms) return;
  clearTimeout(timer);
  wakeAt = at + ms;
  timer = setTimeout(drain, ms);
};

/** Taps of this task. @type {Envelope[]} */
const leaving = [];

const leave = () => leaving.splice(0).forEach((one) => canSend() && send([one], breaker.address()).then(() => wake(0)));

/** A new signal. An intent or a form is kept at once and leaves in the next task, for a request takes longer to begin than a tap may be held
 * up; anything else soon. @param {any} payload @returns {Envelope | undefined} */
export const take = (payload) => {
  const urgent = rankOf(payload) >= URGENT && canSend();
  const one = add(payload, urgent ? now() + FLIGHT : undefined);
  if (one && urgent) {
    leaving.push(one);
    setTimeout(leave);
  } else wake(SOON);
  return one;
};

/** Something says that it may work now: online again, seen again. Once in 30 s. */
export const urge = () => {
  if (!once('urge', URGE_MS)) return;
  breaker.refresh();
  setTimeout(() => drain(1), Math.random() * SPREAD);
};

/** The page may end here: one beacon, intents first. A page that holds a lock another one asks for is thrown out of the back/forward cache. */
export const flush = () => {
  letGo();
  const list = fit(due(1), BUDGET - flight);
  if (canSend() && list[0] && navigator.sendBeacon(breaker.address(), wrap(list))) markAway(list);
};

/** The page is hidden or ends: taps whose task did not come yet leave too. */
export const end = () => {
  leave();
  flush();
};
