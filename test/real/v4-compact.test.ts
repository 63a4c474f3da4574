import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openModelFile } from '../../src/activations/model-file.js';
import { Session } from '../../src/runtime/session.js';
import { tolerances } from '../tolerances.js';
import { compact, data, onV4, rescored } from './v4-hvm640.js';

onV4((place) => {
  test('the network itself answers as its README says', async () => {
    for (const [name, wanted] of [
      ['5', [-1.139603, -1.778088, -0.441714]],
      ['200', [-0.956084, -1.847222, -0.100637]],
    ] as const) {
      const { bytes } = await openModelFile(
        join(data as string, `v4_shared_compact_${name}.onnx`),
        { card: compact },
      );
      const session = await Session.open(bytes);
      const { responses } = await session.run(
        {
          image: {
            dtype: 'float32',
            dims: [1, 3, 112, 112],
            data: new Float32Array(3 * 112 * 112).fill(64),
          },
        },
        ['responses'],
      );
      wanted.forEach((value, i) => {
        expect(Math.abs(Number(responses.data[i]) - value)).toBeLessThan(
          tolerances.activations.absolute,
        );
      });
      await session.close();
    }
  });

  const five = { path: join(data ?? '', 'v4_shared_compact_5.onnx'), card: compact };
  rescored(place, { model: five, layers: ['layer4', 'responses'] });
});
