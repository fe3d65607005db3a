import type { Kind } from '../kind.ts';
import * as apps from './apps.ts';
import * as autoscaling from './autoscaling.ts';
import * as batch from './batch.ts';
import * as core from './core.ts';
import * as networkPolicy from './network-policy.ts';
import * as networking from './networking.ts';
import * as pods from './pods.ts';
import * as policy from './policy.ts';
import * as registration from './registration.ts';
import * as services from './services.ts';
import * as storage from './storage.ts';

/** Every kind that is served; a new one needs a declaration here and nothing else. */
export const kinds: readonly Kind[] = [
  core,
  pods,
  services,
  storage,
  apps,
  autoscaling,
  batch,
  networking,
  networkPolicy,
  policy,
  registration,
].flatMap((family) => Object.values(family));
