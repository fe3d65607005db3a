import { parseConfig } from '@skyarc/lib/config';
import { AppError } from '@skyarc/lib/errors';
import { Stack, type RunningService } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import type { KubeClient } from '../client/index.ts';
import { controllersConfigSchema, type ControllersInput } from './config.ts';
import { SharedInformers, type ControllerContext, type ControllerFactory } from './controller.ts';
import { autoscalerController } from './autoscaler/index.ts';
import { cronJobController } from './cronjob/index.ts';
import { daemonSetController } from './daemonset/index.ts';
import { deploymentController } from './deployment/index.ts';
import { disruptionController } from './disruption/index.ts';
import { endpointsController } from './endpoints/index.ts';
import { EventRecorder } from './event-recorder.ts';
import { garbageCollector } from './garbage/index.ts';
import { jobController } from './job/index.ts';
import { namespaceController } from './namespace/index.ts';
import { nodeController } from './nodes/index.ts';
import { podGarbageCollector } from './podgc/index.ts';
import { replicaSetController } from './replicaset/index.ts';
import { scheduler } from './scheduler/index.ts';
import { statefulSetController } from './statefulset/index.ts';
import { volumeController } from './volumes/index.ts';

/** Every controller of the cluster and the component that its events are signed with. */
const controllers: readonly { readonly component: string; readonly make: ControllerFactory }[] = [
  { component: 'endpoint-slice-controller', make: endpointsController },
  { component: 'deployment-controller', make: deploymentController },
  { component: 'replicaset-controller', make: replicaSetController },
  { component: 'statefulset-controller', make: statefulSetController },
  { component: 'daemonset-controller', make: daemonSetController },
  { component: 'job-controller', make: jobController },
  { component: 'cronjob-controller', make: cronJobController },
  { component: 'horizontal-pod-autoscaler', make: autoscalerController },
  { component: 'controllermanager', make: disruptionController },
  { component: 'default-scheduler', make: scheduler },
  { component: 'garbage-collector', make: garbageCollector },
  { component: 'namespace-controller', make: namespaceController },
  { component: 'persistentvolume-controller', make: volumeController },
  { component: 'node-controller', make: nodeController },
  { component: 'pod-garbage-collector', make: podGarbageCollector },
];

export interface ControllersDeps {
  readonly client: KubeClient;
  readonly log: Logger;
  /** GET of an aggregated API by path and query; without it autoscalers have no metrics. */
  readonly readAggregated?: (path: string) => Promise<unknown>;
}

/**
 * Runs the cluster's controllers and scheduler over one set of shared informers; resolves when their
 * caches are filled and they work. They hold no state of their own: stop and start at any time.
 */
export async function startControllers(
  input: ControllersInput,
  { client, log, readAggregated: read = readNothing }: ControllersDeps,
): Promise<RunningService> {
  const config = parseConfig('controllers', controllersConfigSchema, input);
  const stack = new Stack();
  const informers = stack.use(
    new SharedInformers(client, { log, repairEveryMs: config.repairEveryMs }),
    (all) => all.stop(),
  );
  const running = controllers.map(({ component, make }) => {
    const own = log.child({ component });
    const events = stack.use(new EventRecorder(client, { component, log: own }), (each) => each.flush());
    const context: ControllerContext = { client, informers, events, config, log: own, read };
    return make(context);
  });
  await informers.start();
  for (const controller of running) controller.start();
  stack.add(async () => {
    await Promise.all(running.map((controller) => controller.stop()));
  });
  log.info({ controllers: running.length }, 'controllers started');
  return { url: 'embedded:controllers', stop: () => stack.stop() };
}

function readNothing(path: string): Promise<unknown> {
  return Promise.reject(new AppError('NOT_FOUND', `Cannot read ${path}: no metrics are served`));
}
