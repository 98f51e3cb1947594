import type { ExpressionVisitor } from '@viewmill/fhirpath';
import sql from 'sql-template-tag';
import { type Context, compileOne } from '../context.ts';
import { toPredicate } from '../json-path.ts';
import { bind, one, present, type SqlValue } from '../sql-value.ts';
import { filteredItems } from './navigation.ts';

export const existence: Pick<ExpressionVisitor<SqlValue, Context>, 'exists' | 'count'> = {
  exists: (node, context) => {
    const { source } = node;
    const answer = (): ReturnType<typeof present> => {
      if (source.kind !== 'filter') return present(context.compile(source, context));
      const items = context.compile(source.source, context);
      if (!items.many) {
        const test = bind(items, context.names, (item) => {
          const criteria = compileOne(source.criteria, { ...context, focus: item }).sql;
          return one('boolean', sql`(${present(item)} and coalesce(${criteria}, false))`);
        });
        return test.sql;
      }
      // What is one jsonpath anyway needs no rows; for the rest the first row that passes is enough.
      if (toPredicate(source.criteria) !== null) return present(context.compile(source, context));
      return sql`exists (select from ${filteredItems(items, source.criteria, context, context.names.next('f'))})`;
    };
    return one('boolean', node.negate ? sql`(not ${answer()})` : answer());
  },

  count: (node, context) => {
    const source = context.compile(node.source, context);
    if (source.many) return one('numeric', sql`coalesce(jsonb_array_length(${source.sql}), 0)::numeric`);
    return one('numeric', sql`(case when ${present(source)} then 1 else 0 end)::numeric`);
  },
};
