// Counts the rows of a view with the runner memory and prints the count and the peak of memory in MB. Arguments: a base URL or a folder.
import { ndjsonSource, restSource } from '@viewmill/fhir-source';
import { createMemoryRunner } from '@viewmill/runner';
import { builtInViews, compileView } from '@viewmill/views';

const [place] = process.argv.slice(2);
const source = place.startsWith('http') ? restSource({ baseUrl: place }) : ndjsonSource({ folder: place });
const { name, definition } = builtInViews().find((view) => view.name === 'observation_labs');
const runner = createMemoryRunner({ source });
const view = { name, plan: compileView(definition) };
const search = { conditions: [], sort: [], limit: null, cursor: null };
const { count } = await runner.executeCount(view, search);
const sorted = await runner.execute(view, { ...search, sort: [{ field: 'value', descending: true }], limit: 10 });
process.stdout.write(JSON.stringify({ count, rows: sorted.meta.rows, megabytes: process.resourceUsage().maxRSS / 1024 }));
