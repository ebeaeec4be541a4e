/**
 * Tank Tracker: the browser side of OpsMantik Box. At least once from here, exactly once in the Box; no loss is silent; the page is never
 * delayed. This module puts the parts together and follows the page's life; it holds no rule.
 */

import * as attention from './attention.js';
import * as capture from './capture.js';
import { setting, site, source } from './config.js';
import { timedId } from './ids.js';
import { code, land, who } from './identity.js';
import { log } from './log.js';
import { adopt, held } from './outbox.js';
import { consent, page, record, state } from './recorder.js';
import { drain, flush, returned, urge, wake } from './sender.js';

const other = window.opmantik;
const stub = window.opmantikStub || { u: location.href, r: document.referrer, q: [] };
let path = '';

/** @param {string} url @param {string} title */
const view = (url, title) => {
  path = location.pathname;
  land(url);
  page.entered = url;
  attention.begin(title);
  page.entered = '';
};

/** A router went elsewhere: a view is a path, not a query. Its title is not there yet. */
const route = () => {
  if (path && path !== location.pathname) view(location.href, '');
};

const begin = () => {
  if (path || document.prerendering || document.hidden) return;
  view(stub.u, document.title);
  wake(0);
};

const seen = () => {
  if (document.hidden) {
    attention.rest();
    return flush();
  }
  returned();
  if (!path) return begin();
  attention.resume();
  urge();
};

/** @param {'pushState' | 'replaceState'} name */
const wrap = (name) => {
  const original = history[name];
  history[name] = function () {
    original.apply(this, /** @type {any} */ (arguments));
    route();
  };
};

const watchRoutes = () => {
  if (window.navigation) return window.navigation.addEventListener('currententrychange', route);
  wrap('pushState');
  wrap('replaceState');
  addEventListener('popstate', route);
};

const api = {
  version: VERSION,
  _initialized: true, // tells copies of the old tracker that somebody is here
  send: record,
  session: () => {
    if (state !== 'granted') return null;
    const { sid, sm, meta } = who(0);
    return { sessionId: sid, fingerprint: meta.fp, context: meta.gclid, sid, sm };
  },
  consent,
  _tank: {
    log,
    setting,
    source,
    code,
    form: capture.form,
    record,
    again: () => (attention.page.dup = 1),
    getQueue: held,
    saveQueue: adopt,
    addToOutbox: (/** @type {any} */ payload) => {
      adopt([{ id: timedId(), ts: Date.now(), payload }]);
      wake(0);
    },
    processOutbox: () => drain(1),
  },
};

const start = () => {
  if (other) attention.page.dup = 1;
  window.opmantik = window.opsmantik = api;
  window.__opsmantikTrackerInitialized = true;
  page.referrer = stub.r;
  consent(setting('consent') || 'granted');
  capture.start();
  attention.start();
  watchRoutes();
  addEventListener('online', urge);
  addEventListener('pagehide', () => {
    attention.beat('session_end');
    flush();
  });
  addEventListener('beforeunload', flush); // a tap on tel: fires it too: a flush, never an end
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    returned();
    view(location.href, document.title);
  });
  document.addEventListener('visibilitychange', seen);
  document.addEventListener('prerenderingchange', begin);
  document.removeEventListener('click', stub.f, true);
  begin();
  stub.q.forEach((/** @type {[number, any[]]} */ [at, through]) => capture.click(through, at));
};

if (other?._tank) other._tank.again();
else if (site) start();
