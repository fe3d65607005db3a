import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { renderRules } from './render.ts';

const pod = 'namespace="skyarc-blue", pod="shop-1"';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skyarc-rules-'));
  await writeFile(join(folder, 'rules.yml'), renderRules([], { keepFiringSec: 60, patience: 1 }));
});
afterAll(() => rm(folder, { recursive: true }));

interface Story {
  /** Values each 15 s by series, as promtool writes them: `0x3 1 _`. */
  readonly series: Readonly<Record<string, string>>;
  /** Names of the alerts that fire at a time. */
  readonly firing: Readonly<Record<string, readonly string[]>>;
  /** Names that must fire at no other of these times. */
  readonly among: readonly string[];
}

/** Lets promtool evaluate the rules over the series. */
async function tell({ series, firing, among }: Story): Promise<void> {
  const labels = { severity: 'critical', namespace: 'skyarc-blue', app: 'a', app_name: 'shop', team: 'blue' };
  const summary = 'App shop crashes again and again';
  const file = join(folder, 'story.yml');
  const tests = {
    rule_files: ['rules.yml'],
    evaluation_interval: '15s',
    tests: [
      {
        interval: '15s',
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: Object.entries(firing).flatMap(([at, names]) =>
          among.map((name) => ({
            eval_time: at,
            alertname: name,
            exp_alerts: names.includes(name) ? [{ exp_labels: labels, exp_annotations: { summary } }] : [],
          })),
        ),
      },
    ],
  };
  await writeFile(file, stringify(tests));
  const { code, stdout, stderr } = await run('promtool', ['test', 'rules', file], { timeoutMs: 30_000 });
  expect(code, `${stdout}\n${stderr}`).toBe(0);
}

test('a crash loop is one alert through the moments in which the container runs, and nothing after it', async () => {
  await tell({
    series: {
      [`skyarc_pod_info{${pod}, app="a", app_name="shop", team="blue"}`]: '1x80',
      // Waits, runs for a moment, waits; after seven minutes it is mended.
      [`kube_pod_container_status_waiting_reason{${pod}, container="app", reason="CrashLoopBackOff"}`]:
        '0x3 1x3 0x1 1x8 0x1 1x8 0x60',
      [`kube_pod_container_status_restarts_total{${pod}, container="app"}`]: '0x1 1x1 2x6 3x9 4x60',
    },
    firing: {
      '30s': [],
      '1m30s': ['AppCrashLooping'],
      '2m': ['AppCrashLooping'],
      '6m': ['AppCrashLooping'],
      '15m': [],
    },
    among: ['AppCrashLooping', 'AppRestarting'],
  });
});
