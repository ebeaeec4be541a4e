/**
 * A chat widget in a frame of another origin: nobody sees what happens in it, but that it was entered shows by where the focus went. That
 * is a `widget_open`, not an intent.
 */

import { on, page } from './tank.js';

const WIDGETS = /joinchat|whatsapp|tawk|jivo|tidio|crisp|elfsight|getbutton|zopim|livechat|intercom|drift|smartsupp/i;

export const watchWidgets = () => {
  let last = '';
  on(window, 'blur', () => {
    const frame = /** @type {any} */ (document.activeElement);
    const told = frame?.localName === 'iframe' ? WIDGETS.exec([frame.src, frame.id, frame.title, frame.className].join(' ')) : null;
    if (told && told[0] !== last) page.send('interaction', 'widget_open', '', null, { widget: told[0].toLowerCase() });
    last = told ? told[0] : last;
  });
  on(window, 'focus', () => {
    last = '';
  });
};
