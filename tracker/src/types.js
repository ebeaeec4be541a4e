/**
 * The shapes the modules hand to each other. Nothing runs here.
 *
 * @typedef {{[name: string]: any}} Meta
 * What the Box keeps of it: docs/metadata.md.
 *
 * @typedef {object} Payload
 * One signal as docs/wire.md has it, without `st`. Foreign ones may lack anything but `s` and `u`.
 * @property {string} s the site's public id
 * @property {string} u the page's address
 * @property {string} [sid]
 * @property {string} [sm]
 * @property {string} [ec]
 * @property {string} [ea]
 * @property {string | null} [el]
 * @property {number | null} [ev]
 * @property {string} [r]
 * @property {Meta} [meta]
 * @property {string} [id]
 * @property {number} [ts]
 *
 * @typedef {object} Envelope
 * A signal that waits. `notBefore` (ms) is absent until it was tried, `cut` says that it was shortened once.
 * @property {string} id
 * @property {number} ts
 * @property {Payload} payload
 * @property {number} attempts
 * @property {number} [notBefore]
 * @property {1} [cut]
 *
 * @typedef {[status: number, more?: any, told?: any]} Outcome
 * What became of a request: the status, Retry-After as sent, the body (falsy when it is no JSON). Status 0: no answer; then `more` says
 * whether the refusal came at once.
 */
export {};
