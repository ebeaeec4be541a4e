/**
 * From what was seen to what is sent, as far as the visitor allows.
 *
 * pending: in memory only, sent on grant, gone on denial · granted: everything · limit: taps and forms, without storage or any id ·
 * denied: nothing stored, nothing sent, the outbox erased.
 */

import { now } from './clock.js';
import { setting, site } from './config.js';
import { timedId } from './ids.js';
import { who } from './identity.js';
import { count } from './losses.js';
import { rankOf, URGENT } from './ranks.js';
import { take } from './sender.js';
import { allow, forbid } from './store.js';

const GRANTED = 'granted';
const LIMIT = 'limit';
const MAX_WAITING = 50;

/** Google's four consent modes, as the banner told them. */
let modes = {};
export let state = 'pending';
/** @type {any[]} */
let waiting = [];

export const mayTalk = () => state === GRANTED || state === LIMIT;

/** @param {any} signal @returns {import('./types.js').Envelope | undefined} */
const deliver = (signal) => {
  const rank = rankOf(signal);
  const granted = state === GRANTED;
  if (state === 'pending') return hold(signal, rank);
  if (!granted && (state !== LIMIT || rank < URGENT)) return;
  const own = granted ? who(rank) : { u: signal.u.split(/[?#]/)[0], r: '', meta: {} };
  const more = rank < URGENT ? {} : { ...modes, intent_stamp: signal.id };
  return take({ s: site, ...signal, ...own, meta: { ...own.meta, tracker: VERSION, consent: state, ...more, ...signal.meta } });
};

/** @param {any} signal @param {number} rank @returns {undefined} */
const hold = (signal, rank) => {
  if (rank && waiting.push(signal) > MAX_WAITING) {
    waiting.sort((a, b) => rankOf(b) - rankOf(a)).pop();
    count('pending');
  }
};

/** As old pages call it: category, action, label, value, meta; and what is not as it is here and now (`u`, `ts`).
 * @param {string} ec @param {string} ea @param {any} [el] @param {any} [ev] @param {import('./types.js').Meta} [meta] @param {{u?: string, ts?: number}} [other] */
export const record = (ec, ea, el, ev, meta, other) =>
  deliver({ id: timedId(), ts: now(), u: location.href, r: document.referrer, ec, ea, el, ev, meta, ...other });

/** @param {string} next pending, granted, limit or denied @param {any} [told] consent modes */
export const consent = (next, told) => {
  modes = { ...modes, ...told };
  if (next === GRANTED && navigator.globalPrivacyControl && !setting('gpc')) next = LIMIT;
  if (next === state) return;
  state = next;
  if (state === GRANTED) allow();
  else forbid();
  waiting.splice(0).forEach(deliver);
};
