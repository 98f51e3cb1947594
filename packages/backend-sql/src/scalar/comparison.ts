import type { CompareAs, ExpressionVisitor } from '@viewmill/fhirpath';
import sql, { raw, type Sql } from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { itemsOf, type One, one, readAs, type SqlValue, toArray, toJson } from '../sql-value.ts';
import { normalizeTemporal, normalizeTime } from '../temporal.ts';

export const comparison: Pick<ExpressionVisitor<SqlValue, Context>, 'equality' | 'comparison'> = {
  equality: (node, context) => {
    const left = context.compile(node.left, context);
    const right = context.compile(node.right, context);
    const equal =
      left.many || right.many
        ? equalCollections(left, right, node.compareAs, context)
        : equalItems(left, right, node.compareAs, context);
    return one('boolean', node.negate ? sql`(not ${equal})` : equal);
  },

  comparison: (node, context) => {
    const left = compileOne(node.left, context).sql;
    const right = compileOne(node.right, context).sql;
    const operator = raw(node.operator);
    switch (node.compareAs) {
      case 'string':
        return one('boolean', sql`(${left} collate "C" ${operator} ${right} collate "C")`);
      case 'number':
        return one('boolean', sql`(${left} ${operator} ${right})`);
      case 'temporal':
      case 'time':
        return one('boolean', compareNormalized(left, node.operator, right, node.compareAs, context));
      default:
        throw new Error(`${context.at}: ${node.compareAs} has no order`);
    }
  },
};

function equalItems(left: One, right: One, compareAs: CompareAs, context: Context): Sql {
  switch (compareAs) {
    case 'boolean':
    case 'string':
    case 'number':
      return sql`(${left.sql} = ${right.sql})`;
    case 'deep':
      return sql`(${toJson(left)} = ${toJson(right)})`;
    case 'never':
      return sql`(case when ${toJson(left)} is not null and ${toJson(right)} is not null then false end)`;
    case 'temporal':
    case 'time':
      return compareNormalized(left.sql, '=', right.sql, compareAs, context);
  }
}

/** FHIRPath §6.1: the same number of items, pairwise equal in order. jsonb compares arrays just so, except for times. */
function equalCollections(left: SqlValue, right: SqlValue, compareAs: CompareAs, context: Context): Sql {
  const [a, b] = [toArray(left), toArray(right)];
  if (compareAs !== 'temporal' && compareAs !== 'time' && compareAs !== 'never')
    return sql`(nullif(${a}, '[]') = nullif(${b}, '[]'))`;
  const [x, y, pairs] = [context.names.next('x'), context.names.next('y'), context.names.next('q')];
  const type = { fhir: 'dateTime', system: 'DateTime' } as const;
  const equal =
    compareAs === 'never'
      ? sql`false`
      : equalItems(
          readAs(one('jsonb', sql`${x}.item`, true), type),
          readAs(one('jsonb', sql`${y}.item`, true), type),
          compareAs,
          context,
        );
  return sql`(select case
      when count(${pairs}.a) = 0 or count(${pairs}.b) = 0 then null
      when count(${pairs}.a) <> count(${pairs}.b) or bool_or(${pairs}.equal is false) then false
      when bool_or(${pairs}.equal is null) then null
      else true end
    from (select ${x}.ord as a, ${y}.ord as b, ${equal} as equal
      from ${itemsOf(left, null)} as ${x}(item, ord) full join ${itemsOf(right, null)} as ${y}(item, ord) on ${x}.ord = ${y}.ord) as ${pairs})`;
}

/**
 * Compares dates or times at the coarser precision: normalized texts of one precision are of one length, so both are cut to the
 * shorter one. Equal there but of different precision is unknown (FHIRPath §6.2).
 */
function compareNormalized(
  left: Sql,
  operator: '=' | '<' | '<=' | '>' | '>=',
  right: Sql,
  compareAs: 'temporal' | 'time',
  context: Context,
): Sql {
  const normalize = compareAs === 'temporal' ? normalizeTemporal : normalizeTime;
  const [n, c] = [context.names.next('n'), context.names.next('c')];
  return sql`(select case
      when ${c}.a < ${c}.b then ${raw(operator.startsWith('<') ? 'true' : 'false')}
      when ${c}.a > ${c}.b then ${raw(operator.startsWith('>') ? 'true' : 'false')}
      when ${c}.same and ${c}.a is not null and ${c}.b is not null then ${raw(operator.endsWith('=') ? 'true' : 'false')} end
    from (select left(${n}.a, length(${n}.b)) collate "C" as a, left(${n}.b, length(${n}.a)) collate "C" as b, length(${n}.a) = length(${n}.b) as same
      from (select ${normalize(left, context.names)} as a, ${normalize(right, context.names)} as b offset 0) as ${n} offset 0) as ${c})`;
}
