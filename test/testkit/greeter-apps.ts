/**
 * Two apps in one repository: with ROLE `greeter` a gRPC server on port 9000 that fails two calls of three, else a
 * page whose `/call` says what the gRPC server answered, asked by the name that discovery (xDS) knows it by.
 */
export const greeterApps: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    name: 'greeting',
    version: '1.0.0',
    private: true,
    scripts: { start: 'node main.js' },
    dependencies: { '@grpc/grpc-js': '1.14.7', '@grpc/grpc-js-xds': '1.14.1' },
  }),
  'main.js': `const http = require('node:http');
const grpc = require('@grpc/grpc-js');
const text = { serialize: (value) => Buffer.from(value), deserialize: (bytes) => bytes.toString() };
const definition = {
  greet: {
    path: '/test.Greeter/Greet', requestStream: false, responseStream: false,
    requestSerialize: text.serialize, requestDeserialize: text.deserialize,
    responseSerialize: text.serialize, responseDeserialize: text.deserialize,
  },
};

function greet() {
  let calls = 0;
  const server = new grpc.Server();
  server.addService(definition, {
    greet: (call, answer) =>
      (calls += 1) % 3 === 0 ? answer(null, call.request) : answer({ code: grpc.status.UNAVAILABLE, details: 'not now' }),
  });
  server.bindAsync('0.0.0.0:9000', grpc.ServerCredentials.createInsecure(), () => console.log('greeting on 9000'));
}

function call() {
  require('@grpc/grpc-js-xds').register();
  const Greeter = grpc.makeGenericClientConstructor(definition, 'Greeter');
  const client = new Greeter('xds:///greeter:9000', grpc.credentials.createInsecure());
  http.createServer((request, response) => {
    if (request.url !== '/call') return response.end('caller\\n');
    client.greet('hello', new grpc.Metadata(), { deadline: Date.now() + 10_000 }, (error, said) =>
      response.end((error ? error.message : said) + '\\n'));
  }).listen(process.env.PORT, '0.0.0.0');
}

process.on('SIGTERM', () => process.exit(0));
if (process.env.ROLE === 'greeter') greet();
else call();
`,
};
