export * from './fault.ts';
export * from './logger.ts';
export * from './scrub.ts';
