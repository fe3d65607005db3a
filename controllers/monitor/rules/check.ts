import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { run } from '@skyarc/lib/process';

/** Throws INVALID with what promtool says of rules that Prometheus would not take, templates included. */
export async function checkRules(promtool: string, content: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-rules-'));
  try {
    const file = join(folder, 'rules.yml');
    await writeFile(file, content);
    const { code, stdout, stderr } = await run(promtool, ['check', 'rules', '--lint=none', file]);
    if (code !== 0) throw new AppError('INVALID', `Cannot use the rule: ${reasonOf(`${stderr}\n${stdout}`)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What follows the file's name and the rule's place in promtool's answer. */
function reasonOf(text: string): string {
  const line = text.split('\n').find((one) => /error|could not|invalid/i.test(one)) ?? text;
  return line
    .replace(/^.*?rule \d+, "[^"]*": /, '')
    .trim()
    .slice(0, 300);
}
