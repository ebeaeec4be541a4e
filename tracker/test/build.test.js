import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));

/** The tracker's folder elsewhere, where a test may change it. */
const elsewhere = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tracker-'));
  for (const name of ['src', 'build.js', 'package.json', 'README.md', 'ux-core.js', 'ux-adapters.js', 'stub.js']) cpSync(join(HERE, name), join(folder, name), { recursive: true });
  symlinkSync(join(HERE, 'node_modules'), join(folder, 'node_modules'));
  return folder;
};

const build = (folder, ...more) => spawnSync(process.execPath, [join(folder, 'build.js'), ...more], { encoding: 'utf8' });

test('the same sources give the same bytes, wherever they lie', () => {
  const folder = elsewhere();
  try {
    const done = build(folder);
    assert.equal(done.status, 0, done.stderr);
    for (const name of ['ux-core.js', 'ux-adapters.js', 'stub.js', 'README.md']) assert.equal(readFileSync(join(folder, name), 'utf8'), readFileSync(join(HERE, name), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a released version is never changed: the build refuses until the version is raised', () => {
  const folder = elsewhere();
  try {
    assert.equal(build(folder, '--release').status, 0);
    writeFileSync(join(folder, 'src', 'log.js'), readFileSync(join(folder, 'src', 'log.js'), 'utf8').replace('[TankTracker]', '[Other]'));
    const refused = build(folder);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /is released and would change: raise the version/);
    assert.equal(readFileSync(join(folder, 'ux-core.js'), 'utf8').includes('[Other]'), false);
    writeFileSync(join(folder, 'package.json'), readFileSync(join(folder, 'package.json'), 'utf8').replace(`"version": "${version}"`, '"version": "9.0.0"'));
    assert.equal(build(folder).status, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a file over its budget is refused, and what is there stays', () => {
  const folder = elsewhere();
  try {
    const random = Array.from({ length: 40 }, (_, n) => Math.sin(n + 1).toString(36)).join('');
    writeFileSync(join(folder, 'src', 'log.js'), `${readFileSync(join(folder, 'src', 'log.js'), 'utf8')}\nlog.more = '${random}';\n`);
    const refused = build(folder);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /ux-core\.js is over its budget/);
    assert.equal(readFileSync(join(folder, 'ux-core.js'), 'utf8'), readFileSync(join(HERE, 'ux-core.js'), 'utf8'));
    assert.ok(gzipSync(readFileSync(join(HERE, 'ux-core.js'))).length <= 6000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is committed but not built from its sources is told', () => {
  const folder = elsewhere();
  try {
    writeFileSync(join(folder, 'ux-core.js'), 'alert(1)\n');
    const told = build(folder, '--check');
    assert.equal(told.status, 1);
    assert.match(told.stderr, /ux-core\.js is not what its sources build/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the lock names no machine and pins everything by hash', () => {
  const text = readFileSync(join(HERE, 'package-lock.json'), 'utf8');
  assert.doesNotMatch(text, /"resolved"/);
  const { packages } = JSON.parse(text);
  assert.ok(Object.entries(packages).every(([name, { integrity }]) => !name || integrity));
});
