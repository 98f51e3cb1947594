export { type ApiOptions, type RunningApi, startApi } from './api.ts';
