import { expect, test } from 'vitest';
import { inputs } from './input.ts';

test.each(['skyarc', 'system', 'incoming'])('no team is named %s, and the refusal says why', (name) => {
  const said = inputs.createTeam.safeParse({ name }).error?.issues.map(({ message }) => message);
  expect(said?.join()).toMatch(
    new RegExp(`^The team name "${name}" is reserved for the .*choose another one$`),
  );
  expect(inputs.createTeam.safeParse({ name: `${name}-x` }).success).toBe(true);
});
