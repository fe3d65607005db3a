import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

const snapshot = z.object({
  routes: z.array(z.object({ namespace: z.string(), service: z.string(), requestsPerSecond: z.number() })),
});
type Figures = z.output<typeof snapshot>['routes'];

const timeoutMs = 3_000;
const freshMs = 2_000;

/** Requests per second of apps over the last minute, as all gateways together counted them. */
export class RequestRates {
  private readonly urls: readonly string[];
  private readAt = 0;
  private reading: Promise<Figures> = Promise.resolve([]);

  constructor(urls: readonly string[]) {
    this.urls = urls;
  }

  /** Of one app; 0 when nobody asked it. Throws UNAVAILABLE when no gateway answers: nothing is known then. */
  async rateOf(namespace: string, app: string): Promise<number> {
    if (Date.now() - this.readAt > freshMs) {
      this.readAt = Date.now();
      this.reading = this.read();
    }
    return (await this.reading)
      .filter((route) => route.namespace === namespace && route.service === app)
      .reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0);
  }

  private async read(): Promise<Figures> {
    const answers = await Promise.allSettled(this.urls.map(readGateway));
    const known = answers.filter((answer) => answer.status === 'fulfilled');
    if (known.length === 0) throw new AppError('UNAVAILABLE', 'No gateway tells its request rates');
    return known.flatMap(({ value }) => value);
  }
}

async function readGateway(url: string): Promise<Figures> {
  const response = await fetch(`${url}/routes/stats`, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new AppError('UNAVAILABLE', `${url} answers ${response.status}`);
  return snapshot.parse(await response.json()).routes;
}
