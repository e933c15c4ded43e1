import { expect, it } from '@jest/globals';
import { expectEveryDelivery } from '../support/both-doors.js';

it('of ten thousand right, late, odd, broken, repeated and contradicting events by both doors each is counted, a duplicate, a conflict or a dead letter', async () => {
  await expect(expectEveryDelivery(10_000, 1_313)).resolves.toBeUndefined();
});
