/**
 * What the core hands to this file: the whole interface between the two, kept small because their versions may differ for as long as a
 * cache lives.
 *
 * @typedef {object} Tank
 * @property {any[]} log
 * @property {(name: string) => string | undefined} setting
 * @property {import('../types.js').Meta} marks
 * @property {() => string} state
 * @property {string} api
 * @property {(path: any[]) => [string, string, any] | undefined} controlOf
 * @property {(ec: string, ea: string, name: any, via?: string) => any} form
 * @property {() => import('../types.js').Envelope[]} getQueue
 */

export const page = window.opmantik;
/** @type {Tank} */
export const tank = page?._tank;

/** @param {EventTarget} target @param {string} kinds separated by spaces @param {(event: any) => any} run */
export const on = (target, kinds, run) => kinds.split(' ').forEach((kind) => target.addEventListener(kind, run));

/** Runs it now and after each of the page's events, until jQuery is there or the page is loaded. @param {(jQuery: any) => void} run */
export const withJQuery = (run) => {
  const look = () => window.jQuery && run(window.jQuery);
  if (!look() && document.readyState !== 'complete') on(window, 'load', look);
};
