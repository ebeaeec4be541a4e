/**
 * From what was seen to what is sent, as far as the visitor allows.
 *
 * pending: in memory only, sent on grant, gone on denial · granted: everything · limit: taps and forms, without storage or any id ·
 * denied: nothing stored, nothing sent, the outbox erased.
 */

import { api, setting, site } from './config.js';
import { timedId } from './ids.js';
import { who } from './identity.js';
import { count } from './losses.js';
import { add } from './outbox.js';
import { rankOf, URGENT } from './ranks.js';
import { take } from './sender.js';
import { allow, forbid } from './store.js';

const GRANTED = 'granted';
const LIMIT = 'limit';
const DENIED = 'denied';
const MAX_WAITING = 50;

/** Google's four consent modes, as the banner told them. */
let modes = {};
/** Since when the visitor is here: the address a view was entered by (a router may have changed it since), and the referrer. */
export const page = { entered: '', referrer: '' };
export let state = 'pending';
/** @type {any[]} */
let waiting = [];

export const mayTalk = () => state === GRANTED || state === LIMIT;

/** @param {any} signal @returns {import('./types.js').Envelope | undefined} */
const deliver = (signal) => {
  const rank = rankOf(signal);
  const granted = state === GRANTED;
  if (state === 'pending') return hold(signal, rank);
  if (state === DENIED || (!granted && rank < URGENT)) return;
  const own = granted ? who(rank) : { u: bare(signal.u), r: '', meta: {} };
  const more = rank < URGENT ? {} : { ...modes, intent_stamp: signal.id };
  const one = add({ s: site, ...signal, ...own, meta: { ...own.meta, tracker: VERSION, consent: state, ...more, ...signal.meta } });
  if (one) take(one);
  return one;
};

/** Without query and fragment. @param {string} url */
const bare = (url) => url.split(/[?#]/)[0];

/** @param {any} signal @param {number} rank @returns {undefined} */
const hold = (signal, rank) => {
  if (rank) waiting.push(signal);
  if (waiting[MAX_WAITING]) {
    waiting.splice(waiting.indexOf(waiting.reduce((a, b) => (rankOf(b) < rankOf(a) ? b : a))), 1);
    count('lost', 'pending');
  }
};

/** As old pages call it: category, action, label, value, more; `at` is its own time (UTC ms).
 * @param {string} ec @param {string} ea @param {any} [el] @param {any} [ev] @param {import('./types.js').Meta} [meta] @param {number} [at] */
export const record = (ec, ea, el, ev, meta, at) =>
  deliver({ id: timedId(), ts: at || Date.now(), u: page.entered || location.href, r: page.referrer, ec, ea, el: el && String(el).slice(0, 512), ev, meta });

/** One body that says that somebody said no, and nothing about whom. */
const countDenial = () => {
  const ts = Date.now();
  const body = JSON.stringify({ s: site, u: bare(location.href), ec: 'system', ea: 'consent_denied', meta: { consent: DENIED, denied: 1 }, ts, st: ts });
  fetch(api, { method: 'POST', body, keepalive: true }).catch(() => {});
};

/** @param {string} next pending, granted, limit or denied @param {any} [told] consent modes */
export const consent = (next, told) => {
  modes = { ...modes, ...told };
  if (next === GRANTED && navigator.globalPrivacyControl && setting('gpc') !== 'ignore') next = LIMIT;
  if (next === state) return;
  state = next;
  if (state === GRANTED) allow();
  else forbid();
  if (state === DENIED && setting('denied') === 'count') countDenial();
  if (state !== 'pending') waiting.splice(0).forEach(deliver);
};
