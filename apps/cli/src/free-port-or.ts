import { createServer } from 'node:net';

/** The port if it is free on that address, else any free one: a second start beside another server must work. */
export async function freePortOr(port: number, host: string): Promise<number> {
  return (await tryPort(port, host)) ?? (await tryPort(0, host)) ?? port;
}

function tryPort(port: number, host: string): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
