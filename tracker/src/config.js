/**
 * Where this script finds what it was told: its own element, the first that has a site id or its name (tag managers and optimisers
 * leave no current one), `window.opmantikConfig`, and last the address it came from.
 */

/** @type {any[]} */
const scripts = [document.currentScript, document.querySelector('script[data-ops-site-id],script[data-site-id],script[src*="ux-core"]')];
/** The element this script came by; undefined when nobody knows. @type {any} */
export const source = scripts.find((each) => each?.src);

/** Attributes `data-some-name`, else opmantikConfig.someName. @type {{[name: string]: any}} */
const told = {
  ...window.opmantikConfig,
  ...scripts.find((each) => each?.dataset.opsSiteId || each?.dataset.siteId)?.dataset,
};

/** 'on' when it is there and empty. @param {string} name @returns {string | undefined} */
export const setting = (name) => (told[name] === '' ? 'on' : told[name]);

/** @param {string} name */
const list = (name) => String(told[name] || '').split(/[\s,]+/).filter(Boolean);

/** The site's public id; undefined: there is nothing to do. @type {string | undefined} */
export const site = told.opsSiteId || told.siteId;
/** @type {string} */
export const api = told.api || told.apiUrl || new URL('/api/sync', source ? source.src : location.href).href;
/** @type {string | undefined} */
export const failover = told.failover || told.failoverApiUrl;
/** Does the page ask for what is in the second file? */
export const wantsAdapters = /adapters|cmp|waRef|denied|thanks|-check/.test(Object.keys(told) + location.hash);
/** The site's own places that lead to WhatsApp: a host, or a host and a path. */
export const places = [...list('waHosts'), ...list('waPaths').map((path) => location.hostname.replace('www.', '') + path)];
