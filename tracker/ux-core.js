/* OpsMantik Box: the browser script. First version: page view, taps on phone and WhatsApp links, delivery that survives a closed page.
 * Promise: at least once from the browser; the Box counts each id once. Never delays or prevents anything the visitor does.
 * Without consent (pending, denied, limit) it stores nothing and sends nothing.
 * `?opsmantik=internal` marks this browser as the agency's own. */
(() => {
  'use strict';
  const script = document.currentScript || document.querySelector('script[data-site-id]');
  const site = script && script.dataset.siteId;
  if (!site || window.opmantik) return;
  const api = script.dataset.api || new URL('/api/sync', script.src).href;
  const BOX = 'opsmantik_outbox_v2:'; // one key for each envelope: tabs never rewrite each other's
  const MAX_ITEMS = 100, MAX_AGE = 7 * 864e5, SILENCE = 30 * 6e4, SEND_TIMEOUT = 5000, SCAN = 15000;
  const CLICK_IDS = ['gclid', 'wbraid', 'gbraid'];
  const PARKED = [400, 404, 405, 410, 413, 415, 422]; // the Box will never take it: do not try for ever

  // --- storage: refused or full must not hurt the page -------------------------------------------------------------
  const memory = new Map();
  const store = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); memory.delete(key); } catch { memory.set(key, value); } },
    del(key) { memory.delete(key); try { localStorage.removeItem(key); } catch { /* nothing to remove */ } },
    read(key) { return memory.get(key) ?? store.get(key); },
    keys() {
      const found = [...memory.keys()];
      try { found.push(...Object.keys(localStorage)); } catch { /* memory only */ }
      return found.filter((key) => key.startsWith(BOX));
    },
  };
  const uuid = () => {
    if (window.crypto && crypto.randomUUID) return crypto.randomUUID();
    const b = crypto.getRandomValues(new Uint8Array(16)); // a page without TLS has no randomUUID
    b[6] = (b[6] & 15) | 64;
    b[8] = (b[8] & 63) | 128;
    return [...b].map((n, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + n.toString(16).padStart(2, '0')).join('');
  };

  // --- who ---------------------------------------------------------------------------------------------------------
  const fingerprint = () => {
    let fp = store.get('opsmantik_fp');
    if (!fp) store.set('opsmantik_fp', fp = 'fp_' + uuid().replaceAll('-', '').slice(0, 22));
    return store.read('opsmantik_fp') || fp;
  };
  const clickId = () => {
    const query = new URLSearchParams(location.search);
    const kind = CLICK_IDS.find((key) => query.get(key));
    return kind ? kind + '=' + query.get(kind) : '';
  };
  // A session ends after 30 minutes of silence or when another click id arrives; its month is fixed when it starts.
  const session = () => {
    const now = Date.now(), click = clickId();
    let kept;
    try { kept = JSON.parse(store.read('opsmantik_session') || 'null'); } catch { kept = null; }
    const same = kept && typeof kept.sid === 'string' && now - kept.last < SILENCE && (!click || click === kept.click);
    const one = same ? kept : { sid: uuid(), sm: new Date(now).toISOString().slice(0, 8) + '01', click };
    one.last = now;
    store.set('opsmantik_session', JSON.stringify(one));
    return one;
  };
  const internal = () => {
    if (new URLSearchParams(location.search).get('opsmantik') === 'internal') store.set('opsmantik_internal', '1');
    return store.read('opsmantik_internal') === '1';
  };

  // --- sending -----------------------------------------------------------------------------------------------------
  let consent = script.dataset.consent || 'granted', pausedUntil = 0, sending = false;

  const record = (ec, ea, el, ev, meta) => {
    if (consent !== 'granted') return;
    const { sid, sm } = session(), now = Date.now(), id = uuid();
    const more = { fp: fingerprint(), ...(internal() ? { internal: 1 } : {}), ...meta };
    const body = { s: site, u: location.href, sid, sm, ec, ea, el, ev, r: document.referrer, meta: more, id, ts: now };
    trim();
    store.set(BOX + id, JSON.stringify({ id, ts: now, payload: body, attempts: 0, notBefore: now + SCAN }));
    deliver(BOX + id, ec === 'conversion');
  };

  const trim = () => {
    const held = store.keys().map(open).filter(Boolean).sort((a, b) => a.ts - b.ts);
    const spare = held.filter((one) => one.payload.ec !== 'conversion'); // an intent goes last
    for (const one of [...spare, ...held].slice(0, Math.max(0, held.length - MAX_ITEMS + 1))) store.del(BOX + one.id);
  };

  // What is stored may be anyone's: parse, check the shape, drop what is broken or too old.
  const open = (key) => {
    try {
      const one = JSON.parse(store.read(key));
      if (one.payload.s && BOX + one.id === key && Date.now() - one.ts < MAX_AGE) return one;
    } catch { /* broken */ }
    store.del(key);
    return null;
  };

  const deliver = async (key, urgent) => {
    const one = open(key);
    if (!one || (Date.now() < pausedUntil && !urgent)) return true;
    const stop = new AbortController(), timer = setTimeout(() => stop.abort(), SEND_TIMEOUT);
    try {
      // text/plain has no preflight; keepalive outlives the page
      const answer = await fetch(api, {
        method: 'POST', keepalive: true, signal: stop.signal, headers: { 'Content-Type': 'text/plain;charset=UTF-8' },
        body: JSON.stringify({ ...one.payload, st: Date.now() }),
      });
      if (answer.ok || PARKED.includes(answer.status)) { store.del(key); return true; }
      const wait = Number(answer.headers.get('Retry-After')) || (answer.status === 403 ? 3600 : 0);
      if (wait) pausedUntil = Date.now() + wait * 1000 * (1 + Math.random() / 4);
    } catch { /* offline, blocked, timed out: it stays */ } finally { clearTimeout(timer); }
    const delay = Math.min(3e5, 5000 * 2 ** one.attempts++) * (0.5 + Math.random() / 2);
    store.set(key, JSON.stringify({ ...one, notBefore: Date.now() + delay }));
    return false;
  };

  // One tab drains at a time where locks exist; where not, the Box sorts repeats out.
  const drain = async () => {
    if (sending || consent !== 'granted' || navigator.onLine === false || Date.now() < pausedUntil) return;
    sending = true;
    const all = async (lock) => {
      if (lock === null) return;
      for (const key of store.keys()) {
        const one = open(key);
        if (one && one.notBefore <= Date.now() && !(await deliver(key))) break;
      }
    };
    try {
      await (navigator.locks ? navigator.locks.request('opsmantik-drain', { ifAvailable: true }, all) : all());
    } finally { sending = false; }
  };

  // --- what is seen ------------------------------------------------------------------------------------------------
  const WHATSAPP = ['wa.me', 'api.whatsapp.com', 'web.whatsapp.com'];
  const intentOf = (link) => {
    let url;
    try { url = new URL(link.href, location.href); } catch { return null; }
    if (url.protocol === 'tel:' || url.protocol === 'callto:') return 'phone_call';
    return url.protocol === 'whatsapp:' || WHATSAPP.includes(url.hostname) ? 'whatsapp' : null;
  };
  const onClick = (event) => {
    const link = event.composedPath().find((node) => node.tagName === 'A' && node.href);
    const action = link && intentOf(link);
    if (!action) return;
    const stamp = Date.now() + '-' + uuid();
    record('conversion', action, link.href, null, { intent_stamp: stamp, intent_action: action });
  };

  const start = () => record('interaction', 'view', document.title.slice(0, 200), null, {});
  addEventListener('click', onClick, { capture: true, passive: true });
  addEventListener('online', drain);
  document.addEventListener('visibilitychange', drain);
  setInterval(drain, SCAN);

  window.opmantik = {
    send: record,
    session: () => (consent === 'granted' ? session() : null),
    /** The page's banner calls this: 'granted' begins, anything else ends and forgets. */
    consent(state) {
      const begins = state === 'granted' && consent !== 'granted';
      consent = state;
      if (begins) start();
      else if (state !== 'granted') [...store.keys(), 'opsmantik_fp', 'opsmantik_session'].forEach(store.del);
    },
  };
  if (consent === 'granted') { start(); drain(); }
})();
