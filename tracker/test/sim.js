/**
 * A simulation of a browser, never of our own parts: one origin with its storage, locks and tabs, a clock that is turned by hand, and a
 * network that answers as it is told. The tracker runs in it as it is built.
 */

import { setImmediate as turn } from 'node:timers/promises';
import vm from 'node:vm';

/** Chance that comes out the same each time. */
const chance = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mix = Math.imul(seed ^ (seed >>> 15), seed | 1);
  mix ^= mix + Math.imul(mix ^ (mix >>> 7), mix | 61);
  return ((mix ^ (mix >>> 14)) >>> 0) / 4294967296;
};

/** Wall time can jump; timers follow the time that really passes. */
export class Clock {
  constructor(at = Date.UTC(2026, 10, 25, 9)) {
    this.passed = 0;
    this.shift = at;
    this.timers = new Map();
    this.next = 1;
  }

  now() {
    return this.shift + this.passed;
  }

  jump(ms) {
    this.shift += ms;
  }

  set(run, ms = 0, ...given) {
    this.timers.set(this.next, { at: this.passed + Math.max(0, Number(ms) || 0), run: () => run(...given) });
    return this.next++;
  }

  clear(timer) {
    this.timers.delete(timer);
  }

  /** Lets `ms` pass, each timer in its turn. */
  async pass(ms) {
    const end = this.passed + ms;
    await turn();
    for (;;) {
      let first;
      for (const [id, timer] of this.timers) if (timer.at <= end && (!first || timer.at < first[1].at)) first = [id, timer];
      if (!first) break;
      this.timers.delete(first[0]);
      this.passed = Math.max(this.passed, first[1].at);
      first[1].run();
      await turn();
    }
    this.passed = end;
    await turn();
  }
}

/** The storage of one origin, shared by its tabs. `room` in characters; `denied` as in a sandbox or with cookies blocked. */
export class Store {
  constructor(entries = {}) {
    this.map = new Map(Object.entries(entries));
    this.room = 5 * 1024 * 1024;
    this.denied = false;
    this.onRemove = () => {};
  }

  size() {
    let sum = 0;
    for (const [key, value] of this.map) sum += key.length + value.length;
    return sum;
  }

  /** As one tab sees it; `refused` is called when something did not fit. */
  face(refused = () => {}) {
    const store = this;
    const methods = {
      getItem: (key) => store.map.get(key) ?? null,
      setItem: (key, value) => {
        const before = store.map.has(key) ? key.length + store.map.get(key).length : 0;
        if (store.size() - before + key.length + String(value).length > store.room) {
          refused();
          throw new Error('QuotaExceededError');
        }
        store.map.set(key, String(value));
      },
      removeItem: (key) => {
        const value = store.map.get(key);
        store.map.delete(key);
        if (value !== undefined) store.onRemove(key, value);
      },
    };
    return new Proxy(methods, {
      get: (_, key) => methods[key] ?? store.map.get(key),
      set: (_, key, value) => (methods.setItem(key, value), true),
      ownKeys: () => [...store.map.keys()],
      getOwnPropertyDescriptor: (_, key) => ({ configurable: true, enumerable: true, value: store.map.get(key) }),
    });
  }
}

/** One origin: what its tabs share. `net(url, body, tab)` answers a request: a promise of `{status, headers, json}`, or a rejection. */
export class Origin {
  constructor(net, { clock = new Clock(), entries, seed = 1 } = {}) {
    Object.assign(this, { net, clock, storage: new Store(entries), locks: new Map(), online: true, tabs: [], random: chance(seed) });
  }

  open(script, options) {
    const tab = new Tab(this, script, options);
    this.tabs.push(tab);
    return tab;
  }
}

const SITE = '7b0a2f7e-52a4-4b57-9d0e-3d2f8f1c6a11';

