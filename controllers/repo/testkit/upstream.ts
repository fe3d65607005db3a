import { createServer, type Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

interface Page {
  readonly body: string | Buffer;
  readonly type?: string;
}

/** A registry of all formats with the files that a test gives it; counts who asks, and can be cut or lie. */
export class FixtureUpstream {
  readonly url: string;
  readonly asked: string[] = [];
  private readonly pages = new Map<string, Page>();
  private readonly server: Server;
  private isCut = false;
  /** Milliseconds between two chunks of 64 KiB. */
  paceMs = 0;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.server = createServer((request, response) => {
      const path = decodeURIComponent(request.url ?? '/');
      if (this.isCut) {
        response.destroy();
        return;
      }
      this.asked.push(path);
      const page = this.pages.get(path);
      if (!page) {
        response.writeHead(404).end();
        return;
      }
      const body = Buffer.from(page.body);
      const type = page.type ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-length': body.length });
      void this.send(body, response);
    });
  }

  static async start(port: number): Promise<FixtureUpstream> {
    const upstream = new FixtureUpstream(port);
    await new Promise<void>((resolve) => upstream.server.listen(port, '127.0.0.1', resolve));
    return upstream;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  put(path: string, body: string | Buffer, type?: string): void {
    this.pages.set(path, { body, ...(type ? { type } : {}) });
  }

  bodyOf(path: string): Buffer {
    return Buffer.from(this.pages.get(path)?.body ?? '');
  }

  /** How often it was asked for paths that have this in them. */
  countOf(part: string): number {
    return this.asked.filter((path) => path.includes(part)).length;
  }

  /** Does something while nobody is answered. */
  async whileCut<T>(work: () => Promise<T>): Promise<T> {
    this.isCut = true;
    try {
      return await work();
    } finally {
      this.isCut = false;
    }
  }

  private async send(body: Buffer, response: NodeJS.WritableStream): Promise<void> {
    if (this.paceMs === 0) {
      response.end(body);
      return;
    }
    for (let at = 0; at < body.length; at += 65_536) {
      response.write(body.subarray(at, at + 65_536));
      await delay(this.paceMs);
    }
    response.end();
  }
}
