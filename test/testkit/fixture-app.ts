/** A Node.js app that answers `<version> <pod>` and says on standard output what it was asked. */
export function nodeApp(
  version: string,
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    'package.json': JSON.stringify({
      name: 'shop',
      version: '1.0.0',
      private: true,
      scripts: { start: 'node server.js' },
    }),
    'server.js': `const http = require('node:http');
const os = require('node:os');
const server = http.createServer((request, response) => {
  console.log('asked ' + request.url);
  response.end('${version} ' + os.hostname() + '\\n');
});
server.listen(process.env.PORT, '0.0.0.0', () => console.log('${version} listens on ' + process.env.PORT));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`,
    ...extra,
  };
}
