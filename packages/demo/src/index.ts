export { createDemoDatabase, type DemoCounts, type DemoOptions, type DemoProgress } from './create-demo-database.ts';
export type { ResourceType as DemoResourceType } from './resource.ts';
