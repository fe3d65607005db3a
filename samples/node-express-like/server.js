import polka from 'polka';

const port = Number(process.env.PORT ?? 8080);
const visits = new Map();

const app = polka()
  .use((request, response, next) => {
    console.log(`${request.method} ${request.url}`);
    next();
  })
  .get('/', (request, response) => {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    response.end('Hello from a small web framework. Try /visits/you\n');
  })
  .get('/visits/:name', (request, response) => {
    const { name } = request.params;
    visits.set(name, (visits.get(name) ?? 0) + 1);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ name, visits: visits.get(name) }));
  })
  .listen(port, () => console.log(`Listening on port ${port}`));

process.on('SIGTERM', () => app.server.close(() => process.exit(0)));
