/**
 * Plays a visit with the tracker as it is built, against a real Box: time and network are real, only the page is simulated. Prints what
 * was left in the browser. Called by tests/browser/test_tracker_in_node.py:
 *
 *     node against_box.js SCRIPT '{"url": …, "agent": …, "attributes": {…}, "steps": [["tap", href] | ["consent", state] | ["wait-empty"]]}'
 */

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Origin } from './sim.js';

const MOST_MS = 8000;
const [script, visit] = process.argv.slice(2);
const { url, agent, attributes, steps } = JSON.parse(visit);

const clock = { now: () => Date.now(), set: (run, ms, ...given) => setTimeout(() => run(...given), ms), clear: clearTimeout };
const headers = { Origin: new URL(url).origin, 'User-Agent': agent, 'Content-Type': 'text/plain;charset=UTF-8' };
const origin = new Origin((address, body) => fetch(address, { method: 'POST', body, headers }), { clock, seed: Date.now() });
const tab = origin.open(readFileSync(script, 'utf8'), { url, attributes, referrer: 'https://www.google.com/' });

for (const [what, value] of steps) {
  if (what === 'tap') tab.tap(value);
  else if (what === 'consent') tab.tracker.consent(value);
  else for (const end = Date.now() + MOST_MS; tab.outbox().length && Date.now() < end; ) await sleep(20);
}
console.log(JSON.stringify({ left: tab.outbox(), keys: [...origin.storage.map.keys()] }));
process.exit(0);
