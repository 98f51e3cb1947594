export { freePort } from './free-port.ts';
export { type LocalPostgres, type StartPostgresOptions, startPostgres } from './postgres.ts';
export { type LocalRedis, type StartRedisOptions, startRedis } from './redis.ts';
