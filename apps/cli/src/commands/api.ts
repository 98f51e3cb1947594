import { startApi } from '@viewmill/api';
import type { Settings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { runUntilSignal } from '../run-until-signal.ts';

/** `viewmill api` */
export async function runApi(settings: Settings): Promise<void> {
  const log = createLogger({ name: 'api', level: settings.LOG_LEVEL });
  const api = await startApi({ settings, log });
  await runUntilSignal(api.close);
}
