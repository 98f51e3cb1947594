import { raw, type Sql } from 'sql-template-tag';

/** Table aliases, each used once in a statement. They begin apart from what the statement itself is made of (r, p, t). */
export interface Names {
  next(prefix: string): Sql;
}

export function createNames(): Names {
  let count = 0;
  return {
    next: (prefix) => {
      count += 1;
      return raw(`${prefix}${count}`);
    },
  };
}
