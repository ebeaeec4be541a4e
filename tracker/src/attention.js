/**
 * How a page view is read: time, depth, hovers over contact controls; told by heartbeats whose numbers are cumulative, so that a lost or
 * repeated one harms nothing. Reads the layout only right after a frame was painted, when it is known.
 */

import * as breaker from './breaker.js';
import { controlOf, QUIETLY } from './capture.js';
import { hex } from './ids.js';
import { tell } from './losses.js';
import { held, supersede } from './outbox.js';
import { record, state } from './recorder.js';
import { mode } from './store.js';

const STEPS = [6e4, 12e4, 3e5, 6e5];
const DEPTHS = [50, 90];
/** A gap longer than this between two signs of life is not reading. */
const READING_MS = 3e4;
const HOVER_MS = 500;
const MAX_HOVERS = 10;

let view = '';
let active = 0;
let depth = 0;
let hovers = 0;
let seq = 0;
let seenAt = 0;
let idle = 0;
let reading = false;
/** @type {any} */
let timer;
/** @type {any} */
let hoverTimer;
/** @type {any} */
let hovered;
/** @type {import('./types.js').Envelope | undefined} */
let latest;
/** Included twice? */
export const page = { dup: 0 };

export const beat = (action = 'heartbeat') => {
  if (!view || state !== 'granted') return;
  if (latest) supersede(latest);
  tell((counts) => {
    latest = record('system', action, '', null, {
      page_view: view, seq: ++seq, active_sec: Math.round(active / 1e3), scroll_pct: depth, cta_hovers: hovers,
      outbox: held().length, storage: mode(), breaker: breaker.mode(), dup: page.dup, ...counts,
    }); // prettier-ignore
  });
};

const plan = () => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    idle = Date.now() - seenAt < STEPS[0] ? 0 : Math.min(idle + 1, STEPS.length - 1);
    beat();
    plan();
  }, STEPS[idle]);
};

/** A sign of life. */
const live = () => {
  const gap = Date.now() - seenAt;
  if (gap > 0 && gap < READING_MS) active += gap;
  seenAt += gap;
  if (idle) {
    idle = 0;
    plan();
  }
};

const readDepth = () => {
  const before = depth;
  const reached = Math.round(((scrollY + innerHeight) / document.documentElement.scrollHeight) * 100);
  reading = false;
  depth = Math.max(depth, Math.min(100, reached));
  DEPTHS.forEach((mark) => before < mark && depth >= mark && record('interaction', 'scroll_depth', mark + '%', mark, { page_view: view }));
};

const onScroll = () => {
  live();
  if (!reading) requestAnimationFrame(() => setTimeout(readDepth));
  reading = true;
};

/** @param {any} event */
const onHover = (event) => {
  const node = event.pointerType === 'mouse' && controlOf(event.composedPath())?.[2];
  if (node === hovered) return;
  hovered = node;
  clearTimeout(hoverTimer);
  if (node) hoverTimer = setTimeout(() => hovers < MAX_HOVERS && hovers++, HOVER_MS);
};

/** A page view begins. @param {string} title */
export const begin = (title) => {
  beat();
  view = hex(4);
  active = depth = hovers = seq = idle = 0;
  seenAt = Date.now();
  latest = undefined;
  plan();
  record('interaction', 'view', title, null, { page_view: view });
};

export const rest = () => clearTimeout(timer);

export const resume = () => {
  seenAt = Date.now();
  beat();
  plan();
};

export const start = () => {
  addEventListener('scroll', onScroll, QUIETLY);
  addEventListener('click', live, QUIETLY);
  addEventListener('keydown', live, QUIETLY);
  addEventListener('pointerover', onHover, QUIETLY);
};
