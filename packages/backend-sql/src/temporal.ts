import sql, { raw, type Sql } from 'sql-template-tag';
import type { Names } from './names.ts';
import { bind, type One, one } from './sql-value.ts';

/**
 * Dates and times in FHIR's text form, read without ever raising: a regular expression guards the format, and days are
 * counted on from the first of the month, so that 2012-02-31 is 2012-03-02 and no fault. No zone is UTC.
 */
const DATE = '[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01])';
const SECONDS = ':(?:[0-5][0-9]|60)(?:[.][0-9]+)?';
const ZONE = '(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?';
/** FHIRPath's literals may end at the hour or the minute. */
export const FHIRPATH_DATE_TIME = raw(`'^${DATE}(?:T(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?:${SECONDS})?)?${ZONE})?)?)?T?$'`);
const FHIR_DATE_TIME = raw(`'^${DATE}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9]${SECONDS}${ZONE})?)?)?T?$'`);
export const FHIRPATH_TIME = raw(`'^(?:[01][0-9]|2[0-3])(?::[0-5][0-9](?:${SECONDS})?)?$'`);
const PLAIN_DAY =
  '[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)';
const PLAIN_DATE = raw(`'^${PLAIN_DAY}$'`);
const PLAIN_INSTANT = raw(
  `'^${PLAIN_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]+)?(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))$'`,
);
const FHIR_TIME = raw(`'^(?:[01][0-9]|2[0-3]):[0-5][0-9]${SECONDS}$'`);

/** `use(text)` for a text of the format, else null. The text is computed once. */
export function withFormat(text: Sql, format: Sql, names: Names, use: (text: Sql) => Sql): Sql {
  const [given, kept] = [names.next('d'), names.next('d')];
  return sql`(select ${use(sql`${kept}.v`)} from (select rtrim(${given}.v, 'T') as v from (select ${text} as v offset 0) as ${given} where ${given}.v ~ ${format} and ${given}.v not like '0000%' offset 0) as ${kept})`;
}

/**
 * A date or dateTime as a text in UTC whose length is its precision: YYYY, YYYY-MM, YYYY-MM-DD, …THH, …THH:MM, …THH:MM:SS.ffffff.
 */
export function normalizeTemporal(text: Sql, names: Names): Sql {
  return withFormat(text, FHIRPATH_DATE_TIME, names, normalized);
}

/** The same for a time of day, as one of 1970-01-01. */
export function normalizeTime(text: Sql, names: Names): Sql {
  const alias = names.next('d');
  const time = sql`(select '1970-01-01T' || ${alias}.v from (select ${text} as v offset 0) as ${alias} where ${alias}.v ~ ${FHIRPATH_TIME})`;
  return withFormat(time, FHIRPATH_DATE_TIME, names, normalized);
}

function normalized(text: Sql): Sql {
  return sql`case
    when length(${text}) <= 7 then ${text}
    when length(${text}) = 10 then to_char(${firstDay(text)}, 'YYYY-MM-DD')
    else left(to_char(${timestamp(text)}, 'YYYY-MM-DD"T"HH24:MI:SS.US'),
      case when substr(${text}, 17, 1) = ':' then 26 when substr(${text}, 14, 1) = ':' then 16 else 13 end) end`;
}

/** The date part as written; a partial date is its first day. */
export function castDate(text: One, names: Names): Sql {
  return cast(text, names, PLAIN_DATE, raw('date'), firstDay);
}

/** The instant. */
export function castTimestamptz(text: One, names: Names): Sql {
  const general = (v: Sql): Sql =>
    sql`(case when length(${v}) <= 10 then ${firstDay(v)}::timestamp else ${timestamp(v)} end at time zone 'UTC')`;
  return cast(text, names, PLAIN_INSTANT, raw('timestamptz'), general);
}

/** The instant in UTC, without a zone. */
export function castTimestamp(text: One, names: Names): Sql {
  return sql`(${castTimestamptz(text, names)} at time zone 'UTC')`;
}

/** Nearly all texts are of the plain format, which PostgreSQL's own cast reads without fault; the rest costs thrice as much. */
function cast(text: One, names: Names, plain: Sql, type: Sql, general: (text: Sql) => Sql): Sql {
  const both = bind(text, names, ({ sql: v }) =>
    one(
      'text',
      sql`(case when ${v} ~ ${plain} then ${v}::${type} when ${v} is not null then ${withFormat(v, FHIR_DATE_TIME, names, general)} end)`,
    ),
  );
  return both.sql;
}

/** Up to 24:00:00, which a leap second or a rounded fraction can give. */
export function castTime(text: Sql, names: Names): Sql {
  return withFormat(
    text,
    FHIR_TIME,
    names,
    (v) => sql`case when ${v} not like '23:59:60.%' or rtrim(substr(${v}, 10, 6), '0') = '' then ${v}::time end`,
  );
}

function firstDay(text: Sql): Sql {
  return sql`(make_date(left(${text}, 4)::integer, ${part(text, 6, 1)}, 1) + ${part(text, 9, 1)} - 1)`;
}

function part(text: Sql, start: number, otherwise: number): Sql {
  return sql`coalesce(nullif(substr(${text}, ${raw(String(start))}, 2), ''), '${raw(String(otherwise))}')::integer`;
}

/**
 * The instant of a text with a time, as a UTC timestamp. PostgreSQL reads it on the first of the month and before the leap
 * second; the days and the second are added.
 */
function timestamp(text: Sql): Sql {
  const tail = sql`substr(${text}, 12)`;
  const minute = sql`case when substr(${text}, 14, 1) = ':' then substr(${text}, 15, 2) else '00' end`;
  const second = sql`case when substr(${text}, 17, 1) = ':' then least(substr(${text}, 18, 2) collate "C", '59') || coalesce(substring(${tail} from '[.][0-9]+'), '') else '00' end`;
  const zone = sql`coalesce(substring(${tail} from '[Z+-].*$'), 'Z')`;
  const leap = sql`case when substr(${text}, 18, 2) = '60' then interval '1 second' else interval '0' end`;
  return sql`((left(${text}, 8) || '01T' || left(${tail}, 2) || ':' || ${minute} || ':' || ${second} || ${zone})::timestamptz at time zone 'UTC'
    + (substr(${text}, 9, 2)::integer - 1) * interval '1 day' + ${leap})`;
}
