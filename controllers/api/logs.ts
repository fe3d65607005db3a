import { isFinal, type OperationStatus, streamOf } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { LogBatch, LogFrame } from '@skyarc/lib/eventlog-client';
import { Channel } from '@skyarc/lib/graphql';
import { sleep } from '@skyarc/lib/retry';
import type { Api } from './api.ts';
import type { CallContext } from './context.ts';
import type { LogEvent, LogLine, LogPage, LogPageInput, LogSourceInput } from './generated/resolvers.ts';

interface Source {
  readonly stream: string;
  readonly team: string;
  readonly appId: string;
  /** True when no more lines will come; null for a log that never ends. */
  readonly isComplete: (() => Promise<boolean>) | null;
}

const maxLines = 5_000;
const maxTextLength = 200;
/** A last line may still be on its way when the state is final already. */
const lastLineGraceMs = 400;
const maxQueuedEvents = 16;

/** Stored lines, oldest first. Throws NOT_FOUND for a log of nobody or of another team. */
export async function readLog(
  api: Api,
  source: LogSourceInput,
  page: LogPageInput | null | undefined,
  context: CallContext,
): Promise<LogPage> {
  const { stream } = await sourceOf(api, source, context);
  const { last, before, after } = page ?? {};
  const isForward = after !== null && after !== undefined;
  const { frames, more, cursor, missingNodes } = await api.eventLog.read({
    stream,
    cursor: cursorOf(isForward ? after : (before ?? '0')),
    backward: !isForward,
    limit: Math.max(1, Math.min(last ?? 500, maxLines)),
    ...filterOf(page ?? {}),
  });
  return {
    lines: frames.map(presentLine),
    hasOlder: more,
    cursor: cursor > 0 ? String(cursor) : null,
    isPartial: missingNodes.length > 0,
  };
}

function filterOf({ contains, pattern, pod, from, until }: LogPageInput) {
  for (const text of [contains, pattern, pod]) {
    if (text && text.length > maxTextLength)
      throw new AppError('INVALID', `Cannot read the log: a filter has at most ${maxTextLength} characters`);
  }
  return {
    ...(contains ? { contains } : {}),
    ...(pattern ? { pattern } : {}),
    ...(pod ? { source: pod } : {}),
    ...(from ? { fromMs: momentOf(from) } : {}),
    ...(until ? { untilMs: momentOf(until) } : {}),
  };
}

/** Lines after the cursor, or beginning with the newest `tail`, then live ones; a finished log ends. */
export async function followLog(
  api: Api,
  wanted: { readonly source: LogSourceInput; readonly after?: string | null; readonly tail?: number | null },
  context: CallContext,
): Promise<Channel<LogEvent>> {
  const source = await sourceOf(api, wanted.source, context);
  const stopping = new AbortController();
  const channel = new Channel<LogEvent>(() => stopping.abort());
  const cursor = wanted.after === null || wanted.after === undefined ? 0 : cursorOf(wanted.after);
  const tail = wanted.after ? undefined : Math.max(0, Math.min(wanted.tail ?? 0, maxLines));
  const progress = { cursor };
  const batches = api.eventLog.follow({ stream: source.stream, cursor, tail, signal: stopping.signal });
  const fail = (error: unknown): void => channel.end(error);
  pump(batches, channel, progress).catch(fail);
  if (source.isComplete) endWhenRead(api, source, channel, progress, stopping.signal).catch(fail);
  return channel;
}

async function pump(
  batches: AsyncIterable<LogBatch>,
  channel: Channel<LogEvent>,
  progress: { cursor: number },
): Promise<void> {
  for await (const { frames, gap } of batches) {
    progress.cursor = frames.at(-1)?.sequence ?? gap?.to ?? progress.cursor;
    channel.push({
      lines: frames.map(presentLine),
      gap: gap && { from: String(gap.from - 1), to: String(gap.to) },
    });
    // The event log marks a gap for us when we are slow; our own memory stays small.
    while (channel.pending > maxQueuedEvents) await sleep(20);
  }
  channel.end();
}

async function endWhenRead(
  api: Api,
  source: Source,
  channel: Channel<LogEvent>,
  progress: { readonly cursor: number },
  signal: AbortSignal,
): Promise<void> {
  const states = api.changes.watch({
    team: source.team,
    concerns: (notice) => notice.appId === source.appId,
    read: async () => source.isComplete?.() ?? false,
    isLast: (isComplete) => isComplete,
  });
  signal.addEventListener('abort', () => void states.return(), { once: true });
  for await (const isComplete of states) if (isComplete) break;
  while (!signal.aborted) {
    await sleep(lastLineGraceMs, signal).catch(() => undefined);
    const { frames } = await api.eventLog.read({ stream: source.stream, backward: true, limit: 1 });
    if (progress.cursor >= (frames.at(-1)?.sequence ?? 0)) break;
  }
  channel.end();
}

async function sourceOf(
  { repository }: Api,
  { kind, id }: LogSourceInput,
  context: CallContext,
): Promise<Source> {
  switch (kind) {
    case 'APP': {
      const app = await repository.findApp(context, id);
      if (app) return { stream: streamOf.app(id), team: app.teamName, appId: id, isComplete: null };
      break;
    }
    case 'BUILD': {
      const [build] = await repository.listBuilds(context, [id]);
      const read = async () => (await repository.listBuilds(context, [id]))[0];
      const isComplete = async () => isEnd((await read())?.status);
      if (build)
        return { stream: streamOf.build(id), team: build.app.teamName, appId: build.appId, isComplete };
      break;
    }
    case 'OPERATION': {
      const [operation] = await repository.listOperationsById(context, [id]);
      const isComplete = async () => isEnd((await repository.findOperation(id))?.status);
      if (operation) {
        const { teamName: team, appId } = operation;
        return { stream: streamOf.operation(id), team, appId, isComplete };
      }
      break;
    }
  }
  throw new AppError('NOT_FOUND', 'There is no such log');
}

function momentOf(text: string): number {
  const timeMs = Date.parse(text);
  if (!Number.isFinite(timeMs) || timeMs < 0)
    throw new AppError('INVALID', `Cannot read the log: "${text.slice(0, 40)}" is no time`);
  return timeMs;
}

function isEnd(status: string | undefined): boolean {
  return status === undefined || isFinal(status as OperationStatus);
}

function cursorOf(text: string): number {
  if (!/^\d{1,16}$/.test(text))
    throw new AppError('INVALID', 'Cannot read the log: the cursor is none of ours');
  return Number(text);
}

function presentLine(frame: LogFrame): LogLine {
  return {
    cursor: String(frame.sequence),
    at: new Date(frame.timeMs),
    text: frame.line,
    source: frame.source,
    level: frame.level,
    channel: frame.channel || null,
  };
}
