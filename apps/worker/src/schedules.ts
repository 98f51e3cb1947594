import type { Settings } from '@viewmill/contracts';
import type { QueueConnection } from '@viewmill/queue';

type Schedules = Parameters<QueueConnection['schedules']['apply']>[0];

/** The schedules that replace cron: the stale views hourly, all of them at night (both settings). None if they are switched off. */
export function schedulesOf(settings: Settings): Schedules {
  if (!settings.SCHEDULES_ENABLED) return [];
  const timeZone = settings.SCHEDULE_TIME_ZONE;
  return [
    {
      id: 'refresh-stale',
      cron: settings.REFRESH_STALE_CRON,
      timeZone,
      name: 'sweep',
      data: { scope: 'stale', reason: 'schedule' },
    },
    { id: 'refresh-all', cron: settings.REFRESH_ALL_CRON, timeZone, name: 'sweep', data: { scope: 'all', reason: 'schedule' } },
  ];
}
