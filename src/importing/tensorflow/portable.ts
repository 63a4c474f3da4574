/**
 * TensorFlow.js from the packages that the import needs: operators, layers, graph models, and the portable
 * backend. `@tensorflow/tfjs` would add WebGL, data pipelines and core-js.
 */
import '@tensorflow/tfjs-backend-cpu';

export * from '@tensorflow/tfjs-converter';
export * from '@tensorflow/tfjs-core';
export * from '@tensorflow/tfjs-layers';
