// The process of a trial on a provider that does not exist: it is the CPU, whose numbers are changed as VENTRAL_TEST_FAULT says.
import { InferenceSession, Tensor } from 'onnxruntime-node';

const fault = process.env.VENTRAL_TEST_FAULT;
const create = InferenceSession.create.bind(InferenceSession);
const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

InferenceSession.create = async (model, settings) => {
  const [provider] = settings.executionProviders;
  if (provider !== 'cpu' && fault === 'refuses') throw new Error('no adapter\nand more');
  if (provider !== 'cpu' && fault === 'crash') process.kill(process.pid, 'SIGSEGV');
  const session = await create(model, { ...settings, executionProviders: ['cpu'] });
  const run = session.run.bind(session);
  session.run = async (...args) => {
    const slow = provider === 'cpu' ? fault !== 'slow' : fault === 'slow';
    if (slow) pause(60);
    const made = await run(...args);
    return provider === 'cpu' ? made : changed(made);
  };
  return session;
};

/** The last layer that has more than one number a stimulus. */
function changed(made) {
  if (fault !== 'wrong' && fault !== 'nan') return made;
  const name = Object.keys(made).at(-1);
  const { dims, data } = made[name];
  const other = Float32Array.from(data, (value, i) =>
    i === 0 ? (fault === 'nan' ? Number.NaN : value + 1e3) : value,
  );
  return { ...made, [name]: new Tensor('float32', other, dims) };
}

await import('../../../dist/src/activations/provider/provider-trial-child.js');
