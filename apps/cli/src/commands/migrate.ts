import type { Settings } from '@viewmill/contracts';
import { createLogger } from '@viewmill/observability';
import { openDatabases, prepareCatalog } from '@viewmill/worker';

/** `viewmill migrate` */
export async function runMigrate(settings: Settings): Promise<void> {
  const log = createLogger({ name: 'migrate', level: settings.LOG_LEVEL });
  const databases = openDatabases(settings, log);
  try {
    await prepareCatalog(databases.target, settings, log);
    log.info({ schema: settings.SQLONFHIR_SCHEMA }, 'catalog is up to date');
  } finally {
    await databases.close();
  }
}