/** One page in one tab. */
export class Tab {
  constructor(origin, script, { url = 'https://www.antika.example/', attributes = {}, referrer = '', hidden = false, session, globals = {} } = {}) {
    this.origin = origin;
    this.dead = false;
    this.refused = false;
    this.hidden = hidden;
    this.active = true;
    this.listeners = {};
    this.session = session || new Store();
    this.printed = [];
    this.loaded = []; // scripts it asked for
    this.location = new URL(url);
    this.window = this.makeWindow({ site: SITE, api: 'https://box.example/api/sync', ...attributes }, referrer);
    Object.assign(this.window, globals);
    vm.runInNewContext(script, this.window);
  }

  makeWindow({ site, ...attributes }, referrer) {
    const { origin } = this;
    const { clock } = origin;
    const tab = this;
    const on = (kind, run) => (this.listeners[kind] ||= []).push(run);
    const off = (kind, run) => (this.listeners[kind] = (this.listeners[kind] || []).filter((each) => each !== run));
    const alive = (run) => (...given) => this.dead || run(...given);
    class FakeDate extends Date {
      constructor(...given) {
        super(...(given.length ? given : [clock.now()]));
      }

      static now() {
        return clock.now();
      }
    }
    const history = { pushState: (_, __, url) => (this.location.href = new URL(url, this.location).href), replaceState: (_, __, url) => history.pushState(_, __, url) };
    const window = {
      Math: Object.assign(Object.create(Math), { random: origin.random }),
      crypto: { getRandomValues: (bytes) => bytes.map(() => origin.random() * 256) },
      URL, URLSearchParams, TextEncoder, BigInt, Date: FakeDate,
      AbortSignal: { timeout: (ms) => this.abortIn(ms) },
      console: { log: (...words) => this.printed.push(words) },
      setTimeout: (run, ms, ...given) => clock.set(alive(run), ms, ...given),
      clearTimeout: (timer) => clock.clear(timer),
      requestAnimationFrame: (run) => clock.set(alive(run), 16),
      addEventListener: on, removeEventListener: off, history, innerHeight: 800, scrollY: 0,
      location: this.location,
      getComputedStyle: (node) => ({ position: node.position || 'static' }),
      open: (url) => ({ opened: url }),
      fetch: (url, init) => this.fetch(url, init),
      navigator: {
        get onLine() {
          return origin.online;
        },
        userActivation: {
          get isActive() {
            return tab.active;
          },
        },
        sendBeacon: (url, body) => {
          if (body.length > 65536) return false;
          if (origin.online) this.origin.net(url, body, this, true).catch(() => {});
          return true;
        },
        locks: { request: (name, options, run) => this.request(name, run) },
      },
      document: {
        title: 'Ana sayfa', referrer, addEventListener: on, removeEventListener: off, querySelector: () => null,
        documentElement: { scrollHeight: 4000 }, createElement: () => ({}), head: { append: (element) => this.loaded.push(element) },
        get hidden() {
          return tab.hidden;
        },
        currentScript: { src: 'https://box.example/ux-core.js', dataset: { siteId: site, ...attributes } },
      },
      get localStorage() {
        if (origin.storage.denied) throw new Error('SecurityError');
        return origin.storage.face(() => (tab.refused = true));
      },
      get sessionStorage() {
        return tab.session.face();
      },
    }; // prettier-ignore
    window.window = window;
    return window;
  }

  abortIn(ms) {
    const stop = new AbortController();
    this.origin.clock.set(() => stop.abort(), ms);
    return stop.signal;
  }

  fetch(url, { body, signal }) {
    return new Promise((resolve, reject) => {
      const settle = (how) => (value) => this.dead || how(value);
      if (signal) signal.addEventListener('abort', () => settle(reject)(new Error('AbortError')));
      if (!this.origin.online) return settle(reject)(new TypeError('Failed to fetch'));
      this.origin.net(url, body, this).then(settle(resolve), settle(reject));
    });
  }

  async request(name, run) {
    const { locks } = this.origin;
    if (this.origin.noLocks) throw new Error('SecurityError');
    if (locks.has(name)) return run(null);
    locks.set(name, this);
    try {
      return await run({});
    } finally {
      if (locks.get(name) === this) locks.delete(name);
    }
  }

  get tracker() {
    return this.window.opmantik;
  }

