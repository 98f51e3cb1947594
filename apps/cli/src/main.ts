#!/usr/bin/env node
import { readSettings, ViewmillError } from '@viewmill/contracts';
import { Command } from 'commander';
import { runApi } from './commands/api.ts';
import { type LiveOptions, runLiveDisable, runLiveEnable, runLiveStatus } from './commands/live.ts';
import { runMigrate } from './commands/migrate.ts';
import { runStart } from './commands/start.ts';
import { runWorker } from './commands/worker.ts';

const program = new Command('viewmill')
  .description('SQL-on-FHIR views over a FHIR server, materialized and kept fresh')
  .version('0.1.0');

program
  .command('start')
  .description('everything on this machine: API, worker and, without DATABASE_URL, a demo database')
  .action(() => runStart(readSettings(process.env)));
program
  .command('api')
  .description('the HTTP API')
  .action(() => runApi(readSettings(process.env)));
program
  .command('worker')
  .description('a worker: runs queries and refreshes')
  .action(() => runWorker(readSettings(process.env)));
program
  .command('migrate')
  .description('creates or upgrades schema sqlonfhir')
  .action(() => runMigrate(readSettings(process.env)));

const live = program
  .command('live')
  .description('live capture: triggers on HAPI’s tables note what changed, so that refreshes need not compare');
live
  .command('enable')
  .description('adds the triggers and their outbox')
  .option('--sql', 'print the statements instead of running them')
  .option('--as <url>', 'connect as a role that may create triggers on HAPI’s tables')
  .action((options: LiveOptions) => runLiveEnable(readSettings(process.env), options));
live
  .command('disable')
  .description('removes every trace of them')
  .option('--as <url>', 'connect as a role that may drop triggers on HAPI’s tables')
  .action((options: LiveOptions) => runLiveDisable(readSettings(process.env), options));
live
  .command('status')
  .description('whether it is on, and which views follow it')
  .option('--json', 'for programs')
  .action((options: LiveOptions) => runLiveStatus(readSettings(process.env), options));

try {
  await program.parseAsync();
} catch (error) {
  // What the user can mend is said in words; anything else deserves its stack.
  process.stderr.write(
    error instanceof ViewmillError ? `viewmill: ${error.code} ${error.message}\n` : `${(error as Error).stack ?? error}\n`,
  );
  process.exitCode = 1;
}
