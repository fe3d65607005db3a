import { createServer, type Server } from 'node:http';
import { SMTPServer } from 'smtp-server';

export interface Mail {
  readonly to: readonly string[];
  readonly text: string;
}

/** A real SMTP server that keeps what it is given. */
export class MailBox {
  readonly mails: Mail[] = [];
  private readonly server: SMTPServer;

  constructor() {
    this.server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, session, done) => {
        let text = '';
        stream
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('end', () => {
            this.mails.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
            done();
          });
      },
    });
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve()));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

export interface Posted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Takes JSON by POST, answers as told, and serves metrics that tests set. */
export class Outside {
  readonly posts: Posted[] = [];
  readonly metrics = new Map<string, number>();
  answer: { status: number; body: string } = { status: 200, body: '{"errcode":0}' };
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const { url = '/', method, headers } = request;
      if (method === 'GET') {
        const lines = [...this.metrics].map(([name, value]) => `${name} ${value}`);
        response.writeHead(url.endsWith('/metrics') ? 200 : 404).end(`${lines.join('\n')}\n`);
        return;
      }
      let body = '';
      request
        .setEncoding('utf8')
        .on('data', (chunk: string) => (body += chunk))
        .on('end', () => {
          const isStrict = method === 'POST' && headers['content-type']?.startsWith('application/json');
          if (isStrict) this.posts.push({ path: url, headers, body });
          const { status, body: answer } = isStrict ? this.answer : { status: 415, body: 'JSON by POST' };
          response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
        });
    });
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.server.listen(port, '127.0.0.1', () => resolve()));
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }
}
