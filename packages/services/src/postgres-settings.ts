import { statfsSync } from 'node:fs';

/** The server's settings, as arguments for `pg_ctl -o`. `throwaway`: nothing is kept safe against a power cut. */
export function serverFlags(port: number, throwaway: boolean): string {
  const settings: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    // The queue without Redis takes about 70 of them, by BullMQ's pools for each lane.
    max_connections: throwaway ? 400 : 250,
    shared_buffers: '256MB',
    timezone: 'UTC',
    log_checkpoints: 'off',
    // The server's log must not hold anyone's data: neither statements nor the values in an error's DETAIL.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    dynamic_shared_memory_type: dynamicSharedMemory(),
    ...(throwaway
      ? {
          fsync: 'off',
          synchronous_commit: 'off',
          full_page_writes: 'off',
          wal_level: 'minimal',
          max_wal_senders: 0,
          max_wal_size: '4GB',
        }
      : {}),
  };
  return Object.entries(settings)
    .map(([name, value]) => (value === '' ? `-c ${name}=` : `-c ${name}=${value}`))
    .join(' ');
}

/** Containers often have 64 MB of /dev/shm, where a parallel query fails ("could not resize shared memory segment"): then files. */
function dynamicSharedMemory(): string {
  if (process.platform === 'win32') return 'windows';
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > 512 * 1024 * 1024 ? 'posix' : 'mmap';
  } catch {
    return 'mmap';
  }
}
