/** What was done, for the check panel; printed with `localStorage.opsmantik_debug = '1'`, and silent otherwise. */

import { PREFIX } from './store.js';

const MOST = 20;

/** The newest last: word, action, id, more. @type {any[]} */
export const log = [];

/** @param {'queued' | 'sent' | 'retry' | 'parked' | 'blocked'} word @param {import('./types.js').Envelope} one @param {any} [more] */
export const say = (word, one, more) => {
  const entry = [word, one.payload.ea, one.id, more];
  log.splice(0, log.push(entry) - MOST);
  try {
    if (localStorage[PREFIX + 'debug'] === '1') console.log('[TankTracker]', ...entry);
  } catch {
    // storage is denied
  }
};
