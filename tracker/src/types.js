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
 * A signal that waits. `notBefore` (ms): it failed, and should wait; `away` (ms): until then it may be on its way; `cut`: shortened once.
 * @property {string} id
 * @property {number} ts
 * @property {Payload} payload
 * @property {number} attempts
 * @property {number} [notBefore]
 * @property {number} [away]
 * @property {1} [cut]
 *
 * @typedef {[status: number, more?: any, told?: any]} Outcome
 * What became of a request: the status, Retry-After as sent, of a 2xx the body. Status 0: no answer, or a 2xx that is no JSON; `more` says
 * then whether that came at once.
 */
export {};
