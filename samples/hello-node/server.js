import { createServer } from 'node:http';
import { hostname } from 'node:os';

const port = Number(process.env.PORT ?? 8080);

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`Hello from Node.js ${process.version} on ${hostname()}\n`);
});

server.listen(port, () => console.log(`Listening on port ${port}`));

// Answer what has begun, then go.
process.on('SIGTERM', () => {
  console.log('Stopping');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
