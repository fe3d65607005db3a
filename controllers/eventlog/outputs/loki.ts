import { post } from './http.ts';
import type { OutputLine, Send } from './output.ts';

/**
 * Loki's push API (`POST /loki/api/v1/push`, JSON): streams of labels with `[nanoseconds, line]`. Team, app,
 * instance and level are labels; the sequence is not, as each value of a label is a stream of its own.
 */
export const sendLoki: Send<'LOKI'> = async ({ settings, lines, ...rest }) => {
  const { url, username } = settings;
  const body = JSON.stringify({ streams: streamsOf(lines) });
  await post({
    ...rest,
    username,
    contentType: 'application/json',
    body,
    url: `${url.replace(/\/+$/, '')}/loki/api/v1/push`,
  });
};

export function streamsOf(lines: readonly OutputLine[]) {
  const streams = new Map<string, { stream: Record<string, string>; values: [string, string][] }>();
  for (const { timeMs, text, level, channel, team, app, source } of lines) {
    const [pod = '', container = ''] = source.split('/');
    const labels = { job: 'skyarc', team, app, pod, container, level, channel };
    const stream = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
    const key = JSON.stringify(stream);
    const known = streams.get(key) ?? { stream, values: [] };
    known.values.push([String(BigInt(timeMs) * 1_000_000n), text]);
    streams.set(key, known);
  }
  return [...streams.values()];
}
