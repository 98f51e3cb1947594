import type { Boundary, ExpressionVisitor } from '@viewmill/fhirpath';
import sql, { raw, type Sql } from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { bind, one, type SqlValue } from '../sql-value.ts';
import { FHIRPATH_DATE_TIME, FHIRPATH_TIME, withFormat } from '../temporal.ts';

type Side = Boundary['side'];

/** The parts that are not written, at either end. */
const MISSING = {
  low: { month: raw("'01'"), hour: raw("'00'"), sixty: raw("'00'"), digit: raw("'0'"), zone: raw("'+14:00'") },
  high: { month: raw("'12'"), hour: raw("'23'"), sixty: raw("'59'"), digit: raw("'9'"), zone: raw("'-12:00'") },
} as const;

export const boundary: Pick<ExpressionVisitor<SqlValue, Context>, 'boundary'> = {
  boundary: (node, context) => {
    const source = compileOne(node.source, context);
    const { side } = node;
    switch (node.of) {
      case 'decimal': {
        const operator = raw(side === 'low' ? '-' : '+');
        return bind(source, context.names, ({ sql: value }) =>
          one('numeric', sql`(${value} ${operator} ('5e-' || (scale(${value}) + 1))::numeric)`),
        );
      }
      case 'date':
        return one(
          'text',
          withFormat(source.sql, FHIRPATH_DATE_TIME, context.names, (text) => dateBoundary(text, side)),
        );
      case 'dateTime':
        return one(
          'text',
          withFormat(source.sql, FHIRPATH_DATE_TIME, context.names, (text) => dateTimeBoundary(text, side)),
        );
      case 'time':
        return one(
          'text',
          withFormat(source.sql, FHIRPATH_TIME, context.names, (text) => timeBoundary(text, side)),
        );
    }
  },
};

function dateTimeBoundary(text: Sql, side: Side): Sql {
  const tail = sql`substr(${text}, 12)`;
  const time = sql`coalesce(substring(${tail} from '^[0-9:.]+'), '')`;
  return sql`(${dateBoundary(text, side)} || 'T' || ${timeBoundary(time, side)} || coalesce(substring(${tail} from '[Z+-].*$'), ${MISSING[side].zone}))`;
}

function dateBoundary(text: Sql, side: Side): Sql {
  const month = part(text, 6, MISSING[side].month);
  const lastDay = sql`to_char(make_date(left(${text}, 4)::integer, (${month})::integer, 1) + interval '1 month' - interval '1 day', 'DD')`;
  return sql`(left(${text}, 4) || '-' || ${month} || '-' || ${part(text, 9, side === 'low' ? raw("'01'") : lastDay)})`;
}

/** To milliseconds; further digits are cut off. */
function timeBoundary(text: Sql, side: Side): Sql {
  const { hour, sixty, digit } = MISSING[side];
  return sql`(${part(text, 1, hour)} || ':' || ${part(text, 4, sixty)} || ':' || ${part(text, 7, sixty)} || '.' || rpad(substr(${text}, 10, 3), 3, ${digit}))`;
}

function part(text: Sql, start: number, missing: Sql): Sql {
  return sql`coalesce(nullif(substr(${text}, ${raw(String(start))}, 2), ''), ${missing})`;
}
