import sql from 'sql-template-tag';
import { type CatalogPlace, onlyRow } from './queryable.ts';
import { table } from './tables.ts';
import { IS_STALE } from './views.ts';

export interface CatalogHealth {
  /** `degraded`: a view is stale or its last refresh failed. `unhealthy`: that is so for every view's refresh. */
  readonly status: 'healthy' | 'degraded' | 'unhealthy';
  readonly total_views: number;
  readonly stale_views: number;
  /** Views whose last refresh failed. */
  readonly unhealthy_views: number;
}

export interface Health {
  health(): Promise<CatalogHealth>;
}

export function health({ pool, schema }: CatalogPlace): Health {
  return {
    async health() {
      const counts = onlyRow(
        await pool.query<Omit<CatalogHealth, 'status'>>(sql`
          select count(*)::int as total_views, count(*) filter (where ${IS_STALE})::int as stale_views,
            count(*) filter (where v.last_error is not null)::int as unhealthy_views
          from ${table(schema, '_view')} v left join ${table(schema, '_definition')} d on d.name = v.name`),
      );
      return { status: statusOf(counts), ...counts };
    },
  };
}

function statusOf({ total_views, stale_views, unhealthy_views }: Omit<CatalogHealth, 'status'>): CatalogHealth['status'] {
  if (total_views > 0 && unhealthy_views === total_views) return 'unhealthy';
  return stale_views > 0 || unhealthy_views > 0 ? 'degraded' : 'healthy';
}
