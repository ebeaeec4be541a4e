/**
 * Builds what pages load. The same sources give the same bytes; a file over its budget, or one that would change a released version, is
 * refused. `--check` builds in memory and compares with what is committed. README.md gets what each module takes; `--sizes` prints it.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';

const HERE = dirname(fileURLToPath(import.meta.url));
const { version } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));

/** Bytes: minified, gzip. */
const FILES = [
  { name: 'ux-core.js', entry: 'src/core.js', most: 16e3, zipped: 6e3 },
  { name: 'ux-adapters.js', entry: 'src/adapters.js', most: 9e3, zipped: 3e3 },
  { name: 'stub.js', entry: 'src/stub.js', most: 400, zipped: 400 },
].filter(({ entry }) => existsSync(join(HERE, entry)));

const TERSER = {
  ecma: 2020, module: true, format: { comments: false }, compress: {
    passes: 4, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false, inline: 1, booleans_as_integers: true, unsafe: true,
    unsafe_comps: true, lhs_constants: false, unsafe_math: true,
  },
}; // prettier-ignore

const bundle = async (entry) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(HERE, entry)], absWorkingDir: HERE, bundle: true, minifySyntax: true, write: false, metafile: true, format: 'esm', target: 'es2020',
    charset: 'utf8', legalComments: 'none', define: { VERSION: JSON.stringify(version) },
  });
  // twice: only then are the constants in place that the first run found to be one
  const { code: once } = await minify(outputFiles[0].text, { ...TERSER, mangle: false });
  const { code } = await minify(once, TERSER);
  return { text: `(()=>{${code.replace(/;$/, '')}})();\n`, metafile };
};

const zip = (text) => gzipSync(text, { level: 9 }).length;

const shareOf = ({ outputs }) => Object.entries(Object.values(outputs)[0].inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput]);

/** What a built file and each of its modules take, as rows of a table. */
const rowsOf = (name, size, gzip, shares) =>
  [`| **${name}** | ${size}, ${gzip} gzip |`, ...shares.map(([path, bytes]) => `| ${path} | ${bytes} |`)].join('\n');

const README = join(HERE, 'README.md');
const readme = readFileSync(README, 'utf8');

const readmeWith = (rows) => readme.replace(/(<!-- sizes -->\n).*(?=<!-- \/sizes -->)/s, `$1| | bytes |\n|---|---|\n${rows.join('\n')}\n`);

const run = async () => {
  let failed = false;
  const rows = [];
  const complain = (text) => {
    failed = true;
    console.error(text);
  };
  for (const { name, entry, most, zipped } of FILES) {
    const { text, metafile } = await bundle(entry);
    const size = Buffer.byteLength(text);
    const gzip = zip(text);
    console.log(`${name}: ${size} bytes, ${gzip} gzip (refused over ${most}, ${zipped})`);
    if (size > most || gzip > zipped) complain(`${name} is over its budget`);
    const shares = shareOf(metafile);
    if (process.argv.includes('--sizes')) for (const [module, bytes] of shares) console.log(`  ${bytes}\t${module}`);
    rows.push(rowsOf(name, size, gzip, shares));
    const path = join(HERE, name);
    const released = join(HERE, 'released', name.replace('.js', `.${version}.js`));
    if (existsSync(released) && readFileSync(released, 'utf8') !== text) complain(`${name} ${version} is released and would change: raise the version in package.json`);
    if (process.argv.includes('--check')) {
      if (!existsSync(path) || readFileSync(path, 'utf8') !== text) complain(`${name} is not what its sources build: npm run build`);
    } else if (!failed) writeFileSync(path, text);
    if (process.argv.includes('--release') && !failed) {
      mkdirSync(dirname(released), { recursive: true });
      writeFileSync(released, text);
    }
  }
  if (process.argv.includes('--check')) {
    if (readmeWith(rows) !== readme) complain('README.md tells other sizes: npm run build');
  } else if (!failed) writeFileSync(README, readmeWith(rows));
  if (failed) process.exit(1);
};

await run();
