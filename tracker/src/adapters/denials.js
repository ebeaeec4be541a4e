/** One body that says that somebody said no (`data-denied="count"`), and nothing about whom: no id, no query, nothing stored. */

import { page, tank } from './tank.js';

const count = () => {
  const ts = Date.now();
  const s = tank.setting('opsSiteId') || tank.setting('siteId');
  const meta = { consent: 'denied', denied: 1 };
  const body = JSON.stringify({ s, u: location.origin + location.pathname, ec: 'system', ea: 'consent_denied', meta, ts, st: ts });
  fetch(tank.api, { method: 'POST', body, keepalive: true }).catch(() => {});
};

export const countDenials = () => {
  let told = false;
  const look = () => {
    if (tank.state() === 'denied' && !told) count();
    told = tank.state() === 'denied';
  };
  const { consent } = page;
  page.consent = (/** @type {any[]} */ ...given) => {
    consent(...given);
    look();
  };
  look();
};
