/**
 * Taps and forms. One delegated, passive listener in the capture phase for each kind of event; never prevents, delays or reads a value.
 */

import { places, setting } from './config.js';
import { code } from './identity.js';
import { actionOf, PHONE, WHATSAPP } from './links.js';
import { record } from './recorder.js';

/** @typedef {import('./links.js').Action} Action */

const DOUBLE_MS = 700;
const FORM_MS = 2e3;
const ACTIVE_MS = 1e3;
export const QUIETLY = { capture: true, passive: true };

/** @type {{[what: string]: number}} */
const last = {};
/** Where the last click went. @type {any[]} */
let path = [];
let clickedAt = 0;

/** True once in so many milliseconds. @param {string} what @param {number} ms @param {number} at */
const once = (what, ms, at) => !(Math.abs(at - last[what]) < ms) && (last[what] = at);

/** @param {any} href */
const read = (href) => actionOf(href, location.href, places);

/** The phone or WhatsApp control of an event's path. @param {any[]} path @returns {[action: Action, href: string, node: any] | undefined} */
export const controlOf = (path) => {
  for (const node of path) {
    const href = node.href?.baseVal ?? node.href;
    const mark = node.dataset?.uxIntent;
    const action = mark === 'phone' ? PHONE : mark === WHATSAPP ? mark : href && read(href);
    if (action) return [action, String(href || ''), node];
  }
};

const positionOf = () =>
  ['header', 'nav', 'footer'].find((tag) => path.some((node) => node.localName === tag)) ||
  (path.some((node) => node.nodeType === 1 && /fixed|sticky/.test(getComputedStyle(node).position)) ? 'float' : 'body');

/** @param {any} node */
const textOf = (node) => (node?.textContent || node?.ariaLabel || node?.title || '').replace(/\s+/g, ' ').trim().slice(0, 80);

/** @param {string} via click, open or navigate @param {Action} action @param {string} href @param {any} node @param {number} [at] */
const tap = (via, action, href, node, at = Date.now()) => {
  if (!once(action, DOUBLE_MS, at)) return;
  const wa_ref = action === WHATSAPP && setting('waRef') ? code() : undefined;
  record('conversion', action, href, null, { via, position: positionOf(), text: textOf(node), wa_ref }, at);
};

/** @param {any[]} through @param {number} [at] */
export const click = (through, at) => {
  path = through;
  clickedAt = at || Date.now();
  const found = controlOf(path);
  if (found) tap('click', ...found, at);
};

/** Did a person just do something? Asked before a window opens: opening uses it up. */
const isActive = () => (navigator.userActivation ? navigator.userActivation.isActive : Date.now() - clickedAt < ACTIVE_MS);

/** A script hands over to this address. @param {any} href @param {boolean} active @param {string} via */
const handOver = (href, active, via) => {
  const action = active && read(href);
  if (action) tap(via, action, String(href), path[0]);
};

/** A form by its name, never by what stands in it. @param {string} ec @param {string} ea @param {any} name @param {string} [via] */
export const form = (ec, ea, name, via) => once(ea + name, FORM_MS, Date.now()) && record(ec, ea, name || 'form', null, { via });

/** @param {any} event */
const onClick = (event) => event.button < 2 && click(event.composedPath());

export const start = () => {
  addEventListener('click', onClick, QUIETLY);
  addEventListener('auxclick', onClick, QUIETLY);
  addEventListener('submit', ({ target }) => form('interaction', 'form_attempt', /** @type {any} */ (target).getAttribute('id')), QUIETLY);
  window.navigation?.addEventListener('navigate', (/** @type {any} */ event) => handOver(event.destination.url, isActive(), 'navigate'));
  const { open } = window;
  window.open = function (href) {
    const active = isActive();
    const opened = open.apply(this, /** @type {any} */ (arguments));
    try {
      handOver(href, active, 'open');
    } catch {
      // the page's window is open: that is all that matters
    }
    return opened;
  };
};
