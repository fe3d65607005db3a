import type { Service, ServiceContext } from './service.ts';
import { textOf, type Tree } from './tree.ts';
import { secondsOf } from './units.ts';

/** `healthcheck:` as a command that says whether the app is ready. */
export function readHealthcheck(value: Tree, service: Service, context: ServiceContext, line: number): void {
  const { notes } = context;
  if (value.kind !== 'table') return notes.error(line, 'healthcheck is a map with test');
  const get = (name: string) => textOf(value.entries.get(name)?.value);
  const test = value.entries.get('test')?.value;
  if (get('disable') === 'true' || !test) return;
  const given =
    test.kind === 'list' ? test.items.map((item) => textOf(item) ?? '') : ['CMD-SHELL', textOf(test) ?? ''];
  const [kind, ...rest] = given;
  if (kind === 'NONE') return;
  const command = kind === 'CMD' ? rest : kind === 'CMD-SHELL' ? ['/bin/sh', '-c', rest.join(' ')] : null;
  if (!command || rest.length === 0 || !rest[0])
    return notes.error(test.line, 'healthcheck.test begins with CMD, CMD-SHELL or NONE, and names a command');
  const seconds = (name: string, fallback: number): number => {
    const text = get(name);
    const found = text === null ? fallback : secondsOf(text);
    if (found === null)
      notes.error(value.entries.get(name)?.line ?? line, `healthcheck.${name} is a time such as 30s`);
    return found ?? fallback;
  };
  const retries = Number(get('retries') ?? '3');
  const [interval, startPeriod] = [seconds('interval', 30), seconds('start_period', 0)];
  service.readiness = {
    command,
    periodSeconds: whole(Math.min(interval, seconds('start_interval', interval)), 3_600),
    timeoutSeconds: whole(seconds('timeout', 30), 600),
    failureThreshold: whole(Number.isFinite(retries) ? retries : 3, 1_000),
    initialDelaySeconds: 0,
  };
  service.startTimeoutSeconds = whole(Math.max(120, startPeriod + interval * (retries || 3)), 3_600);
}

/** A whole number from 1 on. */
const whole = (number: number, most: number) => Math.min(most, Math.max(1, Math.round(number)));
