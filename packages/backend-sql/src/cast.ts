import type { ValueType } from '@viewmill/fhirpath';
import type { Cast, Column, ColumnValue } from '@viewmill/views';
import sql, { raw, type Sql } from 'sql-template-tag';
import { type Context, compileOne } from './context.ts';
import { bind, itemsOf, type One, one, readAs, type SqlValue, toArray, toJson } from './sql-value.ts';
import { castDate, castTime, castTimestamp, castTimestamptz } from './temporal.ts';

/** The value of a column, in the column's SQL type. */
export function compileColumn({ expression }: ColumnValue, column: Column, context: Context): Sql {
  const type = raw(column.sqlType);
  if (!column.collection) return sql`${castOne(compileOne(expression, context), column.cast, context)}::${type}`;

  return compileCollection(context.compile(expression, context), expression.type, column, context);
}

/** All items as an array, empty if there are none (conformance suite: `[]`); no item is null. */
function compileCollection(value: SqlValue, itemType: ValueType, column: Column, context: Context): Sql {
  const type = raw(column.sqlType);
  if (column.cast === 'json') return sql`coalesce(${toArray(value)}, '[]')::${type}`;
  if (!value.many) {
    const array = bind(value, context.names, (item) =>
      one('text', sql`array_remove(array[${castOne(item, column.cast, context)}]::${type}, null)`),
    );
    return array.sql;
  }
  // What is text already needs no cast, and its array has no null.
  if (column.cast === 'text' && itemType.system !== null)
    return sql`array(select jsonb_array_elements_text(${value.sql}))::${type}`;
  const rows = context.names.next('m');
  const item = castOne(readAs(one('jsonb', sql`${rows}.item`, true), itemType), column.cast, context);
  return sql`array_remove(array(select ${item} from ${itemsOf(value, null)} as ${rows}(item, ord) order by ${rows}.ord)::${type}, null)`;
}

function castOne(value: One, cast: Cast, context: Context): Sql {
  switch (cast) {
    case 'text':
      return asText(value);
    case 'boolean':
    case 'numeric':
    case 'integer':
    case 'bigint':
    case 'smallint':
    case 'float8':
      return sql`(${value.as === 'jsonb' ? asText(value) : value.sql})::${raw(cast)}`;
    case 'json':
      return toJson(value);
    case 'date':
      return castDate(one('text', asText(value), value.simple), context.names);
    case 'timestamp':
      return castTimestamp(one('text', asText(value), value.simple), context.names);
    case 'timestamptz':
      return castTimestamptz(one('text', asText(value), value.simple), context.names);
    case 'time':
      return castTime(asText(value), context.names);
    case 'bytea':
      return bind(value, context.names, (item) => one('text', decodeBase64(asText(item)))).sql;
  }
}

function asText(value: One): Sql {
  if (value.as === 'text') return value.sql;
  return value.as === 'jsonb' ? sql`(${value.sql} #>> '{}')` : sql`(${value.sql})::text`;
}

/** What is not base64 is null. */
function decodeBase64(text: Sql): Sql {
  const packed = sql`regexp_replace(${text}, '[[:space:]]', '', 'g')`;
  return sql`(case when ${packed} ~ '^[A-Za-z0-9+/]*={0,2}$' and length(${packed}) % 4 = 0 then decode(${packed}, 'base64') end)`;
}
