import { spawn } from 'node:child_process';
import { SetupError } from './say.mjs';

/** Runs a program to its end; throws with the last lines that it printed when it fails. */
export async function execute(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-20_000)));
  }
  const code = await new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new SetupError(`Cannot run ${command}: ${error.message}`)));
    child.once('close', resolve);
  });
  if (code !== 0 && !options.mayFail) {
    const tail = output.trimEnd().split('\n').slice(-15).join('\n');
    throw new SetupError(`${[command, ...args].join(' ')} failed:\n${tail}`);
  }
  return { code, output };
}
