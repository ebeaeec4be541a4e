/**
 * Where this script finds what it was told: its own element, another with a site id, `window.opmantikConfig` (tag managers and
 * optimisers leave no element), and last the address it came from.
 */

const given = window.opmantikConfig || window.opsmantikConfig || {};

/** @param {any} element */
const siteOf = (element) => element?.dataset.opsSiteId || element?.dataset.siteId;

/** @type {any} */
const current = document.currentScript;
/** @type {any} */
const element = siteOf(current) ? current : document.querySelector('script[data-ops-site-id],script[data-site-id]');
/** The element this script came by; undefined when nobody knows. @type {any} */
export const source = [current, element, document.querySelector('script[src*="ux-core"]')].find((each) => each?.src);

/** An attribute `data-some-name`, or opmantikConfig.someName; '' when absent, 'on' when empty. @param {string} name @param {string} [alias] */
export const setting = (name, alias = name) => {
  const value = element?.dataset[name] ?? given[alias];
  return value === '' || value === true ? 'on' : String(value || '');
};

/** @param {string} name */
const list = (name) => setting(name).split(/[\s,]+/).filter(Boolean);

/** @param {string} url */
const absolute = (url) => new URL(url, location.href).href;

/** The site's public id; undefined: there is nothing to do. @type {string | undefined} */
export const site = siteOf(element) || given.siteId;
export const api = absolute(setting('api', 'apiUrl') || new URL('/api/sync', source ? source.src : location.href).href);
/** '' when there is none. */
export const failover = setting('failover', 'failoverApiUrl') && absolute(setting('failover', 'failoverApiUrl'));
/** Places that are WhatsApp: a host, or a host and a path. */
export const places = [
  'wa.me', 'api.whatsapp.com', 'web.whatsapp.com', 'wa.link', ...list('waHosts'),
  ...list('waPaths').map((path) => location.hostname.replace('www.', '') + path),
]; // prettier-ignore
