import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { z } from 'zod';
import type { MonitorSettings } from './config.ts';
import type { MonitorController } from './controller.ts';
import type { Deliverer } from './notify/deliver.ts';
import { parseNotification } from './notify/notification.ts';
import type { Federation } from './query/federation.ts';
import { PassedAnswer } from './query/passed-answer.ts';
import type { Answer } from './query/prometheus-client.ts';
import { scopeTo } from './query/promql.ts';
import type { MonitorRepository } from './repository.ts';
import { checkRules } from './rules/check.ts';
import { renderRules } from './rules/render.ts';
import type { Route } from './server.ts';
import type { Watchdog } from './watchdog.ts';

export interface RouteDeps {
  readonly config: MonitorSettings;
  readonly controller: MonitorController;
  readonly federation: Federation;
  readonly deliverer: Deliverer;
  readonly repository: MonitorRepository;
  readonly watchdog: Watchdog;
}

const ownRule = z.strictObject({
  id: z.string(),
  teamName: z.string().nullable(),
  name: z.string(),
  expression: z.string(),
  forSec: z.number(),
  severity: z.string(),
  summary: z.string(),
});

const scopeInput = z.strictObject({ expression: z.string(), namespace: z.string() });

/** As Prometheus itself reads an expression: what is added to it then cannot be taken for something else. */
async function canonical(federation: Federation, expression: string): Promise<string> {
  const parameters = new URLSearchParams({ query: expression });
  return (await federation.evaluator<string>('/api/v1/format_query', parameters)).data;
}

/** As Prometheus says it (https://prometheus.io/docs/prometheus/2.42/querying/api/). */
const asPrometheus = ({ data, warnings }: Answer<unknown>) => ({
  status: 'success',
  data,
  ...(warnings.length > 0 ? { warnings } : {}),
});

/** Queries over all shards, at the paths of Prometheus' own API. */
export function queryRoutes({ federation }: Pick<RouteDeps, 'federation'>): Route[] {
  const methods = ['GET', 'POST'];
  return [
    {
      methods,
      pattern: /^\/api\/v1\/(query|query_range)$/,
      handle: async ({ parts, parameters, signal }) => {
        const answer = await federation.answer(parts[0] as 'query' | 'query_range', parameters, signal);
        return answer instanceof PassedAnswer ? answer : asPrometheus(answer);
      },
    },
    {
      methods,
      pattern: /^\/api\/v1\/series$/,
      handle: async ({ parameters }) => asPrometheus(await federation.series(parameters)),
    },
    {
      methods,
      pattern: /^(\/api\/v1\/(?:labels|label\/[a-zA-Z_][a-zA-Z0-9_]*\/values))$/,
      handle: async ({ parts, parameters }) =>
        asPrometheus(await federation.list(parts[0] as string, parameters)),
    },
    {
      methods,
      pattern: /^(\/api\/v1\/(?:rules|alerts|format_query))$/,
      handle: async ({ parts, parameters }) =>
        asPrometheus(await federation.evaluator(parts[0] as string, parameters)),
    },
  ];
}

/** What the API asks for, and where Alertmanager brings its notifications. */
export function controlRoutes(deps: RouteDeps): Route[] {
  const { config, controller, deliverer, repository, watchdog } = deps;
  const { alertmanager } = controller;
  return [
    {
      methods: ['POST'],
      pattern: /^\/notify\/([A-Za-z0-9.-]+)$/,
      handle: async ({ parts: [receiver = ''], body }) => {
        if (receiver.startsWith('watchdog')) return watchdog.heard();
        const notification = parseNotification(body);
        if (receiver !== 'messages') return deliverer.deliver(receiver, notification);
        for (const alert of notification.alerts) await repository.saveMessage(alert);
        return undefined;
      },
    },
    { methods: ['POST'], pattern: /^\/sync$/, handle: () => controller.sync() },
    {
      methods: ['POST'],
      pattern: /^\/scope$/,
      handle: async ({ body }) => {
        const { expression, namespace } = check('Cannot read the expression', scopeInput, body);
        return { expression: scopeTo(namespace, await canonical(deps.federation, expression)) };
      },
    },
    {
      methods: ['POST'],
      pattern: /^\/rules\/check$/,
      handle: async ({ body }) => {
        const rule = check('Cannot check the rule', ownRule, body);
        await canonical(deps.federation, rule.expression);
        await checkRules(config.prometheus.promtool, renderRules([rule], config));
      },
    },
    {
      methods: ['POST'],
      pattern: /^\/receivers\/([A-Za-z0-9.-]+)\/test$/,
      handle: ({ parts: [id = ''] }) => deliverer.test(id),
    },
    {
      methods: ['GET'],
      pattern: /^\/alerts$/,
      handle: () => alertmanager.call('GET', '/alerts'),
    },
    {
      methods: ['GET', 'POST'],
      pattern: /^\/silences$/,
      handle: ({ body }) => alertmanager.call(body === undefined ? 'GET' : 'POST', '/silences', body),
    },
    {
      methods: ['DELETE'],
      pattern: /^\/silences\/([a-f0-9-]{36})$/,
      handle: async ({ parts: [id] }) => {
        if (!id) throw new AppError('NOT_FOUND', 'There is no such silence');
        await alertmanager.call('DELETE', `/silence/${id}`);
      },
    },
  ];
}
