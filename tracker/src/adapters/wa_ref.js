/**
 * A short code in the prefilled WhatsApp message (`data-wa-ref`, opt-in), so that the operator finds the visit of a chat for certain. The
 * session's code, so that a second tap writes the same. `{ref}` in the attribute says where it stands.
 */

import { page, tank } from './tank.js';

const TEMPLATE = ' [Ref: {ref}]';

/** @param {any} href @param {string} mark */
const marked = (href, mark) => {
  const url = new URL(href, location.href);
  const text = url.searchParams.get('text') || '';
  if (!text.includes(mark)) url.searchParams.set('text', text + mark);
  return url.href.replace(/\+/g, '%20'); // WhatsApp shows a plus as it is
};

export const markMessages = () => {
  const told = tank.setting('waRef') || '';
  const mark = () => {
    const session = page.session();
    if (!session) return '';
    tank.marks.wa_ref = parseInt(session.sessionId.slice(0, 8), 16).toString(36).toUpperCase();
    return (told.includes('{ref}') ? told : TEMPLATE).replace('{ref}', tank.marks.wa_ref);
  };
  const read = (/** @type {any[]} */ path) => {
    const found = tank.controlOf(path);
    return found?.[0] === 'whatsapp' && found;
  };
  mark();
  addEventListener(
    'click',
    (event) => {
      const found = read(event.composedPath());
      const text = found && found[2].localName === 'a' && mark();
      if (found && text) found[2].href = marked(found[1], text);
    },
    { capture: true, passive: true },
  );
  const { open } = window;
  window.open = function (/** @type {any} */ href, ...more) {
    const text = read([{ href }]) && mark();
    return open.call(this, text ? marked(href, text) : href, ...more);
  };
};
