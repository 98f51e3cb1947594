import { type ConformanceTest, compareRows, conformanceSuites, describeWithShared } from '@viewmill/testkit';
import { describe, expect, it } from 'vitest';

const test = (parts: Partial<ConformanceTest>): ConformanceTest => ({ title: 't', tags: [], view: {}, ...parts });

describeWithShared('conformanceSuites', () => {
  it('reads 22 files with 134 tests', () => {
    const suites = conformanceSuites();
    expect(suites).toHaveLength(22);
    expect(suites.reduce((sum, suite) => sum + suite.tests.length, 0)).toBe(134);
  });
  it('finds that every expectation equals itself in reverse', () => {
    for (const { tests } of conformanceSuites()) {
      for (const one of tests.filter((each) => each.expect !== undefined))
        expect(compareRows([...(one.expect ?? [])].reverse(), one)).toBeNull();
    }
  });
});

describe('compareRows', () => {
  it.each([
    ['rows in another order', [{ a: 1 }, { a: 2 }], [{ a: 2 }, { a: 1 }]],
    ['missing as null', [{ a: 1 }], [{ a: 1, b: null }]],
    ['numbers as numbers', [{ a: 1.0 }], [{ a: 1 }]],
    ['arrays', [{ a: ['x', 'y'] }], [{ a: ['x', 'y'] }]],
  ])('accepts %s', (_, actual, expected) => {
    expect(compareRows(actual, test({ expect: expected }))).toBeNull();
  });
  it.each([
    ['text for a number', [{ a: '1' }], [{ a: 1 }]],
    ['text for a boolean', [{ a: 'true' }], [{ a: true }]],
    ['a row too often', [{ a: 1 }, { a: 1 }], [{ a: 1 }]],
    ['a row too few', [{ a: 1 }], [{ a: 1 }, { a: 1 }]],
    ['a value that should be missing', [{ a: 1, b: 2 }], [{ a: 1 }]],
    ['the order within an array', [{ a: ['y', 'x'] }], [{ a: ['x', 'y'] }]],
  ])('refuses %s', (_, actual, expected) => {
    expect(compareRows(actual, test({ expect: expected }))).not.toBeNull();
  });
  it('looks at the order of columns and the count only where asked to', () => {
    expect(compareRows([{ b: 1, a: 1 }], test({ expect: [{ a: 1, b: 1 }], expectColumns: ['a', 'b'] }))).toBe(
      'expected the columns a, b, got b, a',
    );
    expect(compareRows([{ b: 1, a: 1 }], test({ expect: [{ a: 1, b: 1 }] }))).toBeNull();
    expect(compareRows([{ a: 1 }], test({ expectCount: 2 }))).toBe('expected 2 rows, got 1');
    expect(compareRows([], test({ expectError: true }))).toBe('an error was expected, got 0 rows');
  });
});
