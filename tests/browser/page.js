// A page without a browser: just enough of one to run the real tracker in Node, whose fetch is real. Prints the envelopes left behind.
// node page.js TRACKER PAGE-URL SITE API CONSENT STEPS(JSON: [["tap", href] | ["consent", state] | ["wait-empty"]])
const fs = require('node:fs');
const vm = require('node:vm');
const [tracker, page, site, api, consent, steps] = process.argv.slice(2);

const held = new Map();
const localStorage = new Proxy(
  { getItem: (k) => held.get(k) ?? null, setItem: (k, v) => held.set(k, String(v)), removeItem: (k) => held.delete(k) },
  { ownKeys: () => [...held.keys()], getOwnPropertyDescriptor: (_, k) => ({ configurable: true, enumerable: true, value: held.get(k) }) },
);
const listeners = {};
const on = (kind, run) => (listeners[kind] ||= []).push(run);
const window = {
  localStorage, crypto, URL, URLSearchParams, AbortController, JSON, Date, Math, Map, Object, Promise, Number, String, Uint8Array,
  setTimeout, clearTimeout, setInterval: (run, ms) => setInterval(run, Math.min(ms, 100)).unref(),
  location: new URL(page), navigator: { onLine: true }, addEventListener: on,
  document: {
    title: 'Ana sayfa', referrer: 'https://www.google.com/', addEventListener: on, querySelector: () => null,
    currentScript: { src: new URL('/ux-core.js', api).href, dataset: { siteId: site, api, consent } },
  },
  fetch: (url, options) => fetch(url, { ...options, headers: { ...options.headers, Origin: new URL(page).origin, 'User-Agent': process.env.AGENT } }),
};
window.window = window;
vm.runInNewContext(fs.readFileSync(tracker, 'utf8'), window);

const left = () => [...held.keys()].filter((k) => k.startsWith('opsmantik_outbox_v2:'));
(async () => {
  for (const [what, value] of JSON.parse(steps)) {
    if (what === 'tap') {
      const link = { tagName: 'A', href: value };
      listeners.click.forEach((run) => run({ composedPath: () => [{ tagName: 'SPAN' }, link] }));
    } else if (what === 'consent') window.opmantik.consent(value);
    else {
      const deadline = Date.now() + 8000;
      while (left().length && Date.now() < deadline) await new Promise((done) => setTimeout(done, 20));
    }
  }
  console.log(JSON.stringify({ left: left().map((k) => JSON.parse(held.get(k))), keys: [...held.keys()] }));
  process.exit(0);
})();
