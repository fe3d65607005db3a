import { digestOf, RegistryClient } from '@skyarc/lib/oci';
import { expect, test } from 'vitest';
import { ImageGuard } from './guard.ts';

/** At an address where nobody answers: what is refused without a question is seen by it. */
const guard = new ImageGuard(new RegistryClient({ url: 'http://127.0.0.1:1', patienceMs: 0 }), '');
const digest = digestOf('an image');
const spec = (image: string) => ({
  team: 'blue',
  version: { id: 'v', number: 1, image },
  grey: null,
  plugins: [],
});

test.each([
  [`red/shop@${digest}`, /not one of team "blue"/],
  [`bluebird/shop@${digest}`, /not one of team "blue"/],
  ['blue/shop:latest', /not an image with a digest/],
  [`docker.io:443/blue/shop@${digest}`, /not an image with a digest/],
])('%s is refused', async (image, reason) => {
  await expect(guard.check(spec(image))).rejects.toMatchObject({
    code: 'INVALID',
    message: expect.stringMatching(reason),
  });
});

test('a registry that does not answer is waited for, not believed', async () => {
  await expect(guard.check(spec(`blue/shop@${digest}`))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
