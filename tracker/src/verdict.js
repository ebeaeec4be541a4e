/** What follows from an answer. Pure: a status in; what to do, or how long to wait, out. */

const NEVER = /^4(00|1[035]|22)$/;
const ADDRESS = /^40[45]/;
const HOUR = 36e5;

export const DONE = -2;
/** The Box will never take it as it is. */
export const PARK = -1;
/** Not now: after its own back-off. What is above it is a pause for all, in ms; below it, there is nothing to wait for. */
export const RETRY = 0;

/** Of 404 and 405 the address is to blame while nothing ever succeeded there.
 * @param {import('./types.js').Outcome} outcome @param {boolean} known did this address ever take anything?
 * @returns {number} DONE, PARK, RETRY or a pause */
export const judge = ([status, wait, told], known) => {
  const text = /** @type {any} */ (status);
  if (told?.ok) return DONE;
  if (status === 401 || status === 403) return HOUR;
  if (status === 429 || status === 503) return wait ? Math.min(HOUR, Math.max(1e3, wait * 1e3 || 0)) : RETRY;
  return NEVER.test(text) || (known && ADDRESS.test(text)) ? PARK : RETRY;
};
