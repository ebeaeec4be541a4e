/**
 * The check panel (`#opsmantik-check`): what the web developer and the agency need to see on the page itself. Drawn with element.style, so
 * that it needs no `style-src`; it sends nothing.
 */

import { decided } from './banners.js';
import { page, tank } from './tank.js';

const TICK = 2e3;

/** @param {string} text @param {string} [style] */
const line = (text, style = '') => {
  const element = document.createElement('div');
  element.textContent = text;
  if (style) element.style.font = style;
  return element;
};

const controls = () => [...document.querySelectorAll('a[href],area[href],[data-ux-intent]')].map((node) => tank.controlOf([node])).filter(Boolean);

const read = () => {
  const found = /** @type {[string, string, any][]} */ (controls());
  const breaker = JSON.parse(localStorage.getItem('opsmantik_breaker') || '{"mode":"main"}').mode;
  return [
    line('OpsMantik ' + page.version, 'bold 13px sans-serif'),
    line('site ' + (tank.setting('opsSiteId') || tank.setting('siteId'))),
    line('consent ' + tank.state() + ' (' + (decided || 'the page') + ')'),
    line('outbox ' + tank.getQueue().length + ', address ' + breaker + (localStorage.opsmantik_internal ? ', internal visits' : '')),
    line('contact controls ' + found.length, 'bold 12px sans-serif'),
    ...found.map(([action, href]) => line('✓ ' + action + ' ' + href)),
    line('last signals', 'bold 12px sans-serif'),
    ...tank.log.map(([word, action, , more]) => line(word + ' ' + action + (more ? ' ' + (more.status || more) : ''))),
  ];
};

export const showPanel = () => {
  const panel = document.createElement('div');
  Object.assign(panel.style, {
    position: 'fixed', inset: 'auto 8px 8px auto', zIndex: '2147483647', maxWidth: '90vw', maxHeight: '60vh', overflow: 'auto', padding: '10px',
    background: '#111', color: '#eee', font: '12px/1.4 monospace', borderRadius: '6px',
  }); // prettier-ignore
  const draw = () => {
    try {
      panel.replaceChildren(...read());
    } catch (error) {
      panel.textContent = 'OpsMantik: ' + error;
    }
  };
  document.documentElement.append(panel);
  draw();
  setInterval(draw, TICK);
};
