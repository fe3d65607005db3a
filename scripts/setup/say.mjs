/** One line of progress, with the time it took once it is done; keeps to plain lines where nobody watches. */
export async function step(title, work) {
  const began = Date.now();
  const isLive = process.stdout.isTTY;
  if (isLive) process.stdout.write(`  …  ${title}`);
  else console.log(`  …  ${title}`);
  try {
    const answer = await work();
    const detail = typeof answer === 'string' ? ` (${answer})` : '';
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    console.log(`${isLive ? '\r' : ''}  ✓  ${title}${detail}  ${seconds} s`);
    return answer;
  } catch (error) {
    console.log(`${isLive ? '\r' : ''}  ✗  ${title}`);
    throw error;
  }
}

/** An error whose message is all that a person needs to read. */
export class SetupError extends Error {}
