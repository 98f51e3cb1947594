import { randomUUID } from 'node:crypto';

/**
 * A number whose digits a JS number does not give back (`4.10`, 20 digits), kept as its text.
 * It is a plain object with one property, so that JSON.parse itself can make it (see parse-resource.ts: several times
 * faster than any parser written in JavaScript); the property's name is new in every process, so that no resource can forge one.
 */
export interface ExactNumber {
  readonly [brand]: true;
}
declare const brand: unique symbol;

const KEY = `exact-${randomUUID()}`;
const AS_JSON = new RegExp(`\\{"${KEY}":"([^"]*)"\\}`, 'g');

/** @param digits a decimal number without an exponent. */
export function exactNumber(digits: string): ExactNumber {
  return { [KEY]: digits } as unknown as ExactNumber;
}

/** The digits, if the value is an ExactNumber. */
export function exactDigits(value: object): string | undefined {
  return (value as Record<string, string | undefined>)[KEY];
}

/** What JSON.parse makes an ExactNumber of. */
export function exactToJson(digits: string): string {
  return `{"${KEY}":"${digits}"}`;
}

/** The text of JSON.stringify with every ExactNumber written as the number that it is. */
export function exactFromJson(text: string): string {
  return text.includes(KEY) ? text.replace(AS_JSON, '$1') : text;
}
