/**
 * Tank Tracker: the browser side of OpsMantik Box. At least once from here, exactly once in the Box; no loss is silent; the page is never
 * delayed. This module puts the parts together and follows the page's life; it holds no rule.
 */

import * as attention from './attention.js';
import * as capture from './capture.js';
import { now } from './clock.js';
import { api, setting, site, source, wantsAdapters } from './config.js';
import { timedId } from './ids.js';
import { land, marks, who } from './identity.js';
import { log } from './log.js';
import { adopt, held } from './outbox.js';
import { consent, record, state } from './recorder.js';
import { drain, end, flush, urge, wake } from './sender.js';

const other = window.opmantik;
const stub = window.opmantikStub || { u: location.href, q: [] };
let path = '';

/** @param {string} url @param {string} [title] */
const view = (url, title = document.title) => {
  attention.beat(); // the view before
  path = location.pathname;
  land(url);
  attention.begin(title, url);
};

/** A router went elsewhere: a view is a path, not a query. Its title is not there yet. */
const route = () => {
  if (path && path !== location.pathname) view(location.href, '');
};

const begin = () => {
  if (path || document.hidden) return; // a prerendered page is hidden too
  view(stub.u);
  wake(0);
};

const seen = () => {
  if (document.hidden) end();
  else if (path) {
    attention.resume();
    urge();
  } else begin();
};

const watchRoutes = () => {
  if (window.navigation) return window.navigation.addEventListener('currententrychange', route);
  capture.on('popstate', route);
  for (const name of /** @type {const} */ (['pushState', 'replaceState'])) {
    const original = history[name];
    history[name] = function () {
      original.apply(this, /** @type {any} */ (arguments));
      route();
    };
  }
};

const surface = {
  version: VERSION,
  _initialized: true, // tells copies of the old tracker that somebody is here
  send: record,
  session: () => {
    if (state !== 'granted') return null;
    const { sid, meta } = who(0);
    return { sessionId: sid, fingerprint: meta.fp, context: meta.gclid };
  },
  consent,
  _tank: {
    log,
    setting,
    api,
    marks,
    controlOf: capture.controlOf,
    state: () => state,
    form: capture.form,
    getQueue: held,
    saveQueue: adopt,
    addToOutbox: (/** @type {any} */ payload) => {
      adopt({ ...payload, id: timedId(), ts: now() });
      wake(0);
    },
    processOutbox: () => drain(1),
  },
};

/** Forms, widgets, banners and the check panel are in a file of their own, for pages that ask for them. */
const loadAdapters = () => {
  const script = document.createElement('script');
  script.nonce = source.nonce;
  script.src = source.src.replace('ux-core', 'ux-adapters');
  document.head.append(script);
};

const start = () => {
  if (other) marks.dup = 1;
  window.opmantik = window.opsmantik = surface;
  window.__opsmantikTrackerInitialized = true;
  consent(setting('consent') || 'granted');
  capture.start();
  attention.start();
  watchRoutes();
  capture.on('online', urge);
  capture.on('pagehide', () => {
    attention.beat('session_end');
    end();
  });
  capture.on('beforeunload', flush); // a tap on tel: fires it too: a flush, never an end
  capture.on('pageshow', (event) => event.persisted && view(location.href));
  capture.on('visibilitychange', seen);
  begin();
  stub.q.forEach((/** @type {[number, any[]]} */ tap) => capture.click(...tap));
  stub.q = 0; // it need not listen any longer
  if (source && wantsAdapters) loadAdapters();
};

if (other?._tank) other._tank.marks.dup = 1;
else if (site) start();
