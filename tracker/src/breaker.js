/**
 * Which address is spoken to, and whether one may speak now. One state for all tabs, kept over page loads.
 *
 * Three failures in a row from main, while online, open it: to the failover, if there is one. Were all three refused at once, as by an ad
 * blocker, it is `blocked`: then the failover is tried, and without an answer there (or without one) each page tries once only (`silent`).
 */

import { now, until } from './clock.js';
import { api, failover } from './config.js';
import { del, PREFIX, read, write } from './store.js';

const STATE = PREFIX + 'breaker';
const FAILURES = 3;
const PROBE_MS = 6e5;
/** No pause and no probe lies further ahead: a later one comes from a clock that jumped. And how long who may not speak sleeps. */
const LONGEST = 72e5;
/** With a failover, no Retry-After of main's holds longer than this before the breaker opens. */
const SHORT_PAUSE = 1e4;

let probed = false; // by this page

/** `slow`: not every failure of the row came at once. `probe`, `pause`: until when (ms).
 * @returns {{mode: 'main' | 'failover' | 'blocked' | 'silent', fails: number, slow?: 1, probe?: number, pause?: number}} */
const state = () => ({ mode: 'main', fails: 0, ...read(STATE) });

const nextProbe = () => now() + PROBE_MS * (0.8 + Math.random() * 0.4);

export const mode = () => state().mode;

export const address = () => (/^[fb]/.test(mode()) && failover) || api;

/** Milliseconds until anything may be sent. */
export const rest = () => (mode() === 'silent' && probed ? LONGEST : until(state().pause, LONGEST));

/** Is it time to ask main again? Then the next time is set. */
export const probes = () => {
  const one = state();
  if (one.mode === 'main' || (one.mode === 'silent' ? probed : document.hidden || until(one.probe, LONGEST))) return false;
  one.probe = nextProbe();
  write(STATE, one);
  return (probed = true);
};

/** The network may be another one now: this page may ask once more. */
export const refresh = () => {
  probed = false;
};

/** An answer below 500 ends a row of failures; only a success brings main back. @param {string} url @param {boolean} done */
export const answered = (url, done) => url === api && (done || mode() === 'main') && del(STATE);

/** @param {string} url @param {any} atOnce */
export const failed = (url, atOnce) => {
  const one = state();
  if (one.mode === 'blocked' && url !== api) one.mode = 'silent';
  if (one.mode === 'main') {
    one.fails++;
    if (!atOnce) one.slow = 1;
    if (one.fails >= FAILURES && (failover || !one.slow)) {
      one.mode = failover ? (one.slow ? 'failover' : 'blocked') : 'silent';
      one.pause = 0;
      one.probe = nextProbe();
      probed = true;
    }
  }
  write(STATE, one);
};

/** @param {number} ms */
export const pause = (ms) => {
  const one = state();
  one.pause = now() + (failover && one.mode === 'main' ? Math.min(ms, SHORT_PAUSE) : ms) * (1 + Math.random() / 4);
  write(STATE, one);
};
