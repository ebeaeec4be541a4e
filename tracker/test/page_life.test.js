import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOUR, MINUTE, TEL, world } from './kit.js';

const beats = (box) => [...box.stored.values()].filter(({ ea }) => ea === 'heartbeat');

test('leaving sends one beacon, intents first, and keeps what it carried until the Box has it', async () => {
  const { clock, box, open } = world();
  box.faults = ['500', '500'];
  const tab = open();
  tab.tap(TEL);
  await clock.pass(100);
  tab.fire('beforeunload');
  tab.leave();
  await clock.pass(100);
  const beacons = box.requests.filter(({ beacon }) => beacon);
  assert.deepEqual(beacons.flatMap(({ body }) => (body.e || [body]).map(({ ea }) => ea)), ['phone_call', 'view', 'session_end']);
  assert.equal(tab.outbox().length, 3);
  open();
  await clock.pass(10_000);
  assert.deepEqual(tab.outbox(), []);
  assert.equal(box.repeats, 3);
});

test('a tap on a phone link fires beforeunload: a flush, no session end, and the tap goes once', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  tab.tap(TEL);
  tab.fire('beforeunload');
  await clock.pass(1000);
  assert.deepEqual(box.actions(), ['view', 'phone_call']);
  assert.equal(box.requests.length, 2);
});

test('hidden and pagehide together flush once', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  await clock.pass(1000);
  tab.tracker.send('interaction', 'gallery');
  tab.leave();
  await clock.pass(1000);
  const carried = box.requests.filter(({ beacon }) => beacon).flatMap(({ body }) => (body.e || [body]).map(({ id }) => id));
  assert.equal(new Set(carried).size, carried.length);
  assert.equal(origin.online, true);
});

test('a beacon carries at most 20 signals and 48 KB', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  await clock.pass(1000);
  origin.online = false;
  for (let n = 0; n < 40; n++) tab.tracker.send('interaction', 'gallery', 'x'.repeat(6000));
  origin.online = true;
  tab.leave();
  await clock.pass(1000);
  const [{ body }] = box.requests.filter(({ beacon }) => beacon);
  assert.ok(body.e.length <= 20 && JSON.stringify(body).length <= 48_000);
});

test('heartbeats: every minute while read, then ever more rarely', async () => {
  const { clock, box, open } = world();
  const tab = open();
  for (let n = 0; n < 10; n++) {
    await clock.pass(30_000);
    tab.fire('keydown');
  }
  await clock.pass(10_000);
  assert.equal(beats(box).length, 5);
  const before = beats(box).length;
  await clock.pass(HOUR);
  const times = beats(box).slice(before).map(({ ts }) => ts);
  const gaps = times.slice(1).map((at, n) => Math.round((at - times[n]) / MINUTE));
  assert.deepEqual(gaps.slice(0, 4), [2, 5, 10, 10]);
});

test('heartbeats are cumulative, and a newer one replaces an older that was never sent', async () => {
  const { clock, box, origin, open } = world();
  const tab = open();
  await clock.pass(1000);
  origin.online = false;
  for (let n = 0; n < 6; n++) {
    await clock.pass(20_000);
    tab.fire('keydown');
  }
  await clock.pass(MINUTE);
  const waiting = tab.outbox().filter(({ payload }) => payload.ea === 'heartbeat');
  assert.equal(waiting.length, 1);
  assert.ok(waiting[0].payload.meta.seq >= 2);
  assert.equal(waiting[0].payload.meta.active_sec, 121);
  assert.equal(box.repeats, 0);
});

test('hidden, there are no heartbeats; on return there is one at once', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  tab.hide();
  await clock.pass(HOUR);
  assert.equal(beats(box).length, 0);
  tab.show();
  await clock.pass(5000);
  assert.equal(beats(box).length, 1);
});

test('a page opened out of sight begins when it is seen', async () => {
  const { clock, box, open } = world();
  const tab = open({ hidden: true });
  await clock.pass(HOUR);
  assert.equal(box.stored.size, 0);
  tab.show();
  await clock.pass(1000);
  assert.deepEqual(box.actions(), ['view']);
});

test('back from the cache is a new view', async () => {
  const { clock, box, open } = world();
  const tab = open();
  await clock.pass(1000);
  tab.fire('pagehide', { persisted: true });
  tab.hide();
  await clock.pass(MINUTE);
  tab.show();
  tab.fire('pageshow', { persisted: true });
  await clock.pass(5000);
  const views = [...box.stored.values()].filter(({ ea }) => ea === 'view');
  assert.equal(views.length, 2);
  assert.notEqual(views[0].meta.page_view, views[1].meta.page_view);
  assert.equal(views[0].sid, views[1].sid);
});

