import type { KubeClient, PodRef } from '@skyarc/lib/kube';
import { type ContainerLine, parseTimeUs } from '../lines.ts';

export interface OpenLogOptions {
  /** The run before the present one. */
  readonly previous: boolean;
  /** Lines since this second of 1970 UTC; 0 for all. */
  readonly sinceSecond: number;
  readonly signal: AbortSignal;
}

/** Batches of lines of a container's log, as they come; ends with the log or its connection. */
export async function* openLog(
  kube: KubeClient,
  ref: PodRef,
  { previous, sinceSecond, signal }: OpenLogOptions,
): AsyncGenerator<ContainerLine[]> {
  const response = await kube.transport.open({
    path: `/api/v1/namespaces/${ref.namespace}/pods/${ref.pod}/log`,
    query: {
      container: ref.container,
      timestamps: true,
      follow: !previous,
      previous,
      sinceTime:
        sinceSecond > 0 ? new Date(sinceSecond * 1_000).toISOString().replace('.000Z', 'Z') : undefined,
    },
    signal,
  });
  const decoder = new TextDecoder();
  let partial = '';
  for await (const chunk of response.body ?? []) {
    const lines = (partial + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    partial = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map(parseLine);
  }
  if (partial) yield [parseLine(partial)];
}

/** `<RFC 3339 time> <text>`; the API does not say which channel it was. */
function parseLine(raw: string): ContainerLine {
  const space = raw.indexOf(' ');
  const timeUs = parseTimeUs(space === -1 ? raw : raw.slice(0, space));
  return { timeUs, channel: '', text: timeUs && space !== -1 ? raw.slice(space + 1) : timeUs ? '' : raw };
}