  get tank() {
    return this.tracker._tank;
  }

  fire(kind, event = {}) {
    if (!this.dead) [...(this.listeners[kind] || [])].forEach((run) => run({ type: kind, button: 0, ...event }));
  }

  /** A click on a link, or on whatever the path says. */
  tap(href, ...above) {
    const link = typeof href === 'string' ? { localName: 'a', style: {}, href, dataset: {}, textContent: 'Ara' } : href;
    this.fire('click', { composedPath: () => [{ localName: 'span', style: {}, dataset: {} }, link, ...above] });
  }

  hide() {
    this.hidden = true;
    this.fire('visibilitychange');
  }

  show() {
    this.hidden = false;
    this.fire('visibilitychange');
  }

  leave() {
    this.fire('pagehide', { persisted: false });
    this.hidden = true;
    this.fire('visibilitychange');
    this.die();
  }

  /** As when the browser is killed: nothing more runs, locks are free. */
  die() {
    this.dead = true;
    for (const [name, holder] of this.origin.locks) if (holder === this) this.origin.locks.delete(name);
  }

  /** What waits in the browser. */
  outbox() {
    return [...this.origin.storage.map].filter(([key]) => key.startsWith('opsmantik_outbox_v2:')).map(([, value]) => JSON.parse(value));
  }
}

/** A Box as far as a browser sees it: takes signals, knows ids, answers as docs/wire.md says. `faults` are used up one a request, then it is
 * `always` as told. */
export class Box {
  constructor(clock) {
    this.clock = clock;
    this.stored = new Map();
    this.repeats = 0;
    this.requests = [];
    this.faults = [];
    this.always = 'ok';
    this.refuses = () => false;
    this.net = this.net.bind(this);
  }

  take(signal, s) {
    const site = signal.s || s;
    if (this.refuses(signal)) return { id: signal.id, ok: false, score: null, message: 'Invalid url format' };
    if (!site || !signal.u) return { id: signal.id, ok: true, score: 0, status: 'synced_skipped_missing_id' };
    const known = signal.id && this.stored.has(signal.id);
    if (known) this.repeats++;
    else this.stored.set(signal.id || Symbol('old'), signal);
    return { id: signal.id, ok: true, score: 35, status: known ? 'duplicate' : 'synced' };
  }

  commit(body) {
    if (!body.e) {
      const result = this.take(body);
      return result.ok ? [200, result] : [400, result];
    }
    return [200, { ok: true, score: 35, status: 'synced', results: body.e.map((signal) => this.take(signal, body.s)) }];
  }

  answer([status, json, headers = {}]) {
    return { status, ok: status < 300, headers: { get: (name) => headers[name] ?? null }, json: async () => json };
  }

  async net(url, text, tab, beacon) {
    const body = JSON.parse(text);
    let fault = this.faults.shift() || this.always;
    if (/^4\d\d$/.test(fault) && (body.e || [body]).some(({ id }) => this.stored.has(id))) fault = 'ok'; // what was taken once is not refused later
    this.requests.push({ url, body, fault, beacon: !!beacon, at: this.clock.now() });
    const later = (ms) => new Promise((done) => this.clock.set(done, ms));
    switch (fault) {
      case 'ok':
        await later(20);
        return this.answer(this.commit(body));
      case 'lost answer':
        this.commit(body);
        return new Promise(() => {});
      case 'silence':
        return new Promise(() => {});
      case 'refused':
        throw new TypeError('Failed to fetch');
      case 'reset':
        await later(900);
        throw new TypeError('Failed to fetch');
      case 'portal':
        return { ...this.answer([200, null]), json: async () => JSON.parse('<html>') };
      case 'limited':
        return this.answer([429, { ok: false }, { 'Retry-After': '7' }]);
      case 'busy':
        return this.answer([503, { ok: false }, { 'Retry-After': '2' }]);
      default:
        return this.answer([Number(fault), { ok: false, score: null }]);
    }
  }

  actions() {
    return [...this.stored.values()].map((signal) => signal.ea);
  }
}