for (const [how, globals] of [
  ['the history', {}],
  ['the Navigation API', { navigation: true }],
]) {
  test(`a route is a view by its path, not by its query (${how})`, async () => {
    const { clock, box, open } = world();
    const listeners = {};
    const tab = open({ globals: globals.navigation ? { navigation: { addEventListener: (kind, run) => (listeners[kind] = run) } } : {} });
    const go = (url) => {
      tab.window.history.pushState({}, '', url);
      listeners.currententrychange?.();
    };
    go('/iletisim');
    go('/iletisim?tab=2');
    go('/hakkimizda?gclid=later');
    await clock.pass(5000);
    const views = [...box.stored.values()].filter(({ ea }) => ea === 'view');
    assert.deepEqual(views.map(({ u }) => new URL(u).pathname).sort(), ['/', '/hakkimizda', '/iletisim']);
    const last = views.find(({ u }) => u.includes('later'));
    assert.equal(last.meta.gclid, 'later');
    assert.notEqual(last.sid, views.find(({ u }) => u.endsWith('/iletisim')).sid);
    const ended = [...box.stored.values()].filter(({ ea, meta }) => ea === 'heartbeat' && meta.page_view !== last.meta.page_view);
    assert.ok(ended.every(({ sid, u }) => sid !== last.sid && !u.includes('later')));
  });
}

test('depth is told at 50 and 90, once a view', async () => {
  const { clock, box, open } = world();
  const tab = open();
  for (const y of [100, 1300, 900, 2900, 3200, 3200]) {
    tab.window.scrollY = y;
    tab.fire('scroll');
    await clock.pass(100);
  }
  await clock.pass(2 * MINUTE);
  const depths = [...box.stored.values()].filter(({ ea }) => ea === 'scroll_depth');
  assert.deepEqual(depths.map(({ el, ev }) => [el, ev]), [['50%', 50], ['90%', 90]]);
  assert.equal(beats(box)[0].meta.scroll_pct, 100);
});

test('a mouse that rests on a contact control for half a second is a hover; at most ten', async () => {
  const { clock, box, open } = world();
  const tab = open();
  const link = { href: TEL, localName: 'a', style: {} };
  const over = (node, pointerType = 'mouse') => tab.fire('pointerover', { pointerType, composedPath: () => [node] });
  over(link, 'touch');
  await clock.pass(600);
  over(link);
  await clock.pass(300);
  over({ localName: 'p' });
  await clock.pass(600);
  for (let n = 0; n < 12; n++) {
    over(link);
    await clock.pass(600);
    over({ localName: 'p' });
  }
  await clock.pass(2 * MINUTE);
  assert.equal(beats(box)[0].meta.cta_hovers, 10);
});

test('included twice, the second copy does nothing but say so', async () => {
  const { clock, box, open } = world();
  const tab = open();
  const { runInContext } = await import('node:vm');
  const { CORE } = await import('./kit.js');
  runInContext(CORE, tab.window);
  tab.tap(TEL);
  await clock.pass(2 * MINUTE);
  assert.equal(box.actions().filter((action) => action === 'phone_call').length, 1);
  assert.equal(beats(box)[0].meta.dup, 1);
});

test('what the stub kept is handed over: the landing address and early taps with their own time', async () => {
  const { clock, box, open } = world();
  const at = clock.now() - 4000;
  const stub = { u: 'https://www.antika.example/?gclid=early', q: [[at, [{ localName: 'a', style: {}, href: TEL, dataset: {}, textContent: 'Ara' }]]] };
  open({ globals: { opmantikStub: stub } });
  await clock.pass(2000);
  const view = [...box.stored.values()].find(({ ea }) => ea === 'view');
  const tap = [...box.stored.values()].find(({ ea }) => ea === 'phone_call');
  assert.equal(view.u, stub.u);
  assert.equal(tap.ts, at);
  assert.equal(tap.meta.gclid, 'early');
  assert.equal(stub.q, 0);
});

test('the debug log is silent unless asked for', async () => {
  for (const [entries, words] of [[{}, []], [{ opsmantik_debug: '1' }, ['queued', 'retry', 'sent']]]) {
    const { clock, box, open } = world(entries);
    box.faults = ['500'];
    const tab = open();
    await clock.pass(20_000);
    assert.deepEqual([...new Set(tab.printed.map(([, word]) => word))].sort(), words);
    assert.ok(tab.printed.every(([tag]) => tag === '[TankTracker]'));
  }
});

test('the page gets three names and no more', () => {
  const { open } = world();
  const tab = open();
  const before = Object.keys(world().open({ attributes: { site: '' } }).window);
  assert.deepEqual(Object.keys(tab.window).filter((name) => !before.includes(name)).sort(), ['__opsmantikTrackerInitialized', 'opmantik', 'opsmantik']);
});
