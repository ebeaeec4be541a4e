import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CORE, HOUR, MINUTE, TEL, world } from './kit.js';

const MAIN = 'https://box.example/api/sync';
const RELAY = 'https://relay.example/api/sync';

/** Two addresses that feed one ledger; `down` says what an address answers, by address. */
const pair = (attributes = { failover: RELAY }) => {
  const { clock, box, origin } = world();
  const down = {};
  const tried = [];
  origin.net = (url, text, tab, beacon) => {
    tried.push(url);
    if (down[url]) box.faults = [down[url]];
    return box.net(url, text, tab, beacon);
  };
  return { clock, box, origin, down, tried, open: (options) => origin.open(CORE, { attributes, ...options }) };
};

const mode = (origin) => JSON.parse(origin.storage.map.get('opsmantik_breaker') || '{"mode":"main"}').mode;

for (const fault of ['500', 'silence', 'busy', 'reset']) {
  test(`three failures in a row (${fault}) open the failover; a success of main brings everybody back`, async () => {
    const { clock, box, origin, down, tried, open } = pair();
    down[MAIN] = fault;
    const tab = open();
    tab.tap(TEL);
    await clock.pass(2 * MINUTE);
    assert.equal(mode(origin), 'failover');
    assert.ok(box.actions().includes('phone_call') && box.actions().includes('view'));
    assert.deepEqual(tab.outbox().filter(({ payload }) => payload.ea !== 'heartbeat'), []);
    delete down[MAIN];
    tried.length = 0;
    await clock.pass(20 * MINUTE);
    assert.equal(mode(origin), 'main');
    tab.tap('tel:+902125550199');
    await clock.pass(1000);
    assert.equal(tried.at(-1), MAIN);
    assert.equal(box.repeats, fault === 'silence' ? box.repeats : 0);
  });
}

test('the failover gets everything that waits at once, the oldest first', async () => {
  for (const fault of ['500', 'busy', 'refused']) {
    const { clock, box, down, open } = pair();
    const relayed = () => box.requests.filter(({ url }) => url === RELAY).flatMap(({ body }) => (body.e || [body]).map(({ ts }) => ts));
    down[MAIN] = fault;
    const tab = open();
    for (let n = 0; n < 30; n++) {
      tab.tracker.send(...(n % 10 ? ['interaction', 'gallery'] : ['conversion', 'form_submit']), String(n));
      clock.jump(1); // each has a time of its own
    }
    await clock.pass(2000);
    assert.deepEqual(tab.outbox(), []);
    assert.equal(relayed().length, 31);
    assert.deepEqual(relayed(), relayed().sort((a, b) => a - b));
  }
});

test('an answer in between ends the row', async () => {
  const { clock, box, origin, open } = pair();
  box.faults = ['500', '500', '429', '500', '500', 'ok', '500'];
  open();
  await clock.pass(10 * MINUTE);
  assert.equal(mode(origin), 'main');
});

test('main is asked again every ten minutes, give or take a fifth, with the oldest that waits, and only when seen', async () => {
  const { clock, origin, down, tried, open } = pair();
  down[MAIN] = '500';
  const tab = open();
  await clock.pass(MINUTE);
  const before = tried.filter((url) => url === MAIN).length;
  tab.hide();
  await clock.pass(30 * MINUTE);
  assert.equal(tried.filter((url) => url === MAIN).length, before);
  tab.show();
  await clock.pass(HOUR);
  const probes = tried.filter((url) => url === MAIN).length - before;
  assert.ok(probes >= 4 && probes <= 8, String(probes));
  assert.equal(mode(origin), 'failover');
});

test('the state is kept over page loads: the next page does not knock at a dead door', async () => {
  const { clock, down, tried, open } = pair();
  down[MAIN] = '500';
  open();
  await clock.pass(MINUTE);
  tried.length = 0;
  const next = open();
  next.tap(TEL);
  await clock.pass(3000);
  assert.ok(tried.length > 0 && tried.every((url) => url === RELAY));
});

test('refused at once three times is blocked: the failover takes over and heartbeats say so', async () => {
  const { clock, box, origin, down, open } = pair();
  down[MAIN] = 'refused';
  const tab = open();
  tab.tap(TEL);
  await clock.pass(3 * MINUTE);
  assert.equal(mode(origin), 'blocked');
  assert.ok(box.actions().includes('phone_call'));
  assert.ok([...box.stored.values()].some(({ meta }) => meta.breaker === 'blocked'));
});

test('blocked everywhere: each page tries once, an intent always, and nothing is lost', async () => {
  for (const attributes of [{ failover: RELAY }, {}]) {
    const { clock, box, origin, down, tried, open } = pair(attributes);
    down[MAIN] = down[RELAY] = 'refused';
    const tab = open();
    await clock.pass(5 * MINUTE);
    assert.equal(mode(origin), 'silent');
    tried.length = 0;
    await clock.pass(HOUR);
    assert.equal(tried.length, 0);
    tab.leave();
    tried.length = 0;
    const next = open();
    await clock.pass(10 * MINUTE);
    assert.equal(tried.length, 1);
    next.tap(TEL);
    await clock.pass(0);
    assert.equal(tried.length, 2);
    delete down[MAIN];
    next.leave();
    open();
    await clock.pass(MINUTE);
    assert.equal(mode(origin), 'main');
    assert.ok(box.actions().includes('phone_call'));
  }
});

test('with a failover, main\'s Retry-After holds ten seconds at most', async () => {
  const { clock, box, origin } = world();
  const waits = [];
  origin.net = (url, text, tab) => {
    waits.push([url, clock.passed]);
    if (url !== MAIN) return box.net(url, text, tab);
    return Promise.resolve(box.answer([503, { ok: false }, { 'Retry-After': '3600' }]));
  };
  origin.open(CORE, { attributes: { failover: RELAY } });
  await clock.pass(MINUTE);
  assert.equal(mode(origin), 'failover');
  assert.ok(waits.find(([url]) => url === RELAY)[1] < 40_000);
});

test('failures while offline are nobody\'s fault', async () => {
  const { clock, box, origin, open } = pair();
  box.always = 'reset';
  const tab = open();
  tab.tap(TEL);
  origin.online = false;
  await clock.pass(HOUR);
  assert.equal(mode(origin), 'main');
});
