/** What was done, for the check panel; printed with `localStorage.opsmantik_debug = '1'`, and silent otherwise. */

import { PREFIX } from './store.js';

const MOST = 20;

/** @type {any[]} [UTC ms, word, action, id, more] */
export const log = [];

let debug = false;
try {
  debug = localStorage.getItem(PREFIX + 'debug') === '1';
} catch {
  // storage is denied
}

/** @param {'queued' | 'sent' | 'retry' | 'parked' | 'blocked'} word @param {import('./types.js').Envelope} one @param {any} [more] */
export const say = (word, one, more) => {
  log.push([Date.now(), word, one.payload.ea, one.id, more]);
  if (log.length > MOST) log.shift();
  if (debug) console.log('[TankTracker]', word, one.payload.ea, one.id, more);
};
