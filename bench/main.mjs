import { build } from './build.mjs';
import { load } from './load.mjs';
import { query } from './query.mjs';
import { refresh, writes } from './refresh.mjs';
import { shards } from './shards.mjs';

/** `npm run bench -- build`, `query`, `refresh`, `load` and `shards`: ratios measured side by side in one run, printed and kept in bench/results. */
const BENCHES = { build, query, refresh, load, shards, writes };
const [name, ...rest] = process.argv.slice(2);
const bench = BENCHES[name];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--rounds N] [--scale N] [--size N]\n`);
  process.exit(2);
}
const option = (flag, fallback) => {
  const at = rest.indexOf(`--${flag}`);
  return at < 0 ? fallback : Number(rest[at + 1]);
};
const size = option('size', 0);
await bench({ rounds: option('rounds', 5), scale: option('scale', 1), ...(size > 0 ? { sizes: [size] } : {}) });
process.exit(0);
