import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { madeHome } from '../../store/made-home.js';
import {
  callsOfCalls,
  constantFolding,
  customDomain,
  declaredLargeOutput,
  externalData,
  foldingInFunctions,
  manyNodes,
  nestedIf,
  shortInitializer,
  slowFolding,
  sparseBomb,
  twoGigabytesAnnounced,
} from '../hostile-models.js';
import { expectUnharmed, serviceOn, upload } from '../hostile-service.js';
import type { RunningService } from '../running-service.js';

let home: string;
let service: RunningService;
beforeAll(async () => {
  home = await madeHome('ventral-hostile-');
  service = await serviceOn(home);
});
afterAll(async () => {
  await service.stop();
  await rm(home, { recursive: true, force: true });
});
afterEach(() => expectUnharmed(service));

describe('a model is refused that', () => {
  it.each([
    ['reads another file', () => externalData('../../etc/passwd'), 422, 'onnx-external-data'],
    ['reads a file of the system', () => externalData('/etc/passwd'), 422, 'onnx-external-data'],
    ['keeps its weights beside it', () => externalData('weights'), 422, 'onnx-external-data'],
    ['announces two gigabytes', twoGigabytesAnnounced, 422, 'onnx-truncated'],
    ['calls an operator of its own domain', customDomain, 422, 'onnx-operator'],
    ['says that it gives ten gigabytes', declaredLargeOutput, 422, 'onnx-invalid'],
    ['nests If a hundred times', () => nestedIf(100), 422, 'onnx-invalid'],
    ['has more nodes than any network', () => manyNodes(100_001), 422, 'onnx-invalid'],
    ['has a million nodes in its functions', () => callsOfCalls(6), 422, 'onnx-invalid'],
    ['has a sparse tensor that grows', sparseBomb, 422, 'onnx-invalid'],
    ['has less data than it says', shortInitializer, 422, 'onnx-invalid'],
    // These are refused for what their constants would take, before the runtime takes it.
    ['has constants of 12 GB', () => constantFolding(60, 5e7), 422, 'onnx-invalid'],
    ['has one constant of 16 GB', () => constantFolding(1, 4e9), 422, 'onnx-invalid'],
    ['multiplies constants for hours', slowFolding, 422, 'onnx-invalid'],
    ['makes large constants in functions', foldingInFunctions, 422, 'onnx-invalid'],
  ])('%s', async (name, build, status, code) => {
    const answer = await upload(service, name, build());
    expect(answer).toMatchObject({ status, body: { type: `/problems/${code}`, status } });
    expect(answer.text).not.toMatch(/root:|\bat .*\.js/);
  });
});
