/**
 * What the browser keeps for us, or memory where it must not or cannot keep anything. Never throws; never touches the browser's storage
 * before it was told that it may. A value that did not fit lives in memory until this page ends, and `mode` says so.
 */

export const PREFIX = 'opsmantik_';
/** Not the visitor's: the agency's own marks, which no consent erases. */
const OURS = /_(debug|internal)$/;

/** @type {{[key: string]: string}} */
const memory = {};
let allowed = false;

/** What the browser's storage has; undefined when it is refused. @template T @param {(storage: Storage) => T} run @returns {T | undefined} */
export const use = (run) => {
  try {
    if (allowed) return run(localStorage);
  } catch {
    // refused
  }
};

/** @param {string} key */
export const get = (key) => memory[key] || use((storage) => storage.getItem(key));

/** The stored value; undefined when there is none that can be read. @param {string} key @returns {any} */
export const read = (key) => {
  try {
    return JSON.parse(get(key) || '');
  } catch {
    // none, or not ours
  }
};

/** @param {string} key */
export const del = (key) => {
  delete memory[key];
  use((storage) => storage.removeItem(key));
};

/** @param {string} key @param {any} value anything JSON can hold */
export const write = (key, value) => {
  const text = JSON.stringify(value);
  if (use((storage) => (storage.setItem(key, text), 1))) return delete memory[key];
  del(key);
  return (memory[key] = text);
};

/** @param {string} prefix */
export const keys = (prefix) => [...Object.keys(memory), ...(use(Object.keys) || [])].filter((key) => key.startsWith(prefix));

export const mode = () => (Object.keys(memory)[0] ? 'memory' : 'local');

/** From now on the browser keeps it; what was in memory goes there. */
export const allow = () => {
  allowed = true;
  Object.keys(memory).forEach((key) => write(key, JSON.parse(memory[key])));
};

/** Nothing of the visitor's stays anywhere, and nothing is kept from now on. */
export const forbid = () => {
  keys(PREFIX).forEach((key) => OURS.test(key) || del(key));
  allowed = false;
};
