import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';
import { post } from './http.ts';
import type { OutputLine, Send } from './output.ts';

/** Already there: it arrived before, and its answer was lost. */
const conflict = 409;

const bulkAnswer = z.object({
  errors: z.boolean(),
  items: z.array(
    z.object({
      create: z.object({ status: z.number(), error: z.object({ reason: z.string() }).loose().optional() }),
    }),
  ),
});

/**
 * Elasticsearch's and OpenSearch's bulk API (`POST /<index>/_bulk`, NDJSON). `create` with an id of our own
 * makes a repeat a conflict instead of a second document, and is what a data stream takes.
 */
export const sendElasticsearch: Send<'ELASTICSEARCH'> = async ({ settings, lines, ...rest }) => {
  const { url, username, index } = settings;
  const body = lines.map(actionOf).join('');
  const answer = await post({
    ...rest,
    username,
    body,
    contentType: 'application/x-ndjson',
    url: `${url.replace(/\/+$/, '')}/${encodeURIComponent(index)}/_bulk`,
  });
  const { errors, items } = parse(answer);
  if (!errors) return;
  const refused = items.find(({ create: { status } }) => status >= 300 && status !== conflict)?.create;
  // A document that can never be stored would hold back everything behind it for ever.
  if (refused && (refused.status === 429 || refused.status >= 500))
    throw new AppError(
      'UNAVAILABLE',
      `It did not store all lines: ${refused.error?.reason ?? refused.status}`,
    );
};

function actionOf(line: OutputLine): string {
  const { timeMs, text, level, channel, team, app, appId, source, sequence } = line;
  const [pod = '', container = ''] = source.split('/');
  const document = {
    '@timestamp': new Date(timeMs).toISOString(),
    message: text,
    log: { level },
    stream: channel,
    skyarc: { team, app, appId, pod, container, sequence },
  };
  return `${JSON.stringify({ create: { _id: `${appId}-${sequence}` } })}\n${JSON.stringify(document)}\n`;
}

function parse(answer: string): z.infer<typeof bulkAnswer> {
  try {
    return bulkAnswer.parse(JSON.parse(answer));
  } catch (cause) {
    throw new AppError('INVALID', 'What answers is no Elasticsearch', { cause });
  }
}
