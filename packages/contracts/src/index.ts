export * from './errors.ts';
export * from './jobs.ts';
export * from './settings.ts';
export * from './sql.ts';
export * from './view-status.ts';
