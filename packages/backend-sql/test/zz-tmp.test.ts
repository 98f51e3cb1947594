import { ndjsonLines, useDatabase } from '@viewmill/testkit';
import { compileView, builtInViews } from '@viewmill/views';
import { compileRows, parseResource, rowsOf as jsRows, rowToJson } from '@viewmill/backend-js';
import { describe, expect, it } from 'vitest';
import { rowTexts } from './run-view.ts';

describe('diff', () => {
  const db = useDatabase();
  const c = (name: string, path: string, more: object = {}) => ({ name, path, ...more });
  const extra = [
    { resourceType: 'ViewDefinition', name: 'x1', status: 'active', resource: 'Patient', select: [
      { column: [c('id', 'id'), c('g', 'name.given', { collection: true }), c('bl', 'birthDate.lowBoundary()'), c('bt', 'birthDate < @1980-05'), c('adult', 'birthDate <= @1990'), c('ext', "extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex').value.ofType(code)"), c('whole', '$this', { type: 'Patient' }), c('addr', 'address', { type: 'Address', collection: true })] },
      { forEachOrNull: 'address', column: [c('i', '%rowIndex'), c('city', 'city'), c('line', "line.join('|')"), c('lat', "extension.extension.where(url='latitude').value.ofType(decimal).first()")], select: [{ forEachOrNull: 'extension.extension', column: [c('j', '%rowIndex'), c('u', 'url'), c('dv', 'value.ofType(decimal) * 2'), c('dq', 'value.ofType(decimal) / 7')] }] },
      { unionAll: [{ forEach: 'identifier', column: [c('k', '%rowIndex'), c('v', 'value')] }, { forEachOrNull: 'contact', column: [c('k', '%rowIndex'), c('v', 'name.family')] }] }] },
    { resourceType: 'ViewDefinition', name: 'x2', status: 'active', resource: 'Observation', where: [{ path: "status = 'final' and component.exists()" }], select: [
      { column: [c('id', 'id'), c('hb', 'issued.highBoundary()'), c('lb', 'effective.ofType(dateTime).lowBoundary()'), c('d', 'effective.ofType(dateTime)', { tag: [{ name: 'ansi/type', value: 'TIMESTAMP' }] }), c('after', 'effective.ofType(dateTime) > @2015-02'), c('same', 'effective.ofType(dateTime) = issued'), c('iss', 'issued'), c('first', 'component.first().code.coding.code.first()')] },
      { forEach: 'component.where(value.ofType(Quantity).value > 75.5)', column: [c('i', '%rowIndex'), c('v', 'value.ofType(Quantity).value'), c('lo', 'value.ofType(Quantity).value.lowBoundary()'), c('md', 'value.ofType(Quantity).value mod 7'), c('dv', 'value.ofType(Quantity).value div 7'), c('eq', "code.coding.exists(system = 'http://loinc.org' and code != '8480-6')")] }] },
    { resourceType: 'ViewDefinition', name: 'x3', status: 'active', resource: 'Encounter', select: [{ column: [c('id', 'id'), c('p', 'subject.getReferenceKey(Patient)'), c('ps', 'participant.individual.getReferenceKey()', { collection: true }), c('pd', 'period.start', { tag: [{ name: 'ansi/type', value: 'DATE' }] }), c('pe', 'period.end > period.start'), c('n', 'participant.count() + type.count()'), c('t', "class.code & '/' & reasonCode.coding.display.first()")] }, { repeat: ['extension', 'participant.period', 'type.coding'], column: [c('r', '%rowIndex')] }] },
  ];
  const views = [...builtInViews().map((v) => (v as { definition?: unknown }).definition ?? v), ...extra];
  for (const v of views) {
    const plan = compileView(v);
    it(plan.name, async () => {
      const all = ndjsonLines(plan.resource);
      const step = Math.max(1, Math.floor(all.length / 1500));
      const lines = all.filter((_, i) => i % step === 0);
      let n = 0;
      for (let at = 0; at < lines.length; at += 500) {
        const part = lines.slice(at, at + 500);
        const sqlRows = (await rowTexts(db, plan, part, { ordinal: true })).map((t) => { const { res_id: _, ordinal: __, ...r } = JSON.parse(t) as Record<string, unknown>; return r; });
        const run = compileRows(plan);
        const js = part.flatMap((line) => jsRows(run, parseResource(line)).map((row) => rowToJson(plan, row)));
        const norm = (r: unknown) => JSON.parse(JSON.stringify(r, (_k, x) => (typeof x === 'string' && /^\d{4}-\d\d-\d\dT.*([Z]|[+-]\d\d:\d\d)$/.test(x) ? new Date(x).toISOString() : x)));
        expect(sqlRows.length).toBe(js.length);
        for (let i = 0; i < js.length; i++) expect(norm(sqlRows[i])).toEqual(norm(js[i]));
        n += js.length;
      }
      console.log(plan.name, lines.length, n);
    });
  }
});
