import sql, { raw, type Sql } from 'sql-template-tag';
import type { Cast, Column, ColumnValue } from '@viewmill/views';
import { compileOne, type Context } from './context.ts';
import { bind, itemsOf, one, type One, readAs, toJson } from './sql-value.ts';
import { castDate, castTime, castTimestamp, castTimestamptz } from './temporal.ts';

/** The value of a column, in the column's SQL type. */
export function compileColumn({ expression }: ColumnValue, column: Column, context: Context): Sql {
  const type = raw(column.sqlType);
  if (!column.collection) return sql`${castOne(compileOne(expression, context), column.cast, context)}::${type}`;

  const value = context.compile(expression, context);
  if (column.cast === 'json') {
    if (value.many) return sql`nullif(${value.sql}, '[]')::${type}`;
    const json = toJson(value);
    return sql`(case when ${json} is not null then jsonb_build_array(${json}) end)::${type}`;
  }
  if (!value.many) {
    const element = bind(value, context.names, (item) => one('text', sql`array[${castOne(item, column.cast, context)}]::${type}`));
    return sql`(case when ${toJson(value)} is not null then array_remove(${element.sql}, null) end)::${type}`;
  }
  const [rows, values] = [context.names.next('m'), context.names.next('m')];
  const item = castOne(readAs(one('jsonb', sql`${rows}.item`, true), expression.type), column.cast, context);
  return sql`(select array_agg(${values}.v order by ${values}.ord) from (select ${item} as v, ${rows}.ord from ${itemsOf(value, null)} as ${rows}(item, ord)) as ${values} where ${values}.v is not null)::${type}`;
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
      return castDate(asText(value), context.names);
    case 'timestamp':
      return castTimestamp(asText(value), context.names);
    case 'timestamptz':
      return castTimestamptz(asText(value), context.names);
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
